"""Writes a safetensors file as oko's own writer does: tensors at multiples of 64 bytes, the language model first.

MLX's writer does not pad the header, so the tensors of its files lie at any address and cannot be used where a file
is mapped.
"""

import json
from pathlib import Path

import mlx.core as mx
import numpy as np

ALIGNMENT = 64
NAMES = {mx.float32: "F32", mx.float16: "F16", mx.bfloat16: "BF16", mx.uint32: "U32"}


def alignment(array: mx.array) -> int:
    """The largest power of two, at most ALIGNMENT, that divides the size."""
    return min(ALIGNMENT, array.nbytes & -array.nbytes)


def save(path: Path, arrays: dict[str, mx.array], metadata: dict[str, str]):
    names = sorted(arrays, key=lambda n: (-alignment(arrays[n]), n.startswith("vision_tower."), n))
    header, offset = {"__metadata__": metadata}, 0
    for name in names:
        array = arrays[name]
        end = offset + array.nbytes
        header[name] = {"dtype": NAMES[array.dtype], "shape": list(array.shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(8 + len(text)) % ALIGNMENT)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name in names:
            flat = mx.contiguous(arrays[name])
            file.write(np.array(flat.view(mx.uint16) if flat.dtype == mx.bfloat16 else flat).tobytes())
