"""What happens to a page between its printing and its reading: `CONDITIONS[name](image, rng, index)` gives a `Picture`."""

from dataclasses import dataclass, field

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps

PAPER = 255
TILT_DEGREES = (8, -10, 12, -15, 15, -7)
STEEP_DEGREES = (20, -18)
LEAST_LIGHT = 0.3
PHOTO_NOISE_SIGMA = 3
# How long the far side of a photographed page is, as a share of the near one.
FAR_SIDE = (0.7, 0.85)
SECOND_FAR_SIDE = (0.85, 0.95)
MOST_TILT_DEGREES = 6
PHOTO_BLUR_RADIUS = 0.6
DESK_EDGE = (0.03, 0.12)
DESK_GREYS = (60, 130)
MOST_SHADE = 0.4
DESK_GRAIN_SIGMA = 6
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


def far_corners(size, rng, index):
    """Corners of a page as a camera sees them that is held at an angle, clockwise from the top left.

    One side is far: the left, right, top and bottom one by turns. Odd pages are tilted, too, and every fourth one
    has a second side that is far.
    """
    width, height = size
    corners = np.array(((0, 0), (width, 0), (width, height), (0, height)), np.float64)
    sides = [index % 4]
    if index % 4 == 3:
        sides.append(rng.choice((0, 1)))
    for side, shares in zip(sides, (FAR_SIDE, SECOND_FAR_SIDE)):
        share = rng.uniform(*shares)
        ends = ((0, 3), (1, 2), (0, 1), (3, 2))[side]
        others = ((1, 2), (0, 3), (3, 2), (0, 1))[side]
        middle = corners[list(ends)].mean(axis=0)
        shift = (corners[list(others)].mean(axis=0) - middle) * (1 - share) / 2  # what is far is short
        for end in ends:
            corners[end] = middle + (corners[end] - middle) * share + shift
    if index % 2 == 1:
        angle = np.radians(rng.choice((-1, 1)) * rng.uniform(2, MOST_TILT_DEGREES))
        turn = np.array(((np.cos(angle), np.sin(angle)), (-np.sin(angle), np.cos(angle))))
        corners = corners @ turn
    return corners - corners.min(axis=0)


def projection(corners, size):
    """Coefficients of Pillow's transform that takes the rectangle of a size to these corners."""
    width, height = size
    rows, values = [], []
    for (x, y), (u, v) in zip(corners, ((0, 0), (width, 0), (width, height), (0, height))):
        rows += [(x, y, 1, 0, 0, 0, -u * x, -u * y), (0, 0, 0, x, y, 1, -v * x, -v * y)]
        values += [u, v]
    return np.linalg.solve(np.array(rows, np.float64), np.array(values, np.float64))


def lay_on_desk(page, mask, rng):
    """A page, as an array of greys, where `mask` is set, and a desk with its grain where not."""
    down, across = np.mgrid[0 : mask.height, 0 : mask.width]
    grain = DESK_GRAIN_SIGMA * np.sin(down / 7 + across / 90)
    return np.where(np.asarray(mask) > 127, page, rng.uniform(*DESK_GREYS) + grain)


def perspective(image, rng, index):
    """A page photographed at an angle: on a darker desk, or its paper fills the picture."""
    image = image.resize((image.width * 3 // 2, image.height * 3 // 2), Image.Resampling.LANCZOS)
    on_desk = index % 4 in (0, 3)
    if on_desk:  # more paper around the print
        image = ImageOps.expand(image, image.width // 30, PAPER)
    corners = far_corners(image.size, rng, index)
    edge = round(image.width * rng.uniform(*DESK_EDGE)) if on_desk else 0
    size = tuple(np.ceil((corners + edge).max(axis=0)).astype(int) + edge)
    data = projection(corners + edge, image.size)
    page = image.transform(size, Image.Transform.PERSPECTIVE, data, Image.Resampling.BICUBIC, fillcolor=PAPER)
    greys = 30 + np.asarray(page, np.float64) * (235 - 30) / 255
    noise = np.random.default_rng(rng.getrandbits(64))
    if on_desk:
        mask = Image.new("L", image.size, 255).transform(size, Image.Transform.PERSPECTIVE, data)
        greys = lay_on_desk(greys, mask, rng)
    photo = Image.fromarray(np.clip(greys, 0, 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(PHOTO_BLUR_RADIUS))
    down, across = np.mgrid[0 : 1 : size[1] * 1j, 0 : 1 : size[0] * 1j]
    light = 1 - rng.uniform(0, MOST_SHADE) * (across, down, 1 - down, 1 - across)[index % 4]
    greys = np.asarray(photo, np.float64) * light + noise.normal(0, PHOTO_NOISE_SIGMA, light.shape)
    return Picture(Image.fromarray(np.clip(np.rint(greys), 0, 255).astype(np.uint8)), "jpg", {"quality": 85})


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
    "perspective": perspective,
    "marked": marked,
    "faxed": faxed,
    "transparent": transparent,
    "cropped": cropped,
}
