"""Writes src/text/lowercase_ranges.inc: the code points that have a lower case.

    python tools/text/make_lowercase_ranges.py > src/text/lowercase_ranges.inc

HF `tokenizers` itself is asked, as the reference for sentence-transformers' do_lower_case. Run with tokenizers 0.23.
"""

import tokenizers
from tokenizers import normalizers

LOWER = normalizers.Lowercase()
WIDE = 0x130  # the only one whose lower case is two code points: lowercase.cpp has it


def main():
    changes = []
    for c in range(0x110000):
        if 0xD800 <= c < 0xE000 or c == WIDE:
            continue
        lower = LOWER.normalize_str(chr(c))
        if lower != chr(c):
            assert len(lower) == 1, hex(c)
            changes.append((c, ord(lower) - c))
    assert LOWER.normalize_str(chr(WIDE)) == "i\u0307"
    runs = []
    for c, delta in changes:
        if runs and runs[-1][3] == delta:
            first, last, step, _ = runs[-1]
            if (first == last and c - last <= 2) or c - last == step:
                runs[-1] = (first, c, c - last, delta)
                continue
        runs.append((c, c, 1, delta))
    print(f"// Made by tools/text/make_lowercase_ranges.py with tokenizers {tokenizers.__version__}.")
    print("// {first, last, step, offset}")
    line = ""
    for first, last, step, delta in runs:
        entry = f"{{{first:#x}, {last:#x}, {step}, {delta}}}, "
        if len(line) + len(entry) > 100:
            print(line.rstrip())
            line = ""
        line += entry
    print(line.rstrip())


main()
