"""Checkpoints that PyTorch itself writes, and what is in them, for tests/tensor/torch_checkpoint_test.cpp.

    python tools/parity/make_torch_fixtures.py

Needs torch (CPU is enough). Writes tests/checkpoint/data/torch/*.pt, a few kB each, and tests/checkpoint/data/torch.json:
for each file and tensor the dtype, the shape and the bytes in hexadecimal. Every file is read back by torch.load first.
"""

import collections
import io
import json
import pathlib
import zipfile

import torch

DATA = pathlib.Path(__file__).resolve().parents[2] / "tests" / "tensor" / "data"
NAMES = {
    torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.int32: "I32", torch.uint8: "U8",
}


def values(shape, dtype):
    count = torch.Size(shape).numel()
    return ((torch.arange(count) * 37 % 101 - 50).to(torch.float64) / 4).abs().to(dtype).reshape(shape)


def module():
    """A state dict with _metadata."""
    layers = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.LayerNorm(4), torch.nn.Linear(4, 1, bias=False))
    for name, parameter in layers.named_parameters():
        parameter.data = values(parameter.shape, torch.float32) + len(name)
    return layers.state_dict()


def cases():
    base = values((12,), torch.float32)
    every = {str(dtype).split(".")[1]: values((2, 3), dtype) for dtype in NAMES}
    left_out = {
        "position_ids": torch.arange(5).unsqueeze(0), "double": values((2,), torch.float64), "short": values((2,), torch.int16),
        "flag": torch.tensor([True, False]), "complex": torch.zeros(2, dtype=torch.complex64), "empty": torch.zeros(0, 4),
    }
    others = {"epoch": 7, "big": 2**40, "huge": 2**100, "negative": -3, "rate": 0.5, "name": "слово", "none": None,
              "flags": (True, False), "list": [1, [2, "x"]], "options": {"a": 1, "b": {}}}
    odd = torch.as_strided(base, (1, 4), (7, 1), 4)
    return {
        "module": module(),
        "dtypes": {**every, **left_out, "scalar": torch.tensor(2.5)},
        "parameter": {"weight": torch.nn.Parameter(values((3, 4), torch.float32)),
                      "bias": torch.nn.Parameter(values((4,), torch.bfloat16), requires_grad=False)},
        "shared": collections.OrderedDict(
            base=base, tied=base.view(3, 4), tail=base[8:], row=base.view(3, 4)[1], odd=odd),
        "others": {**others, "weight": values((2, 2), torch.float16)},
        "transposed": {"good": values((2, 2), torch.float32), "layer.weight": values((3, 4), torch.float32).t()},
        "expanded": {"layer.weight": torch.ones(1).expand(3)},
        "negated": {"layer.weight": torch._neg_view(values((4,), torch.float32))},
        "nested": {"epoch": 1, "state_dict": module()},
        "tensor": values((3,), torch.float32),
        "list": [values((3,), torch.float32)],
    }


def with_zip64(data):
    """The same archive with every number of an entry in zip64 fields, as only files over 4 GB have."""
    limit, zipfile.ZIP64_LIMIT = zipfile.ZIP64_LIMIT, 0
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as target:
        for entry in source.infolist():
            with target.open(zipfile.ZipInfo(entry.filename), "w", force_zip64=True) as stream:
                stream.write(source.read(entry))
    zipfile.ZIP64_LIMIT = limit
    return out.getvalue()


def saved(value, **options):
    stream = io.BytesIO()
    torch.save(value, stream, **options)
    return stream.getvalue()


def expected(state):
    tensors = {}
    for name, tensor in state.items() if isinstance(state, dict) else ():
        if isinstance(tensor, torch.Tensor) and tensor.dtype in NAMES and tensor.numel() > 0:
            data = tensor.detach().contiguous().reshape(-1).view(torch.uint8)
            tensors[name] = dict(dtype=NAMES[tensor.dtype], shape=list(tensor.shape), bytes=bytes(data.tolist()).hex())
    return tensors


def main():
    folder = DATA / "torch"
    folder.mkdir(parents=True, exist_ok=True)
    states = cases()
    files = {name: saved(state) for name, state in states.items()}
    files["protocol4"] = saved(states["module"], pickle_protocol=4)
    files["zip64"] = with_zip64(files["module"])
    files["legacy"] = saved(states["module"], _use_new_zipfile_serialization=False)
    files["legacy4"] = saved(states["module"], _use_new_zipfile_serialization=False, pickle_protocol=4)
    refused = {"transposed", "expanded", "negated", "nested", "tensor", "list", "legacy", "legacy4"}
    table = {}
    for name, data in files.items():
        torch.load(io.BytesIO(data), weights_only=name not in {"protocol4", "legacy4"})
        (folder / f"{name}.pt").write_bytes(data)
        if name not in refused:
            table[name] = expected(states.get(name, states["module"]))
    (DATA / "torch.json").write_text(json.dumps(table, indent=1) + "\n")


if __name__ == "__main__":
    main()
