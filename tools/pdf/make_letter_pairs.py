#!/usr/bin/env python3
"""Prints the letter pairs of Russian and English words as a C++ table: for each letter, which may follow it.

Run from the repository root (needs PyPI wordfreq 3.1.1):

    python3 tools/pdf/make_letter_pairs.py > src/document/letter_pairs.inc

A pair is kept where the pairs more frequent than it are less than KEPT of all in running text.
"""

from collections import Counter

from wordfreq import iter_wordlist, word_frequency

KEPT = 0.99
WORDS = 100_000
ALPHABETS = {"Russian": ("ru", "абвгдежзийклмнопрстуфхцчшщъыьэюя"), "English": ("en", "abcdefghijklmnopqrstuvwxyz")}


def pairs_of(language, alphabet):
    counts = Counter()
    for number, word in enumerate(iter_wordlist(language, "large")):
        if number == WORDS:
            break
        frequency = word_frequency(word, language, "large")
        word = word.replace("ё", "е")
        for pair in zip(word, word[1:]):
            if pair[0] in alphabet and pair[1] in alphabet:
                counts["".join(pair)] += frequency
    total, so_far, kept = sum(counts.values()), 0, set()
    for pair, frequency in counts.most_common():
        if so_far > KEPT * total:
            break
        so_far += frequency
        kept.add(pair)
    return kept


def main():
    print("// Made by tools/pdf/make_letter_pairs.py. Bit j of row i: letter j may follow letter i.")
    for name, (language, alphabet) in ALPHABETS.items():
        kept = pairs_of(language, alphabet)
        rows = [sum(1 << j for j, b in enumerate(alphabet) if a + b in kept) for a in alphabet]
        print(f"// {len(kept)} of {len(alphabet) ** 2} pairs.")
        print(f"constexpr std::array<std::uint32_t, {len(alphabet)}> k{name}Pairs = {{")
        for start in range(0, len(rows), 8):
            print("    " + " ".join(f"0x{row:08x}," for row in rows[start : start + 8]))
        print("};")


if __name__ == "__main__":
    main()
