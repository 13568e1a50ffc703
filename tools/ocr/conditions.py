"""What happens to a page between its printing and its reading: `CONDITIONS[name](image, rng, index)` gives a `Picture`."""

from dataclasses import dataclass, field

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps

PAPER = 255
TILT_DEGREES = (8, -10, 12, -15, 15, -7)
STEEP_DEGREES = (20, -18)
LEAST_LIGHT = 0.3
PHOTO_NOISE_SIGMA = 3
MARKERS = ((255, 240, 60), (120, 255, 120), (255, 150, 200), (110, 200, 255), (255, 170, 70))
FAX_WIDTH = 1728
FAX_DPI = (204, 98)
FINE_FAX_DPI = (204, 196)


@dataclass(frozen=True)
class Picture:
    image: Image.Image
    extension: str = "png"
    options: dict = field(default_factory=dict)


def as_printed(image, _rng, _index):
    return Picture(image)


def rotated(image, degrees):
    return image.rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=PAPER)


def tilted(image, _rng, index):
    return Picture(rotated(image, TILT_DEGREES[index % len(TILT_DEGREES)]))


def steep(image, _rng, index):
    return Picture(rotated(image, STEEP_DEGREES[index % len(STEEP_DEGREES)]))


def turned(image, _rng, index):
    """By 90, 180 and 270 degrees."""
    turns = (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270)
    return Picture(image.transpose(turns[index % len(turns)]))


def shaded(image, rng, index):
    """Light falls off to LEAST_LIGHT from one edge or corner to the other, as in a photograph."""
    down, across = np.mgrid[0 : 1 : image.height * 1j, 0 : 1 : image.width * 1j]
    way = (across, down, (across + down) / 2, 1 - across)[index % 4]
    light = 1 - (1 - LEAST_LIGHT) * way
    grey = 30 + np.asarray(image, np.float64) * (255 - 30) / 255
    noise = np.random.default_rng(rng.getrandbits(64)).normal(0, PHOTO_NOISE_SIGMA, grey.shape)
    shaded_page = Image.fromarray(np.clip(np.rint(grey * light + noise), 0, 255).astype(np.uint8))
    return Picture(shaded_page, "jpg", {"quality": 85})


def marked(image, rng, _index):
    """Strokes of a marker over parts of lines, in several colours."""
    strokes = Image.new("RGB", image.size, (255, 255, 255))
    draw = ImageDraw.Draw(strokes)
    for _ in range(rng.randint(6, 9)):
        x, y = rng.randrange(image.width * 2 // 3), rng.randrange(40, max(41, image.height - 60))
        length, thickness = rng.randrange(image.width // 6, image.width // 2), rng.randrange(20, 44)
        draw.rounded_rectangle((x, y, x + length, y + thickness), 8, fill=rng.choice(MARKERS))
    return Picture(ImageChops.multiply(image.convert("RGB"), strokes.filter(ImageFilter.GaussianBlur(1))))


def faxed(image, _rng, index):
    """In one bit: even pages of standard resolution, whose pixels are twice as high as wide, odd ones of fine."""
    dpi = (FAX_DPI, FINE_FAX_DPI)[index % 2]
    # 12 points are 34 pixels across.
    size = (round(image.width * 1.8), round(image.height * 1.8 * dpi[1] / 204))
    bits = image.resize(size, Image.Resampling.LANCZOS).point(lambda grey: 255 * (grey >= 128)).convert("1")
    return Picture(bits, "tif", {"compression": "group4", "dpi": dpi})


def transparent(image, _rng, _index):
    """Light letters and nothing behind them."""
    letters = Image.new("RGBA", image.size, (245, 245, 240, 0))
    letters.putalpha(ImageOps.invert(image))
    return Picture(letters)


def cropped(image, _rng, _index):
    """To the ink: no margin is left."""
    return Picture(image.crop(ImageOps.invert(image).getbbox()))


CONDITIONS = {
    "clean": as_printed,
    "tilted": tilted,
    "steep": steep,
    "turned": turned,
    "shaded": shaded,
    "marked": marked,
    "faxed": faxed,
    "transparent": transparent,
    "cropped": cropped,
}
