"""Writes src/text/unicode_ranges.inc: the properties of code points as HF `tokenizers` sees them.

    python tools/text/make_unicode_ranges.py > src/text/unicode_ranges.inc

The library has three Unicode versions inside (its regex engine's, Rust's, and an older one in its NFC), so
the properties are asked of the library itself and not read from a Unicode database. Run on tokenizers 0.23.3.
"""

import sys
import unicodedata

import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers

from code_point_ranges import print_ranges

CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
LETTER, NUMBER, SPACE, WORD, NFC_FOLLOWER, NFC_LEADER = (1 << i for i in range(6))


def regex_class(pattern):
    """The code points that `pattern` (one character) matches in a Split pre-tokenizer."""
    split = pre_tokenizers.Split(Regex(pattern), "removed")
    matched = set()
    for start in range(0, len(CODE_POINTS), 4096):
        block = CODE_POINTS[start : start + 4096]
        kept = {c for piece, _ in split.pre_tokenize_str("".join(map(chr, block))) for c in piece}
        matched.update(c for c in block if chr(c) not in kept)
    return matched


def added_token_class(suffix_matches, **flags):
    tokenizer = Tokenizer(models.BPE(vocab={"a": 0}, merges=[], unk_token="a"))
    tokenizer.add_tokens([AddedToken("XX", normalized=False, **flags)])
    token = tokenizer.token_to_id("XX")
    return {c for c in CODE_POINTS if suffix_matches(tokenizer.encode("XX" + chr(c)), token)}


def nfc_classes():
    """(code points that may change by what stands before them, or alone; those that may change by a follower)"""
    nfc, nfd = normalizers.NFC().normalize_str, normalizers.NFD().normalize_str
    followers, leaders = set(), set()
    for c in CODE_POINTS:
        character = chr(c)
        reorders = nfc("!" + character + "\u0334") == "!\u0334" + character  # combining class 2..
        is_overlay = nfc("!\u0345" + character) == "!" + character + "\u0345"  # combining class 1..239
        if nfc(character) != character or reorders or is_overlay:
            followers.add(c)
        if nfd(character) != character:
            leaders.add(c)  # a follower may move in between its parts
        decomposition = unicodedata.decomposition(character)
        if decomposition and "<" not in decomposition and " " in decomposition:
            first, second = (int(part, 16) for part in decomposition.split())
            if nfc(chr(first) + chr(second)) == character:
                leaders.add(first)
                followers.add(second)
    leaders.update(range(0x1100, 0x1113))
    followers.update(range(0x1161, 0x1176), range(0x11A8, 0x11C3))
    for lead, follow in ((0x1112, 0x1175), (0xD788, 0x11C2)):
        assert len(nfc(chr(lead) + chr(follow))) == 1
    return followers, leaders


def main():
    spaces = regex_class(r"\s")
    assert spaces == added_token_class(lambda e, t: e.offsets[0][1] == 3, rstrip=True)
    followers, leaders = nfc_classes()
    classes = {
        LETTER: regex_class(r"\p{L}"),
        NUMBER: regex_class(r"\p{N}"),
        SPACE: spaces,
        WORD: added_token_class(lambda e, t: e.ids[0] != t, single_word=True),
        NFC_FOLLOWER: followers,
        NFC_LEADER: leaders,
    }
    bits = [0] * 0x110001
    for bit, members in classes.items():
        for c in members:
            bits[c] |= bit
    print(f"// Made by tools/text/make_unicode_ranges.py with tokenizers {tokenizers.__version__}.")
    print("// {first, last, properties}: 1 letter, 2 number, 4 space, 8 word, 16 NFC follower, 32 NFC leader.")
    print(f"{print_ranges(bits)} ranges", file=sys.stderr)


if __name__ == "__main__":
    main()
