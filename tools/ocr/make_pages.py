#!/usr/bin/env python3
"""Makes pages of mixed Russian and English text with their truth, to score OCR by. See README.md."""

import argparse
import datetime
import fnmatch
import itertools
import json
import random
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

import conditions
import corpus

FONT_FOLDER = Path("/usr/share/fonts")
FONT_FILES = {
    "DejaVu Sans": "DejaVuSans.ttf",
    "DejaVu Serif": "DejaVuSerif.ttf",
    "Liberation Sans": "LiberationSans-Regular.ttf",
    "Liberation Serif": "LiberationSerif-Regular.ttf",
    "Liberation Mono": "LiberationMono-Regular.ttf",
}
RECEIPT_FONTS = ("Liberation Mono", "DejaVu Sans", "Liberation Sans")

TEXT_PAGE_WIDTH = 900
MARGIN = 40
RECEIPT_MARGIN = 24
INK, PAPER = 0, 255
GREY_INK, GREY_PAPER = 150, 210
ROTATION_DEGREES = 3
BLUR_RADIUS = 0.5
NOISE_SIGMA = 12
JPEG_QUALITY = 40
CODE_LETTERS = "ABCDEFGHKLMNPQRSTUVWXYZ"

RULER = ImageDraw.Draw(Image.new("L", (1, 1)))


@dataclass(frozen=True)
class PageClass:
    name: str
    layout: str
    size: int
    degradation: str


@dataclass(frozen=True)
class Page:
    image: Image.Image
    lines: list[str]


def usual_classes():
    text = [
        PageClass(f"text_{size}_{degradation}", "text", size, degradation)
        for size in (12, 16, 28)
        for degradation in ("clean", "rotated", "low_contrast", "noisy")
    ]
    return [*text, PageClass("table", "table", 16, "clean"), PageClass("receipt", "receipt", 16, "clean")]


def hard_classes():
    """What cameras, scanners, faxes and screens make of pages, and lines of two scripts."""
    degradations = ("tilted", "steep", "turned", "perspective", "shaded", "marked", "faxed", "transparent", "cropped")
    text = [PageClass(degradation, "text", 24, degradation) for degradation in degradations]
    cuttings = [PageClass(f"cutting_{name}", "cutting", 32, name) for name in ("clean", "cropped")]
    return [*text, *cuttings, PageClass("short_mixed", "short_mixed", 22, "clean")]


def find_fonts():
    """Name -> path of the fonts that are installed."""
    paths = {path.name: path for path in sorted(FONT_FOLDER.rglob("*.ttf"))}
    found = {name: paths[file] for name, file in FONT_FILES.items() if file in paths}
    if not any(name in found for name in RECEIPT_FONTS):
        raise SystemExit(
            f"no font to write with under {FONT_FOLDER}: install the packages fonts-dejavu-core and fonts-liberation"
        )
    return found


def text_width(text, font):
    return RULER.textlength(text, font=font)


def line_height(font):
    return round(1.45 * font.size)


def wrap(text, width, font):
    lines = []
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, font) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def fill_paragraph(deck, wanted_lines, font):
    """The lines of a paragraph: sentences from the deck until there are enough lines."""
    text = deck.pop()
    while len(lines := wrap(text, TEXT_PAGE_WIDTH - 2 * MARGIN, font)) < wanted_lines:
        text += " " + deck.pop()
    return lines


def write_paragraphs(rng, font):
    """Paragraphs of 12 to 20 lines in all, with at least one in Russian, one in English and one in both.

    A sentence takes at most three lines at 28 px, so that a paragraph ends within six.
    """
    decks = [rng.sample(sentences, len(sentences)) for sentences in (corpus.RUSSIAN, corpus.ENGLISH, corpus.MIXED)]
    rng.shuffle(decks)
    enough_lines = rng.randint(12, 15)
    paragraphs = []
    for deck in itertools.cycle(decks):
        if len(paragraphs) >= len(decks) and sum(map(len, paragraphs)) >= enough_lines:
            return paragraphs
        paragraphs.append(fill_paragraph(deck, rng.randint(2, 4), font))


def make_text(rng, _index, font):
    paragraphs = write_paragraphs(rng, font)
    step = line_height(font)
    gap = step // 2
    lines = list(itertools.chain.from_iterable(paragraphs))
    height = 2 * MARGIN + step * len(lines) + gap * (len(paragraphs) - 1)
    image = Image.new("L", (TEXT_PAGE_WIDTH, height), PAPER)
    draw = ImageDraw.Draw(image)
    y = MARGIN
    for paragraph in paragraphs:
        for line in paragraph:
            draw.text((MARGIN, y), line, fill=INK, font=font)
            y += step
        y += gap
    return Page(image, lines)


def trade_words(index):
    return (corpus.ROUBLES, corpus.EUROS)[index % 2]


def money(cents, words):
    whole = f"{cents // 100:,}".replace(",", words.thousands)
    return f"{whole}{words.decimal_point}{cents % 100:02d}"


def random_date(rng, words):
    day = datetime.date(2023, 1, 1) + datetime.timedelta(days=rng.randrange(1000))
    return day.strftime(words.date_format)


def random_price(rng):
    """In hundredths: most prices are small, some are in the thousands."""
    return rng.randrange(1, 10 ** rng.randint(1, 3)) * 100 + rng.choice((0, 0, 49, 50, 90, 99))


def random_code(rng):
    letters = rng.sample(CODE_LETTERS, 2)
    return f"{letters[0]}{rng.randrange(1, 10)}{letters[1]}{rng.randrange(1, 10)}-{rng.randrange(10, 100)}"


def write_invoice(rng, words):
    """Title, then rows of cells: goods with quantity, price and amount."""
    rows = [(words.item, words.quantity, f"{words.price}, {words.currency}", f"{words.amount}, {words.currency}")]
    for item in rng.sample(words.goods, rng.randint(7, 12)):
        quantity, price = rng.randint(1, 24), random_price(rng)
        rows.append((item, str(quantity), money(price, words), money(quantity * price, words)))
    return words.invoice, rows


def write_price_list(rng, words):
    rows = [(words.code, words.item, words.price)]
    for item in rng.sample(words.goods, rng.randint(7, 12)):
        rows.append((random_code(rng), item, f"{money(random_price(rng), words)} {words.currency}"))
    return words.price_list, rows


def make_table(rng, index, font):
    words = trade_words(index)
    # Four pages show both kinds of table in both languages.
    write = write_invoice if index % 4 in (0, 3) else write_price_list
    title, rows = write(rng, words)
    title = title.format(number=rng.randrange(10, 10000), date=random_date(rng, words))
    return Page(draw_table(title, rows, font), [title, *map(" ".join, rows)])


def draw_table(title, rows, font):
    """Words stand at the left of their cells, numbers at the right; the widths are those of the widest cells."""
    columns = list(zip(*rows))
    padding = font.size // 2
    row_height = line_height(font) + padding
    widths = [round(max(text_width(cell, font) for cell in column)) + 2 * padding for column in columns]
    edges = list(itertools.accumulate(widths, initial=MARGIN))
    top = MARGIN + row_height
    bottom = top + row_height * len(rows)
    page_width = MARGIN + max(edges[-1], MARGIN + round(text_width(title, font)))
    image = Image.new("L", (page_width, bottom + MARGIN), PAPER)
    draw = ImageDraw.Draw(image)
    draw.text((MARGIN, MARGIN), title, fill=INK, font=font)
    for x in edges:
        draw.line((x, top, x, bottom), fill=INK)
    for y in range(top, bottom + 1, row_height):
        draw.line((edges[0], y, edges[-1], y), fill=INK)
    for column, left, right in zip(columns, edges, edges[1:]):
        is_numeric = all(cell[0].isdigit() for cell in column[1:])
        x, anchor = (right - padding, "rm") if is_numeric else (left + padding, "lm")
        for row, cell in enumerate(column):
            draw.text((x, top + row_height * row + row_height // 2), cell, fill=INK, font=font, anchor=anchor)
    return image


def write_purchases(rng, words):
    """Rows of a receipt and the sum of their prices."""
    rows, total = [], 0
    for item in rng.sample(words.goods, rng.randint(5, 9)):
        quantity, price = rng.choice((1, 1, 2, 3)), random_price(rng)
        total += quantity * price
        if quantity == 1:
            rows.append((item, money(price, words)))
        else:
            rows += [(item, ""), (f"{quantity} * {money(price, words)}", money(quantity * price, words))]
    return rows, total


def write_receipt(rng, words):
    """Rows: two cells stand at the left and at the right, one in the middle, none is a rule."""
    shop, address = rng.choice(words.shops)
    time = f"{rng.randrange(8, 22):02d}:{rng.randrange(60):02d}"
    purchases, subtotal = write_purchases(rng, words)
    discount = subtotal // 20
    total = subtotal - discount
    tax = round(total * words.tax_percent / (100 + words.tax_percent))
    return [
        (shop,),
        (address,),
        (words.receipt.format(number=f"{rng.randrange(10000):04d}"),),
        (random_date(rng, words), time),
        (words.cashier, rng.choice(words.cashiers)),
        (),
        *purchases,
        (),
        (words.subtotal, money(subtotal, words)),
        (words.discount, f"-{money(discount, words)}"),
        (words.total, f"{money(total, words)} {words.currency}"),
        (words.tax.format(percent=words.tax_percent), money(tax, words)),
        (words.paid, money(total, words)),
        (),
        (rng.choice(words.goodbyes),),
    ]


def make_receipt(rng, index, font):
    rows = write_receipt(rng, trade_words(index))
    return Page(draw_receipt(rows, font), [" ".join(filter(None, row)) for row in rows if row])


def draw_receipt(rows, font):
    """As narrow as its widest row allows."""
    step = line_height(font)
    column_gap = 2 * font.size
    width = 2 * RECEIPT_MARGIN + round(max(text_width("".join(row), font) for row in rows) + column_gap)
    image = Image.new("L", (width, 2 * RECEIPT_MARGIN + step * len(rows)), PAPER)
    draw = ImageDraw.Draw(image)
    right = width - RECEIPT_MARGIN
    for y, row in zip(itertools.count(RECEIPT_MARGIN, step), rows):
        if not row:
            draw.line((RECEIPT_MARGIN, y + step // 2, right, y + step // 2), fill=INK)
        elif len(row) == 1:
            draw.text((width / 2, y), row[0], fill=INK, font=font, anchor="ma")
        else:
            draw.text((RECEIPT_MARGIN, y), row[0], fill=INK, font=font)
            draw.text((right, y), row[1], fill=INK, font=font, anchor="ra")
    return image


def make_short_mixed(rng, _index, font):
    """Half of the templates, with numbers and prices in them."""
    templates = rng.sample(corpus.SHORT_MIXED, len(corpus.SHORT_MIXED) // 2)
    lines = [
        template.format(
            n=rng.randint(2, 120),
            price=money(random_price(rng), corpus.ROUBLES),
            phone=f"{rng.randrange(100, 1000)}-{rng.randrange(10, 100)}-{rng.randrange(10, 100)}",
        )
        for template in templates
    ]
    step = round(1.7 * font.size)
    width = 2 * MARGIN + round(max(text_width(line, font) for line in lines))
    image = Image.new("L", (width, 2 * MARGIN + step * len(lines)), PAPER)
    draw = ImageDraw.Draw(image)
    for y, line in zip(itertools.count(MARGIN, step), lines):
        draw.text((MARGIN, y), line, fill=INK, font=font)
    return Page(image, lines)


def make_cutting(rng, index, font):
    """One word, number, code or letter."""
    text = (
        rng.choice(corpus.CUTTINGS),
        str(rng.randrange(10, 10000)),
        f"№ {rng.randrange(1, 1000)}",
        money(random_price(rng), corpus.ROUBLES),
        rng.choice("1234567890ДЖЮЯФБERNGW"),
    )[index % 5]
    image = Image.new("L", (2 * MARGIN + round(text_width(text, font)), 2 * MARGIN + line_height(font)), PAPER)
    ImageDraw.Draw(image).text((MARGIN, MARGIN), text, fill=INK, font=font)
    return Page(image, [text])


LAYOUTS = {
    "text": make_text,
    "table": make_table,
    "receipt": make_receipt,
    "short_mixed": make_short_mixed,
    "cutting": make_cutting,
}


def degrade(image, degradation, rng, index):
    if degradation == "rotated":
        angle = ROTATION_DEGREES if index % 2 == 0 else -ROTATION_DEGREES
        return conditions.Picture(conditions.rotated(image, angle))
    if degradation == "low_contrast":
        greys = [round(GREY_INK + (GREY_PAPER - GREY_INK) * grey / 255) for grey in range(256)]
        return conditions.Picture(image.point(greys))
    if degradation == "noisy":
        blurred = np.asarray(image.filter(ImageFilter.GaussianBlur(BLUR_RADIUS)), np.float64)
        noise = np.random.default_rng(rng.getrandbits(64)).normal(0, NOISE_SIGMA, blurred.shape)
        image = Image.fromarray(np.clip(np.rint(blurred + noise), 0, 255).astype(np.uint8))
        return conditions.Picture(image, "jpg", {"quality": JPEG_QUALITY})
    return conditions.CONDITIONS[degradation](image, rng, index)


def font_for(page_class, index, fonts):
    """Name and font: classes start at different fonts, and their pages take turns."""
    names = [name for name in fonts if page_class.layout != "receipt" or name in RECEIPT_FONTS]
    name = names[(zlib.crc32(page_class.name.encode()) + index) % len(names)]
    # The basic layout engine is in every build of Pillow, so that the pixels do not hang on libraqm.
    return name, ImageFont.truetype(fonts[name], page_class.size, layout_engine=ImageFont.Layout.BASIC)


def write_page(folder, page_class, index, seed, fonts):
    """Writes the picture and its truth; returns the entry of the index."""
    # A generator of its own for every page, so that no page depends on which others are made.
    rng = random.Random(f"{seed}/{page_class.name}/{index}")
    font_name, font = font_for(page_class, index, fonts)
    page = LAYOUTS[page_class.layout](rng, index, font)
    picture = degrade(page.image, page_class.degradation, rng, index)
    name = f"{page_class.name}_{index}"
    file = f"{name}.{picture.extension}"
    picture.image.save(folder / file, **picture.options)
    (folder / f"{name}.txt").write_text("".join(f"{line}\n" for line in page.lines), encoding="utf-8", newline="\n")
    return {
        "name": name,
        "file": file,
        "class": page_class.name,
        "size_px": page_class.size,
        "degradation": page_class.degradation,
        "layout": page_class.layout,
        "font": font_name,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for the pages, made if missing")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pages-per-class", type=int, default=4)
    parser.add_argument("--classes", choices=("usual", "hard"), default="usual")
    parser.add_argument("--only", default="*", metavar="PATTERN", help="names of classes, as of files: 'text_16_*'")
    arguments = parser.parse_args()
    fonts = find_fonts()
    classes = usual_classes() if arguments.classes == "usual" else hard_classes()
    arguments.out.mkdir(parents=True, exist_ok=True)
    index = [
        write_page(arguments.out, page_class, number, arguments.seed, fonts)
        for page_class in classes
        if fnmatch.fnmatch(page_class.name, arguments.only)
        for number in range(arguments.pages_per_class)
    ]
    text = json.dumps(index, ensure_ascii=False, indent=1) + "\n"
    (arguments.out / "index.json").write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
