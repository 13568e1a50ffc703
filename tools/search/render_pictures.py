"""Renders the picture entries of the evaluation set: pictures/ID.png of every document with "picture" in its metadata.

    apt-get install fonts-dejavu fonts-liberation && pip install pillow==13.0.0
    python3 render_pictures.py ../../tests/index/data/evaluation

The text of the document is what the picture shows, line by line, so what OCR reads can be compared with it. Receipts
are in a typewriter's face, notes in italics, signs large and centred, screenshots in a sans face on a dark ground, all
in 8 greys, with a slight tilt for paper.
"""

import json
import pathlib
import sys

from PIL import Image, ImageDraw, ImageFont

FONTS = pathlib.Path("/usr/share/fonts/truetype")
# kind -> face, size in pixels, centred, ink, paper, degrees of tilt
STYLES = {
    "receipt": ("dejavu/DejaVuSansMono.ttf", 20, False, 40, 250, 0.6),
    "note": ("liberation/LiberationSerif-Italic.ttf", 30, False, 60, 240, -1.0),
    "sign": ("liberation/LiberationSans-Bold.ttf", 36, True, 20, 255, 0),
    "screenshot": ("dejavu/DejaVuSans.ttf", 24, False, 235, 30, 0),
    "label": ("liberation/LiberationSans-Regular.ttf", 26, True, 10, 225, 0.4),
    "card": ("liberation/LiberationSerif-Regular.ttf", 28, True, 30, 250, 0),
}
SAME_STYLE = {"ticket": "card", "menu": "sign", "timetable": "sign"}
MARGIN, LINE_HEIGHT, GREYS = 28, 1.45, 8


def render(document):
    kind = document["metadata"]["kind"]
    face, size, centred, ink, paper, tilt = STYLES[SAME_STYLE.get(kind, kind)]
    font = ImageFont.truetype(str(FONTS / face), size)
    lines = document["text"].split("\n")
    width = int(max(font.getlength(line) for line in lines)) + 2 * MARGIN
    step = int(size * LINE_HEIGHT)
    image = Image.new("L", (width, step * len(lines) + 2 * MARGIN), paper)
    draw = ImageDraw.Draw(image)
    for i, line in enumerate(lines):
        x = (width - font.getlength(line)) / 2 if centred else MARGIN
        draw.text((x, MARGIN + i * step), line, fill=ink, font=font)
    image = image.rotate(tilt, Image.Resampling.BICUBIC, expand=True, fillcolor=paper)
    return image.quantize(GREYS)


def main(folder):
    for line in (pathlib.Path(folder) / "corpus.jsonl").read_text(encoding="utf-8").splitlines():
        document = json.loads(line)
        if "picture" in document["metadata"]:
            path = pathlib.Path(folder) / document["metadata"]["picture"]
            path.parent.mkdir(exist_ok=True)
            render(document).save(path, optimize=True)


if __name__ == "__main__":
    main(*sys.argv[1:2])
