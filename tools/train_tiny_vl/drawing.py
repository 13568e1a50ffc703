"""Pixels: colours, backgrounds, shapes and printed words on a PIL canvas."""

import colorsys
import math

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

import fonts

# Hue range in degrees, saturation, value: narrow enough for a person to agree on the name.
COLOUR_RANGES = {
    "red": ((-8, 6), (0.80, 1.0), (0.75, 1.0)),
    "orange": ((24, 33), (0.88, 1.0), (0.93, 1.0)),
    "yellow": ((50, 60), (0.75, 1.0), (0.92, 1.0)),
    "green": ((100, 145), (0.65, 1.0), (0.45, 0.80)),
    "blue": ((210, 235), (0.75, 1.0), (0.65, 1.0)),
    "purple": ((268, 288), (0.65, 0.95), (0.50, 0.75)),
    "pink": ((322, 345), (0.30, 0.52), (0.97, 1.0)),
    "brown": ((18, 28), (0.60, 0.85), (0.35, 0.52)),
    "black": ((0, 360), (0.0, 0.1), (0.0, 0.10)),
    "white": ((0, 360), (0.0, 0.02), (0.97, 1.0)),
}


def colour_of(rng, name: str) -> tuple[int, int, int]:
    hue, saturation, value = (rng.uniform(*limits) for limits in COLOUR_RANGES[name])
    return tuple(round(255 * c) for c in colorsys.hsv_to_rgb(hue % 360 / 360, saturation, value))


def random_colour(rng) -> tuple[int, int, int]:
    if rng.random() < 0.35:
        grey = rng.choice((0, 20, 60, 130, 200, 235, 255))
        return tuple(min(255, max(0, grey + rng.randint(-8, 8))) for _ in range(3))
    return tuple(round(255 * c) for c in colorsys.hsv_to_rgb(rng.random(), rng.random() ** 1.5, rng.random()))


def contrast(a, b) -> float:
    """0..~1: distance of two colours as an eye weighs it, roughly."""
    red, green, blue = ((x - y) / 255 for x, y in zip(a, b))
    return math.sqrt(0.35 * red**2 + 0.5 * green**2 + 0.15 * blue**2)


def luminance(c) -> float:
    return (0.30 * c[0] + 0.59 * c[1] + 0.11 * c[2]) / 255


def background(rng, size: tuple[int, int], against: list, least: float) -> Image.Image:
    """A ground on which every colour of `against` is visible: plain, gradient, stripes or speckles."""
    while True:
        base = random_colour(rng)
        if rng.random() < 0.3:
            base = rng.choice(((255, 255, 255), (245, 245, 240), (225, 225, 225), (30, 30, 35)))
        other = tuple(min(255, max(0, c + rng.randint(-45, 45))) for c in base)
        if all(contrast(c, x) >= least for c in against for x in (base, other)):
            break
    kind = rng.random()
    if kind < 0.55:
        return Image.new("RGB", size, base)
    if kind < 0.8:
        ramp = Image.linear_gradient("L")
        if rng.random() < 0.5:
            ramp = ramp.transpose(Image.Transpose.ROTATE_90)
        ramp = ramp.resize(size, Image.Resampling.BILINEAR)
        return Image.composite(Image.new("RGB", size, other), Image.new("RGB", size, base), ramp)
    picture = Image.new("RGB", size, base)
    soft = tuple((3 * a + b) // 4 for a, b in zip(base, other))
    pen = ImageDraw.Draw(picture)
    step = rng.randint(8, 40)
    if kind < 0.9:
        slant = rng.choice((0, 0, size[1]))
        for x in range(-size[1], size[0] + size[1], 2 * step):
            pen.line((x, 0, x + slant, size[1]), fill=soft, width=step)
    else:
        for _ in range(rng.randint(10, 40)):
            x, y, r = rng.randint(0, size[0]), rng.randint(0, size[1]), rng.randint(1, step // 2)
            pen.ellipse((x - r, y - r, x + r, y + r), fill=soft)
    return picture


def _turned(points, cx, cy, r, angle):
    c, s = math.cos(angle) * r, math.sin(angle) * r
    return [(cx + x * c - y * s, cy + x * s + y * c) for x, y in points]


STAR = [
    (f * math.sin(i * math.pi / 5), -f * math.cos(i * math.pi / 5) + 0.05)
    for i in range(10)
    for f in ((1.08 if i % 2 == 0 else 0.45),)
]
HEART = [
    (math.sin(t) ** 3, -(13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)) / 16)
    for t in (2 * math.pi * i / 36 for i in range(36))
]
ARM = 0.32
CROSS = [
    (-ARM, -1), (ARM, -1), (ARM, -ARM), (1, -ARM), (1, ARM), (ARM, ARM),
    (ARM, 1), (-ARM, 1), (-ARM, ARM), (-1, ARM), (-1, -ARM), (-ARM, -ARM),
]  # fmt: skip
POLYGONS = {
    "square": [(-0.86, -0.86), (0.86, -0.86), (0.86, 0.86), (-0.86, 0.86)],
    "triangle": [(0, -1), (0.98, 0.78), (-0.98, 0.78)],
    "star": STAR,
    "heart": HEART,
    "cross": CROSS,
    "diamond": [(0, -1.08), (0.78, 0), (0, 1.08), (-0.78, 0)],
}


def draw_shape(rng, pen: ImageDraw.ImageDraw, shape: str, fill, cx, cy, r, ring_hole: float = 0.55):
    if shape == "circle":
        pen.ellipse((cx - r, cy - r, cx + r, cy + r), fill=fill)
    elif shape == "ring":
        pen.ellipse((cx - r, cy - r, cx + r, cy + r), outline=fill, width=max(2, round(r * (1 - ring_hole))))
    else:
        angle = math.radians(rng.uniform(-7, 7))
        pen.polygon(_turned(POLYGONS[shape], cx, cy, r, angle), fill=fill)


def draw_word(rng, picture: Image.Image, word: str, path: str, ink) -> tuple[Image.Image, dict]:
    """Prints the word; also returns where its letters are: left edges, top, bottom, centre and angle of the turn."""
    width, height = picture.size
    probe = fonts.load(path, 64)
    spacing = rng.uniform(0.02, 0.10) * 64 if rng.random() < 0.08 else 0.0
    left, top, right, bottom = probe.getbbox(word)
    wide, tall = right - left + spacing * (len(word) - 1), bottom - top
    fit = min(width * 0.94 / wide, height * 0.80 / tall) * 64
    size = max(8, int(fit * rng.uniform(0.75, 1.0)))
    size = size if size < 40 else size // 4 * 4 if size < 100 else size // 10 * 10
    font, spacing = fonts.load(path, size), spacing * size / 64
    left, top, right, bottom = font.getbbox(word)
    wide, tall = right - left + spacing * (len(word) - 1), bottom - top
    x = (width - wide) * rng.uniform(0.25, 0.75) - left
    y = (height - tall) * rng.uniform(0.3, 0.7) - top
    edges = [x + font.getlength(word[:i]) + spacing * i for i in range(len(word))] + [
        x + right + spacing * (len(word) - 1)
    ]
    centre = (x + wide / 2, y + (top + bottom) / 2)
    angle = rng.uniform(-3, 3) if rng.random() < 0.08 else 0.0

    def put(pen, dx, dy, fill):
        if spacing:
            for letter, edge in zip(word, edges):
                pen.text((edge + dx, y + dy), letter, font=font, fill=fill)
        else:
            pen.text((x + dx, y + dy), word, font=font, fill=fill)

    if angle:
        mask = Image.new("L", picture.size, 0)
        put(ImageDraw.Draw(mask), 0, 0, 255)
        mask = mask.rotate(angle, Image.Resampling.BILINEAR, center=centre)
        picture.paste(Image.new("RGB", picture.size, ink), (0, 0), mask)
    else:
        pen = ImageDraw.Draw(picture)
        if rng.random() < 0.04:
            ground = picture.getpixel((1, 1))
            put(pen, size * 0.05, size * 0.05, tuple((a + 2 * b) // 3 for a, b in zip(ink, ground)))
        put(pen, 0, 0, ink)
    place = {"edges": edges, "top": y + top, "bottom": y + bottom, "centre": centre, "angle": math.radians(angle)}
    return picture, place


def weather(rng, picture: Image.Image, jpeg: float = 0.1) -> Image.Image:
    """What happens to pictures on their way: blur, noise, dull contrast, JPEG."""
    import io

    if rng.random() < 0.08:
        picture = picture.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 0.8)))
    if rng.random() < 0.2:
        pixels = np.asarray(picture, np.float32)
        gain, shift = rng.uniform(0.75, 1.05), rng.uniform(-10, 20)
        noise = np.random.default_rng(rng.getrandbits(32))
        pixels = pixels * gain + shift
        if rng.random() < 0.6:
            pixels = pixels + noise.standard_normal(pixels.shape, np.float32) * rng.uniform(1, 6)
        picture = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    if rng.random() < jpeg:
        stream = io.BytesIO()
        picture.save(stream, "JPEG", quality=rng.randint(45, 95))
        picture = Image.open(stream).convert("RGB")
    return picture
