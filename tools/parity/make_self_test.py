#!/usr/bin/env python3
"""Makes the references of `oko doctor`: a part of the goldens of tests/models/data.

make_self_test.py tests/models/data demo/self_test/references.json
"""
import json
import struct
import sys
from pathlib import Path

QWEN = "qwen3_vl_small_4bit_two_pictures"
STAGES = {  # stage: step of the golden's columns
    "vision.patch_embed": 3,
    "vision.layer.3": 3,
    "vision.merged": 1,
    "vision.deepstack.0": 1,
    "vision.deepstack.1": 1,
    "text.layer.3": 1,
    "logits": 3,
}
ROWS = 5
COLUMNS = 24  # at most, of a stage
BGE = "bge_m3_small_8bit"
BGE_TEXT = 2  # of 17 tokens
VECTORS = 2  # of ColBERT


def tensors(path):
    data = path.read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    found = {}
    for name, info in json.loads(data[8 : 8 + size]).items():
        if name == "__metadata__":
            continue
        begin, end = (8 + size + at for at in info["data_offsets"])
        kind = {"F32": "f", "I32": "i"}[info["dtype"]]
        values = struct.unpack(f"<{(end - begin) // 4}{kind}", data[begin:end])
        found[name] = (info["shape"], values)
    return found


def short(values):
    return [float(f"{value:.8g}") for value in values]


def stage(name, golden):
    (rows, columns), values = golden[name]
    chosen = sorted({round(i * (rows - 1) / (ROWS - 1)) for i in range(ROWS)})
    if name == "logits":
        chosen = [rows - 1]  # of the next token
    step = max(1, columns // COLUMNS)
    at = [row * columns + column for row in chosen for column in range(0, columns, step)]
    return {
        "stage": name,
        "rows": chosen,
        "column_step": step * STAGES[name],
        "values": short(values[i] for i in at),
    }


def qwen(folder):
    golden = tensors(folder / f"{QWEN}.safetensors")
    grids = golden["grid_thw"][1]
    return {
        "shape": "qwen3-vl-small-4bit",
        "seed": golden["seed"][1][0],
        "ids": list(golden["input_ids"][1]),
        "pictures": [[grids[i + 2] * 16, grids[i + 1] * 16] for i in range(0, len(grids), 3)],
        "stages": [stage(name, golden) for name in STAGES],
        "answer": list(golden["greedy.tokens"][1]),
        "answer_logits": short(golden["greedy.logits"][1]),
    }


def bge(folder):
    golden = json.loads((folder / f"{BGE}.json").read_text())
    text = golden["sequences"][BGE_TEXT]
    return {
        "shape": "bge-m3-small-8bit",
        "seed": golden["seed"],
        "ids": text["ids"],
        "dense": text["dense"],
        "sparse": text["sparse"],
        "colbert": {key: text["colbert"][key][-VECTORS:] for key in ["rows", "vectors"]},
    }


def main():
    folder, out = Path(sys.argv[1]), Path(sys.argv[2])
    command = "tools/parity/make_self_test.py tests/models/data demo/self_test/references.json"
    parts = {
        "made_by": command,
        "qwen3_vl": qwen(folder),
        "bge_m3": bge(folder),
    }
    lines = ",\n".join(f"{json.dumps(key)}: {json.dumps(part)}" for key, part in parts.items())
    out.write_text("{\n" + lines + "\n}\n")


main()
