"""Full pages of A4 at 300 dots an inch, to measure the time of reading by, with their truth:

    python make_a4.py OUT [--pages 4]

NAME.png and NAME.txt as of make_pages.py; some 5,000 characters of 11 points, Russian and English by turns.
"""

import argparse
import itertools
import random
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

import corpus
import make_pages

WIDTH, HEIGHT, MARGIN, SIZE = 2480, 3508, 240, 46


def write_page(folder: Path, number: int, path: Path):
    rng = random.Random(f"a4/{number}")
    font = ImageFont.truetype(path, SIZE, layout_engine=ImageFont.Layout.BASIC)
    step = make_pages.line_height(font)
    image = Image.new("L", (WIDTH, HEIGHT), 255)
    draw, y, lines = ImageDraw.Draw(image), MARGIN, []
    for sentences in itertools.cycle((corpus.RUSSIAN, corpus.ENGLISH, corpus.MIXED)):
        paragraph = make_pages.wrap(" ".join(rng.sample(sentences, 5)), WIDTH - 2 * MARGIN, font)
        for line in paragraph:
            if y + step > HEIGHT - MARGIN:
                image.save(folder / f"a4_{number}.png", dpi=(300, 300))
                (folder / f"a4_{number}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
                return
            draw.text((MARGIN, y), line, fill=0, font=font)
            lines.append(line)
            y += step


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--pages", type=int, default=4)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    fonts = list(make_pages.find_fonts().values())
    for number in range(arguments.pages):
        write_page(arguments.out, number, fonts[number % len(fonts)])


if __name__ == "__main__":
    main()
