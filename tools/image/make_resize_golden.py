#!/usr/bin/env python3
"""Makes tests/image/data/resize_golden.txt: what Pillow's bicubic resize gives.

Run from the repository root (needs pillow and numpy):

    python3 tools/image/make_resize_golden.py > tests/image/data/resize_golden.txt

A line: pattern, width and height before and after, CRC-32 of the RGB bytes; a small result also has
its bytes in hexadecimal. The patterns are drawn by tests/image/patterns.h from the same integers.
"""

import zlib

import numpy as np
from PIL import Image

RAW_BYTES = 64

SIDES = [1, 2, 3, 5, 16, 17, 31, 32, 48, 63, 100]
LARGE = [
    ((640, 427), (448, 320)),
    ((427, 640), (320, 448)),
    ((1023, 15), (32, 96)),
    ((15, 1023), (96, 32)),
    ((300, 200), (864, 576)),
    ((200, 300), (200, 416)),
    ((200, 300), (416, 300)),
    ((2000, 1500), (64, 64)),
    ((1, 1), (256, 256)),
    ((1, 200), (32, 2048)),
    ((800, 600), (799, 601)),
    ((333, 777), (1024, 32)),
]


def noise(count):
    value = np.arange(count, dtype=np.uint64) * 2654435761 + 12345 & 0xFFFFFFFF
    value ^= value >> 15
    value = value * 2246822519 & 0xFFFFFFFF
    return (value >> 24).astype(np.uint8)


def draw(pattern, width, height):
    if pattern == "noise":
        return noise(width * height * 3).reshape(height, width, 3)
    y, x = np.mgrid[0:height, 0:width].astype(np.int64)
    if pattern == "gradient":
        planes = [x * 255 // max(width - 1, 1), y * 255 // max(height - 1, 1), (x * 5 + y * 3) % 256]
    else:  # "checks": the strongest over- and undershoot
        on = (x // 3 + y // 2) % 2 * 255
        planes = [on, 255 - on, (x + y) % 2 * 255]
    return np.stack(planes, axis=-1).astype(np.uint8)


def main():
    cases = [(p, a, b) for p in ("noise", "gradient", "checks") for a, b in LARGE]
    state = 7
    pairs = [(a, b) for a in SIDES for b in SIDES]
    for index, (width, new_width) in enumerate(pairs):
        state = (state * 1103515245 + 12345) % 2**31
        height, new_height = pairs[(state >> 8) % len(pairs)]
        cases.append((("noise", "gradient", "checks")[index % 3], (width, height), (new_width, new_height)))
    for pattern, (width, height), (new_width, new_height) in cases:
        picture = Image.fromarray(draw(pattern, width, height))
        data = picture.resize((new_width, new_height), Image.BICUBIC).tobytes()
        line = f"{pattern} {width} {height} {new_width} {new_height} {zlib.crc32(data):08x}"
        print(line, data.hex() if len(data) <= RAW_BYTES else "-")


if __name__ == "__main__":
    main()
