"""How the tables of code points in src/text/*.inc are written."""


def print_ranges(values):
    """Lines of `{first, last, value},` for runs of equal values other than 0; returns their number.

    `values`: one for each code point, and a 0 behind the last.
    """
    entries, first = [], 0
    for c in range(1, len(values)):
        if values[c] != values[first]:
            if values[first]:
                entries.append(f"{{{first:#x}, {c - 1:#x}, {values[first]}}},")
            first = c
    line = ""
    for entry in entries:
        if len(line) + len(entry) > 99:
            print(line.rstrip())
            line = ""
        line += entry + " "
    print(line.rstrip())
    return len(entries)
