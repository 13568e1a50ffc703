#!/usr/bin/env python3
"""Makes tests/models/data/image_processor_golden.txt: what transformers' Qwen2-VL processor gives.

Run from the repository root (needs transformers 5, torch, pillow 13, numpy):

    python3 tools/image/make_image_processor_golden.py > tests/models/data/image_processor_golden.txt

Lines of two kinds:

    sizes FACTOR MIN_PIXELS MAX_PIXELS STEP LAST CRC
        CRC-32 of (width, height) as int32 after smart_resize, for every width and, inside it, every
        height in 1, 1 + STEP, ... up to LAST; (0, 0) where the aspect ratio is refused.
    pixels PATTERN WIDTH HEIGHT PATCH MERGE MIN_PIXELS MAX_PIXELS MEAN*3 STD*3 T H W CRC SAMPLE*8
        grid and CRC-32 of pixel_values as float32, and eight of them at even distances.
"""

import sys
import zlib
from pathlib import Path

import numpy as np
from PIL import Image
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import (
    Qwen2VLImageProcessorPil,
    smart_resize,
)

sys.path.insert(0, str(Path(__file__).parent))
from make_resize_golden import draw  # noqa: E402

SIZES = [
    (32, 65536, 16777216, 61, 6000),
    (32, 1024, 40000, 1, 300),
    (28, 3136, 1003520, 17, 1700),
    (32, 262144, 1048576, 13, 1400),
    (16, 1, 64, 1, 130),
]
HALF = [0.5, 0.5, 0.5]
CLIP_MEAN = [0.48145466, 0.4578275, 0.40821073]
CLIP_STD = [0.26862954, 0.26130258, 0.27577711]
PICTURES = [
    ("noise", 70, 50, 16, 2, 65536, 16777216, HALF, HALF),
    ("gradient", 300, 200, 16, 2, 65536, 16777216, HALF, HALF),
    ("checks", 640, 427, 16, 2, 65536, 16777216, HALF, HALF),
    ("noise", 1000, 700, 16, 2, 65536, 160000, HALF, HALF),
    ("noise", 256, 256, 16, 2, 65536, 16777216, HALF, HALF),
    ("gradient", 20, 900, 16, 2, 1024, 20000, HALF, HALF),
    ("noise", 1, 1, 16, 2, 4096, 16777216, HALF, HALF),
    ("noise", 130, 90, 14, 2, 3136, 1003520, CLIP_MEAN, CLIP_STD),
    ("checks", 97, 61, 8, 3, 576, 40000, CLIP_MEAN, CLIP_STD),
]


def resized_sizes(factor, least, most, step, last):
    for width in range(1, last + 1, step):
        for height in range(1, last + 1, step):
            try:
                new_height, new_width = smart_resize(height, width, factor, least, most)
            except ValueError:
                new_height, new_width = 0, 0
            yield new_width, new_height


def main():
    for case in SIZES:
        data = np.array(list(resized_sizes(*case)), dtype="<i4").tobytes()
        print("sizes", *case, f"{zlib.crc32(data):08x}")
    for pattern, width, height, patch, merge, least, most, mean, std in PICTURES:
        processor = Qwen2VLImageProcessorPil(
            patch_size=patch,
            merge_size=merge,
            temporal_patch_size=2,
            size={"shortest_edge": least, "longest_edge": most},
            image_mean=mean,
            image_std=std,
        )
        result = processor(Image.fromarray(draw(pattern, width, height)), return_tensors="np")
        values = np.ascontiguousarray(result["pixel_values"], dtype="<f4")
        flat = values.ravel()
        samples = [flat[len(flat) * i // 8] for i in range(8)]
        print("pixels", pattern, width, height, patch, merge, least, most, *mean, *std, end=" ")
        print(*result["image_grid_thw"][0], f"{zlib.crc32(values.tobytes()):08x}", end=" ")
        print(*(f"{sample:.9g}" for sample in samples))


if __name__ == "__main__":
    main()
