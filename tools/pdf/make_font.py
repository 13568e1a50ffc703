#!/usr/bin/env python3
"""Prints the font of the invisible text in oko's PDF as a C++ array: two glyphs without outlines.

Run from the repository root (needs fonttools):

    python3 tools/pdf/make_font.py > src/document/glyphless_font.inc
"""

import io

from fontTools.fontBuilder import FontBuilder
from fontTools.ttLib.tables._g_l_y_f import Glyph

UNITS = 1000  # an em
ADVANCE = 500  # as /DW of src/document/pdf_writer.cpp
ASCENT, DESCENT = 800, -200
KEPT = ["glyf", "head", "hhea", "hmtx", "loca", "maxp"]  # what PDF wants of an embedded font


def make_font():
    builder = FontBuilder(UNITS, isTTF=True)
    glyphs = [".notdef", "blank"]
    builder.setupGlyphOrder(glyphs)
    builder.setupGlyf({name: Glyph() for name in glyphs})
    builder.setupHorizontalMetrics({name: (ADVANCE, 0) for name in glyphs})
    builder.setupHorizontalHeader(ascent=ASCENT, descent=DESCENT)
    builder.updateHead(created=0, modified=0)
    builder.font.recalcTimestamp = False
    for tag in set(builder.font.keys()) - set(KEPT) - {"GlyphOrder"}:
        del builder.font[tag]
    file = io.BytesIO()
    builder.font.save(file)
    return file.getvalue()


def main():
    font = make_font()
    print(f"// {len(font)} bytes, made by tools/pdf/make_font.py.")
    for start in range(0, len(font), 16):
        print("".join(f"0x{byte:02x}, " for byte in font[start : start + 16]).rstrip())


main()
