"""Random pictures with their captions: scenes of shapes, and printed words.

`sample_scene` decides what is there, `render` draws it at any size and says what lies under given points
(training uses that as an extra lesson for the vision tower: see losses in train.py).
"""

import math

import numpy as np
from PIL import Image, ImageDraw

import drawing
import fonts
import words
from grammar import COLOURS, PLACES, SHAPES

KINDS = (("place", 22), ("several", 24), ("beside", 18), ("above", 14), ("row", 9), ("column", 5), ("inside", 8))
# Hard scenes come more often in training than in the pictures that score it.
TRAINING_KINDS = (("place", 14), ("several", 36), ("beside", 13), ("above", 11), ("row", 8), ("column", 8), ("inside", 10))
TRAINING_COUNTS = (2,) * 2 + (3,) * 3 + (4,) * 5 + (5,) * 5 + (6,) * 4
ALPHABET = "".join(letters + letters.upper() for letters in words.LETTERS.values())
# The content of a point of a picture: nothing, a coloured shape, or a letter.
POINT_CLASSES = 1 + len(SHAPES) * len(COLOURS) + len(ALPHABET)


def shape_class(thing) -> int:
    return 1 + SHAPES.index(thing[0]) * len(COLOURS) + COLOURS.index(thing[1])


def letter_class(letter: str) -> int:
    return 1 + len(SHAPES) * len(COLOURS) + ALPHABET.index(letter)


def sample_thing(rng) -> tuple[str, str]:
    return rng.choice(SHAPES), rng.choice(COLOURS)


def sample_scene(rng, kinds=KINDS, counts=range(2, 7)) -> dict:
    """The defaults are those of the pictures that score the model. kinds: (kind, weight) pairs."""
    kind = rng.choices([k for k, _ in kinds], [w for _, w in kinds])[0]
    if kind == "place":
        return {"kind": kind, "things": [sample_thing(rng)], "place": rng.choice(PLACES)}
    if kind == "several":
        return {"kind": kind, "things": [sample_thing(rng)], "count": rng.choice(counts)}
    things = [sample_thing(rng) for _ in range(3 if kind in ("row", "column") else 2)]
    if kind == "inside":
        while things[0][1] == things[1][1]:
            things[0] = sample_thing(rng)
        things[1] = (rng.choice(("circle", "square", "diamond")), things[1][1])
    elif things[0] == things[1]:
        return sample_scene(rng, kinds, counts)  # two equal things are "several"
    return {"kind": kind, "things": things}


def sample_training_scene(rng) -> dict:
    return sample_scene(rng, TRAINING_KINDS, TRAINING_COUNTS)


def sample_word(rng, kind: str | None = None, language: str | None = None) -> dict:
    language = language or rng.choice(("en", "ru"))
    word = words.sample(rng, language, kind) if kind else words.sample_training(rng, language)
    return {"kind": "word", "word": word, "alphabet": language}


def _scatter(rng, count, width, height):
    """Centres and radii of things that do not touch."""
    for attempt in range(200):
        r = min(width, height) * rng.uniform(0.10, 0.19 if count < 5 else 0.15) * (1 - attempt / 400)
        r = min(r, math.sqrt(width * height / count) * 0.32)
        spots = []
        for _ in range(30 * count):
            x, y = rng.uniform(1.15 * r, width - 1.15 * r), rng.uniform(1.15 * r, height - 1.15 * r)
            if all(math.hypot(x - a, y - b) > 2.35 * r for a, b in spots):
                spots.append((x, y))
                if len(spots) == count:
                    return [(x, y, r) for x, y in spots]
    raise RuntimeError("no room for the things of a scene")


def _layout(rng, scene, width, height):
    """(x, y, radius) of every thing of the scene."""
    kind, short = scene["kind"], min(width, height)
    if kind == "several":
        return _scatter(rng, scene["count"], width, height)
    if kind == "place":
        place = scene["place"]
        if place == "centre":
            r = short * rng.uniform(0.14, 0.36)
            return [(width * rng.uniform(0.46, 0.54), height * rng.uniform(0.46, 0.54), r)]
        r = short * rng.uniform(0.11, 0.17)

        def along(low, high, size):
            near = max(1.15 * r, 0.16 * size), max(1.25 * r, 0.25 * size)
            if low in place:
                return rng.uniform(*near)
            return size - rng.uniform(*near) if high in place else size * rng.uniform(0.45, 0.55)

        return [(along("left", "right", width), along("top", "bottom", height), r)]
    if kind == "inside":
        big = short * rng.uniform(0.34, 0.44)
        x, y = (rng.uniform(1.12 * big, max(1.12 * big, size - 1.12 * big)) for size in (width, height))
        return [
            (x + big * rng.uniform(-0.06, 0.06), y + big * rng.uniform(-0.06, 0.06), big * rng.uniform(0.30, 0.42)),
            (x, y, big),
        ]
    count = len(scene["things"])
    vertical = kind in ("above", "column")
    long, cross = (height, width) if vertical else (width, height)
    slot = long / count
    r = min(slot * 0.40, cross * 0.40) * rng.uniform(0.62, 1.0)
    drift = 0.08 if count == 2 else 0.04
    base = rng.uniform(max(0.35, 1.1 * r / cross), min(0.65, 1 - 1.1 * r / cross)) if cross > 2.3 * r else 0.5
    spots = []
    for i in range(count):
        radius = r * rng.uniform(0.8, 1.0)
        a = slot * (i + 0.5) + rng.uniform(-1, 1) * max(0.0, slot / 2 - 1.08 * r) * 0.7
        b = min(cross - 1.08 * radius, max(1.08 * radius, cross * (base + rng.uniform(-drift, drift))))
        spots.append((b, a, radius) if vertical else (a, b, radius))
    return spots


def _fills(rng, scene):
    fills = [drawing.colour_of(rng, colour) for _, colour in scene["things"]]
    return fills * scene["count"] if scene["kind"] == "several" else fills


def _render_shapes(rng, scene, width, height, points):
    spots, fills = _layout(rng, scene, width, height), _fills(rng, scene)
    things = scene["things"] * scene.get("count", 1)
    order = range(len(things))
    least = 0.24
    if scene["kind"] == "inside":
        order = (1, 0)
        for _ in range(50):
            if drawing.contrast(*fills) > least:
                break
            fills = _fills(rng, scene)
    picture = drawing.background(
        rng, (round(width), round(height)), fills if scene["kind"] != "inside" else fills[1:], least
    )
    pen = ImageDraw.Draw(picture)
    labels = np.zeros(len(points), np.int16)
    for i in order:
        (x, y, r), hole = spots[i], rng.uniform(0.5, 0.66)
        drawing.draw_shape(rng, pen, things[i][0], fills[i], x, y, r, hole)
        labels[np.hypot(points[:, 0] - x, points[:, 1] - y) < 0.95 * r] = shape_class(things[i])
    return picture, labels


def _render_word(rng, scene, width, height, points, split):
    path = fonts.pick(rng, split, scene["alphabet"])
    while True:
        ink = (
            drawing.random_colour(rng) if rng.random() < 0.4 else rng.choice(((0, 0, 0), (255, 255, 255), (25, 25, 60)))
        )
        if 0.3 < drawing.luminance(ink) < 0.55:
            continue
        break
    picture = drawing.background(rng, (round(width), round(height)), [ink], 0.5)
    picture, place = drawing.draw_word(rng, picture, scene["word"], path, ink)
    # Turn the points back instead of turning the boxes of the letters.
    (cx, cy), angle = place["centre"], place["angle"]
    dx, dy = points[:, 0] - cx, points[:, 1] - cy
    x = cx + dx * math.cos(angle) - dy * math.sin(angle)
    y = cy + dx * math.sin(angle) + dy * math.cos(angle)
    letter = np.searchsorted(place["edges"], x) - 1
    margin = 0.08 * (place["bottom"] - place["top"])
    inside = (
        (letter >= 0) & (letter < len(scene["word"])) & (y > place["top"] - margin) & (y < place["bottom"] + margin)
    )
    table = np.array([letter_class(c) for c in scene["word"]], np.int16)
    return picture, np.where(inside, table[np.clip(letter, 0, len(table) - 1)], 0).astype(np.int16)


def render(rng, scene, size, points=None, split="train", native=False):
    """(picture of size (width, height), class under each point). points: (n, 2) in pixels of that size.

    Training pictures are drawn at another scale and slightly stretched, then resized as the model's own
    preprocessing does; native=True draws at the size asked for.
    """
    width, height = size
    scale_x = scale_y = 1.0
    if not native:
        scale = rng.choice((1.0, 1.0, 2.0, rng.uniform(1.2, 2.6)))
        stretch = rng.uniform(-0.15, 0.15)
        scale_x, scale_y = scale * math.exp(stretch / 2), scale * math.exp(-stretch / 2)
    canvas = (round(width * scale_x), round(height * scale_y))
    grid = np.zeros((0, 2)) if points is None else points * (canvas[0] / width, canvas[1] / height)
    # Shapes and letters are drawn twice too large where the canvas is small: PIL's polygons have no smooth edges.
    up = 2 if canvas[0] * canvas[1] < 150_000 and (scene["kind"] != "word") else 1
    if scene["kind"] == "word":
        picture, labels = _render_word(rng, scene, *canvas, grid, split)
    else:
        picture, labels = _render_shapes(rng, scene, canvas[0] * up, canvas[1] * up, grid * up)
    if up > 1:
        picture = picture.reduce(up)
    if picture.size != (width, height):
        picture = picture.resize((width, height), Image.Resampling.BICUBIC)
    return drawing.weather(rng, picture), labels
