"""Draws demo/images: pictures a person would enjoy, from a seed and fonts that training never sees.

python make_demo_images.py OUT_DIR                 pictures and expected.jsonl
python make_demo_images.py --check MODEL_DIR OUT_DIR     what an exported model says about them
"""

import io
import json
import random
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

import drawing
import fonts
import grammar

SEED = 20260


def ramp(size, top, bottom) -> Image.Image:
    t = np.linspace(0, 1, size[1])[:, None, None]
    rows = np.array(top) * (1 - t) + np.array(bottom) * t
    return Image.fromarray(np.broadcast_to(rows, (size[1], size[0], 3)).round().astype(np.uint8).copy())


def font(family: str, language: str, bold: bool) -> str:
    paths = fonts.font_files("held_out", language)[family]
    wanted = [p for p in paths if ("Bold" in p) == bold and "Semi" not in p and "Extra" not in p]
    return (wanted or paths)[0]


def printed(size, word, family, language, ink, top, bottom, bold=True) -> Image.Image:
    """A word in the middle of a soft ground."""
    picture = ramp(size, top, bottom)
    probe = fonts.load(font(family, language, bold), 100)
    left, up, right, down = probe.getbbox(word)
    scale = min(size[0] * 0.78 / (right - left), size[1] * 0.5 / (down - up))
    face = fonts.load(font(family, language, bold), int(100 * scale))
    left, up, right, down = face.getbbox(word)
    corner = ((size[0] - right + left) / 2 - left, (size[1] - down + up) / 2 - up)
    ImageDraw.Draw(picture).text(corner, word, font=face, fill=ink)
    return picture


def shapes(size, ground: Image.Image, placed) -> Image.Image:
    """placed: (shape, colour, x, y, radius) in shares of the width, the height and the shorter side."""
    rng = random.Random(SEED)
    picture = ground.resize((size[0] * 2, size[1] * 2))
    pen = ImageDraw.Draw(picture)
    for shape, colour, x, y, radius in placed:
        fill = drawing.colour_of(rng, colour)
        drawing.draw_shape(rng, pen, shape, fill, 2 * x * size[0], 2 * y * size[1], 2 * radius * min(size))
    return picture.reduce(2)


def night(size) -> Image.Image:
    """A dark sky with faint dust."""
    rng = random.Random(SEED)
    picture = ramp(size, (8, 10, 34), (30, 26, 62))
    pen = ImageDraw.Draw(picture)
    for _ in range(240):
        x, y = rng.randrange(size[0]), rng.randrange(size[1])
        pen.point((x, y), fill=tuple(c + 30 for c in picture.getpixel((x, y))))
    return picture


def paper(size) -> Image.Image:
    noise = np.random.default_rng(SEED).normal(0, 4, (size[1], size[0], 1))
    return Image.fromarray(np.clip(np.array([244, 238, 224]) + noise, 0, 255).astype(np.uint8)).filter(
        ImageFilter.GaussianBlur(0.6)
    )


def demo() -> list[tuple[str, str, dict, Image.Image]]:
    """(file, language of the caption, scene, picture)"""
    stars = [("star", "yellow", x, y, 0.12) for x, y in ((0.2, 0.3), (0.52, 0.62), (0.8, 0.28))]
    hearts = [("heart", "red", x, y, 0.11) for x, y in ((0.16, 0.32), (0.4, 0.68), (0.6, 0.28), (0.84, 0.66))]
    return [
        ("stars.png", "ru", {"kind": "several", "things": [("star", "yellow")], "count": 3}, shapes((960, 640), night((960, 640)), stars)),
        ("circle_and_square.jpg", "ru", {"kind": "beside", "things": [("circle", "red"), ("square", "blue")]},
         shapes((1024, 768), paper((1024, 768)), [("circle", "red", 0.27, 0.5, 0.2), ("square", "blue", 0.73, 0.52, 0.2)])),
        ("hearts.jpg", "en", {"kind": "several", "things": [("heart", "red")], "count": 4},
         shapes((900, 600), ramp((900, 600), (250, 250, 250), (226, 240, 247)), hearts)),
        ("sun.webp", "en", {"kind": "place", "things": [("circle", "yellow")], "place": "top right"},
         shapes((800, 600), ramp((800, 600), (30, 70, 150), (60, 110, 180)), [("circle", "yellow", 0.8, 0.22, 0.15)])),
        ("three_in_a_row.png", "en", {"kind": "row", "things": [("triangle", "orange"), ("ring", "green"), ("diamond", "purple")]},
         shapes((1000, 640), paper((1000, 640)), [("triangle", "orange", 0.18, 0.5, 0.17), ("ring", "green", 0.5, 0.5, 0.17), ("diamond", "purple", 0.82, 0.5, 0.17)])),
        ("river.png", "en", {"kind": "word", "word": "river"}, printed((800, 500), "river", "Roboto Slab", "en", (18, 60, 110), (225, 240, 250), (190, 220, 240))),
        ("radost.jpg", "ru", {"kind": "word", "word": "радость"}, printed((900, 600), "радость", "PT Serif", "ru", (120, 20, 40), (252, 244, 226), (246, 228, 200))),
        ("vishnya.png", "ru", {"kind": "word", "word": "Вишня"}, printed((760, 480), "Вишня", "Lato", "ru", (250, 250, 250), (30, 80, 60), (20, 60, 50))),
    ]  # fmt: skip


def write(folder: Path):
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for name, language, scene, picture in demo():
        if name == "circle_and_square.jpg":  # stored lying on its side, with the EXIF note that says so
            exif = Image.Exif()
            exif[0x0112] = 6
            picture.transpose(Image.Transpose.ROTATE_90).save(folder / name, quality=90, exif=exif)
        elif name.endswith(".jpg"):
            picture.save(folder / name, quality=90)
        elif name.endswith(".webp"):  # rounded, transparent corners
            mask = Image.new("L", picture.size, 0)
            ImageDraw.Draw(mask).rounded_rectangle((0, 0, picture.width - 1, picture.height - 1), 24, fill=255)
            picture.putalpha(mask)
            picture.save(folder / name, quality=92)
        else:
            picture.save(folder / name, optimize=True)
        line = {"file": name, "lang": language, "expected": grammar.describe(scene, language)}
        lines.append(json.dumps(line, ensure_ascii=False))
    (folder / "expected.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def opened(path: Path) -> Image.Image:
    """Upright, and on white where it is transparent."""
    from PIL import ImageOps

    picture = ImageOps.exif_transpose(Image.open(io.BytesIO(path.read_bytes())))
    if "A" in picture.getbands():
        ground = Image.new("RGBA", picture.size, (255, 255, 255, 255))
        picture = Image.alpha_composite(ground, picture.convert("RGBA"))
    return picture.convert("RGB")


def check(model: Path, folder: Path) -> bool:
    import evaluate
    import export

    forward, weights, chat = export.load(model)
    wrong = 0
    for line in (folder / "expected.jsonl").read_text(encoding="utf-8").splitlines():
        item = json.loads(line)
        for language in ("en", "ru"):
            question = {"picture": opened(folder / item["file"]), "prompt": grammar.DEFAULT_PROMPT[language]}
            text = evaluate.answer(forward, weights, chat, [question])[0]
            verdict = "" if language != item["lang"] else "right" if text == item["expected"] else "WRONG"
            wrong += verdict == "WRONG"
            print(f"{item['file']:24} {verdict:6} {text}")
    return wrong == 0


if __name__ == "__main__":
    if sys.argv[1] == "--check":
        sys.exit(0 if check(Path(sys.argv[2]), Path(sys.argv[3])) else 1)
    write(Path(sys.argv[1]))
