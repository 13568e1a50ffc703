#!/usr/bin/env python3
"""Prints the font of the invisible text in oko's PDF as a C++ array: a glyph that is a box. PDFium leaves out text
whose glyphs are empty: single letters, and words that run up or down.

Run from the repository root (needs fonttools):

    python3 tools/pdf/make_font.py > src/document/invisible_font.inc
"""

import io

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen

UNITS = 1000  # an em
ADVANCE = 500  # as /DW of src/document/pdf_writer.cpp
ASCENT, DESCENT = 800, -200
KEPT = ["glyf", "head", "hhea", "hmtx", "loca", "maxp"]  # what PDF wants of an embedded font


def box():
    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    for corner in ((0, ASCENT), (ADVANCE, ASCENT), (ADVANCE, 0)):
        pen.lineTo(corner)
    pen.closePath()
    return pen.glyph()


def make_font():
    builder = FontBuilder(UNITS, isTTF=True)
    glyphs = [".notdef", "blank"]
    builder.setupGlyphOrder(glyphs)
    builder.setupGlyf({name: box() for name in glyphs})
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
