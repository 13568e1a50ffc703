#!/usr/bin/env python3
"""Makes the PDF files of tests/document/data. Their content is fixed; bytes differ where a password is in play.

Run from the repository root (needs pikepdf, reportlab, pillow, and the DejaVu fonts):

    python3 tools/pdf/make_fixtures.py tests/document/data
"""

import io
import sys
from pathlib import Path

import pikepdf
from PIL import Image, ImageDraw, ImageFont
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen import canvas

FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
A4 = (595, 842)
TEXT = [
    "Съешь же ещё этих мягких французских булок,",
    "да выпей чаю. Цена: 1 250,00 руб.",
    "",
    "The quick brown fox jumps over the lazy dog.",
    "Naïve café — 3 × 4 = 12.",
]


class Drawing:
    """A file that is being drawn; text is placed from the top, in points."""

    def __init__(self, size=A4):
        self.file = io.BytesIO()
        self.size = size
        self.canvas = canvas.Canvas(self.file, pagesize=size, pageCompression=1, invariant=1)

    def next_page(self):
        self.canvas.showPage()
        return self

    def text(self, x, y, text, size=14, angle=0, font="Sans"):
        self.canvas.saveState()
        self.canvas.translate(x, self.size[1] - y)
        self.canvas.rotate(angle)
        self.canvas.setFont(font, size)
        self.canvas.drawString(0, 0, text)
        self.canvas.restoreState()
        return self

    def lines(self, lines):
        for i, line in enumerate(lines):
            self.text(72, 100 + 18 * i, line)
        return self

    def scan(self, lines):
        picture = Image.new("L", (self.size[0] * 2, self.size[1] * 2), 255)
        draw = ImageDraw.Draw(picture)
        for i, line in enumerate(lines):
            draw.text((144, 180 + 70 * i), line, 0, ImageFont.truetype(FONT, 40))
        self.canvas.drawInlineImage(picture.convert("1"), 0, 0, *self.size)
        return self

    def pdf(self):
        self.canvas.showPage()
        self.canvas.save()
        return pikepdf.open(io.BytesIO(self.file.getvalue()))


def rotated():
    pdf = Drawing().lines(TEXT).pdf()
    pdf.pages[0].Rotate = 90
    pdf.pages[0].CropBox = [50, 642, 550, 782]
    return pdf


def three_pages():
    return Drawing().lines(["Page 1"]).next_page().lines(["Page 2"]).next_page().lines(["Page 3"]).pdf()


def damaged_page():
    pdf = three_pages()
    pdf.pages[1].Contents.write(b"\x55" * 200, filter=pikepdf.Name.FlateDecode)
    return pdf


def two_fonts():
    """A word whose font changes in it, without a space, and another."""
    width = pdfmetrics.stringWidth("Про", "Sans", 14)
    return Drawing().text(72, 100, "Про").text(72 + width, 100, "верка", font="Bold").text(180, 100, "слов").pdf()


def garbage_text():
    """A scanned page under letters that the file maps to private characters."""
    pdf = Drawing().scan(["Привет мир", "Hello world"]).pdf()
    characters = b"1 begincodespacerange <00> <FF> endcodespacerange\n1 beginbfrange <20> <7E> <E020> endbfrange\n"
    font = pikepdf.Dictionary(
        Type=pikepdf.Name.Font,
        Subtype=pikepdf.Name.Type1,
        BaseFont=pikepdf.Name.Helvetica,
        ToUnicode=pdf.make_stream(characters),
    )
    page = pdf.pages[0]
    page.Resources.Font = pikepdf.Dictionary(G=pdf.make_indirect(font))
    page.contents_add(pdf.make_stream(b"BT 3 Tr /G 20 Tf 72 700 Td (abcdef ghijkl) Tj ET"))
    return pdf


def main():
    folder = Path(sys.argv[1])
    pdfmetrics.registerFont(TTFont("Sans", FONT))
    pdfmetrics.registerFont(TTFont("Bold", FONT.replace(".ttf", "-Bold.ttf")))
    save = {"deterministic_id": True, "object_stream_mode": pikepdf.ObjectStreamMode.disable}
    mixed = Drawing().lines(["Первая"]).next_page().scan(["Вторая страница"]).next_page().lines(["Third"])
    files = {
        "text": Drawing().lines(TEXT).pdf(),
        "scan": Drawing().scan(["Привет мир", "Hello world"]).pdf(),
        "mixed": mixed.pdf(),
        "rotated": rotated(),
        "sideways": Drawing().text(100, 400, "Снизу вверх", angle=90).text(300, 400, "Down we go", angle=270).pdf(),
        "two_fonts": two_fonts(),
        "damaged_page": damaged_page(),
        "garbage_text": garbage_text(),
        "poster": Drawing((14400, 14400)).text(1000, 2000, "Плакат", 900).pdf(),
        "no_pages": pikepdf.new(),
    }
    for name, pdf in files.items():
        pdf.save(folder / f"{name}.pdf", **save)
    locked = Drawing().lines(TEXT).pdf()
    locked.save(folder / "locked.pdf", encryption=pikepdf.Encryption(user="secret", owner="secret"))


main()
