"""Writes src/text/grapheme_ranges.inc: the classes of code points in extended grapheme clusters (Unicode Annex 29).

    python tools/text/make_grapheme_ranges.py > src/text/grapheme_ranges.inc

HF `tokenizers` itself is asked, not a Unicode database. Its Precompiled normalizer replaces a cluster of fewer than
6 bytes by the rule of its beginning and drops the rest; a longer cluster goes character by character. So what is
dropped tells where clusters end. Only regional indicators cannot be seen: two of them are a long cluster, one with a
mark is one, too, so that they cannot matter to that normalizer either. Run with tokenizers 0.23.3; takes a minute.
"""

import struct
import sys

import tokenizers
from tokenizers import normalizers

from code_point_ranges import print_ranges

CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
CR, LF, CONTROL, EXTEND, ZWJ, SPACING_MARK, PREPEND, L, V, T, LV, LVT, REGIONAL_INDICATOR, PICTOGRAPHIC, CONSONANT = range(1, 16)
LINKER, INDIC_EXTEND = 16, 32
MARK, LONG_MARK, LONGEST_MARK = "\u0301", "\u20d0", "\U0001d165"  # Extend, of 2, 3 and 4 bytes
JOINER, KA, KHA, VIRAMA = "\u200d", "\u0915", "\u0916", "\u094d"
ARABIC_NUMBER_SIGN = "\u0600"  # Prepend, of 2 bytes
# The first new mark of each version of Unicode.
FIRST_MARKS = {"14.0": 0x898, "15.0": 0xCF3, "16.0": 0x897, "17.0": 0x1ACF}


def charsmap(keys):
    """A charsmap that turns each of `keys` into "!": a double array of blocks of 256, then the texts."""
    keys = {key.encode() for key in keys}
    prefixes = {key[:end] for key in keys for end in range(len(key) + 1)}
    inner = sorted({prefix[:-1] for prefix in prefixes if prefix})
    bases = {prefix: 256 * (i + 1) for i, prefix in enumerate(inner)}
    leaf = 256 * (len(inner) + 1)
    units = [0] * (leaf + 256)
    units[leaf] = 1 << 31  # the text at 0
    for prefix in prefixes:
        label = prefix[-1] if prefix else 0
        place = bases[prefix[:-1]] + label if prefix else 0
        units[place] = (place ^ bases.get(prefix, leaf)) << 10 | (prefix in keys) << 8 | label
    return struct.pack(f"<I{len(units)}I", 4 * len(units), *units) + b"!\0"


def ask(keys, text_of, is_joined):
    """The code points c for which the text that text_of(chr(c)) becomes, with rules for `keys`, is_joined."""
    normalize = normalizers.Precompiled(charsmap(keys)).normalize_str
    found = set()
    for start in range(0, len(CODE_POINTS), 4096):
        block = [c for c in CODE_POINTS[start : start + 4096] if chr(c) not in "\r\n"]
        lines = normalize("\n".join(text_of(chr(c)) for c in block)).split("\n")
        found.update(c for c, line in zip(block, lines, strict=True) if is_joined(line))
    return found | {c for c in (10, 13) if is_joined(normalize(text_of(chr(c))))}


def joined_behind(cluster):
    """What does not begin a cluster behind `cluster`, which has fewer than 6 bytes and loses its end alone."""
    if len(cluster) == 1:
        return ask(cluster, lambda c: cluster + c, lambda line: len(line) == 1)
    return ask(cluster[0], lambda c: cluster + c, lambda line: len(line) == 3)


def joined_before(follower, text_of, mark=MARK):
    """The code points that keep a cluster from beginning at `follower`, which is the end of text_of(c)."""
    return ask(follower, lambda c: text_of(c) + follower + mark, lambda line: line.endswith(mark))


def prepended():
    marks = [LONGEST_MARK, LONG_MARK, MARK, MARK]  # so that "a" with it has fewer than 6 bytes, with c 6 or more
    return ask("a", lambda c: c + "a" + marks[len(c.encode()) - 1], lambda line: line[-1] in marks)


def find_classes():
    any_extend = joined_behind("a")
    prepend = prepended()
    behind = {c: joined_behind(ARABIC_NUMBER_SIGN + c) - any_extend for c in "\u1100\u1161\u11a8"}
    before = {c: joined_before(c, str) - prepend for c in "\u1161\u11a8"}
    pictographic = joined_behind("\u00a9" + JOINER) - any_extend
    extend = joined_before("\u00a9", lambda c: "\u00ae" + c + JOINER) - pictographic
    joiner = joined_before("\u00a9", lambda c: "\u00ae" + c) - prepend
    breaks = set(CODE_POINTS) - joined_before(MARK, str, LONG_MARK)
    line_feed = joined_behind("\r")
    normalize = normalizers.Precompiled(charsmap([chr(c) for c in breaks - {0}])).normalize_str
    carriage_return = {c for c in breaks if normalize(chr(c) + "\n") == "!"}
    consonant = joined_before(KA, lambda c: c + VIRAMA)
    linker = joined_before(KHA, lambda c: KA + c) - prepend
    indic_extend = joined_before(KHA, lambda c: KA + c + VIRAMA) - linker - consonant

    assert pictographic == joined_before("\u00a9", lambda c: c + JOINER)
    assert extend | joiner <= any_extend and linker | indic_extend <= any_extend
    classes = {
        CR: carriage_return,
        LF: line_feed,
        CONTROL: breaks - carriage_return - line_feed,
        EXTEND: extend,
        ZWJ: joiner,
        SPACING_MARK: any_extend - extend - joiner,
        PREPEND: prepend,
        L: behind["\u1100"] & before["\u1161"] - before["\u11a8"],
        V: behind["\u1161"] & before["\u1161"] & before["\u11a8"],
        T: behind["\u11a8"] & before["\u11a8"],
        LV: behind["\u1100"] & before["\u1161"] & before["\u11a8"] - behind["\u1161"],
        LVT: behind["\u1100"] & before["\u11a8"] - before["\u1161"],
        REGIONAL_INDICATOR: set(range(0x1F1E6, 0x1F200)),
        PICTOGRAPHIC: pictographic,
        CONSONANT: consonant,
    }
    hangul = set().union(*(classes[name] for name in (L, V, T, LV, LVT)))
    assert hangul == set().union(*behind.values(), *before.values())
    return classes, linker, indic_extend


def main():
    classes, linker, indic_extend = find_classes()
    values = [0] * 0x110001
    for name, members in classes.items():
        for c in members:
            assert values[c] == 0, hex(c)
            values[c] = name
    for bit, members in ((LINKER, linker), (INDIC_EXTEND, indic_extend)):
        for c in members:
            values[c] |= bit
    for c in range(0xAC00, 0xD7A4):
        assert values[c] == (LVT if (c - 0xAC00) % 28 else LV)
        values[c] = LV
    version = max((v for v, mark in FIRST_MARKS.items() if mark in classes[EXTEND] | classes[SPACING_MARK]), key=float)
    print(f"// Made by tools/text/make_grapheme_ranges.py with tokenizers {tokenizers.__version__}: Unicode {version}.")
    print("// {first, last, class}: 1 CR, 2 LF, 3 Control, 4 Extend, 5 ZWJ, 6 SpacingMark, 7 Prepend, 8 L,")
    print("// 9 V, 10 T, 11 LV (of U+AC00..D7A3: LVT where (c - U+AC00) % 28 != 0), 13 Regional_Indicator,")
    print("// 14 Extended_Pictographic, 15 InCB=Consonant; added to the class: 16 InCB=Linker, 32 InCB=Extend.")
    print(f"{print_ranges(values)} ranges, Unicode {version}", file=sys.stderr)


if __name__ == "__main__":
    main()
