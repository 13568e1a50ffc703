"""Makes the seeds of the fuzz targets, in fuzz/corpus: small valid files for mutations to start from.

    python tools/fuzz/make_corpus.py

safetensors/       headers with every dtype, scalars, metadata, an odd length
torch_checkpoint/  the pickles of tests/tensor/data/torch: mutations of whole archives seldom reach them
tokenizer_json/    tests/text/data/tokenizer/tokenizer.json cut to its 256 bytes and a few merges
"""

import json
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT / "fuzz" / "corpus"
SIZES = {"F32": 4, "F16": 2, "BF16": 2, "U32": 4, "I32": 4, "U8": 1}
MERGES = 20


def safetensors(tensors, metadata=None, padding=0):
    header = {} if metadata is None else {"__metadata__": metadata}
    end = 0
    for name, dtype, shape in tensors:
        begin = end
        end += SIZES[dtype]
        for dimension in shape:
            end += (end - begin) * (dimension - 1)
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(header, separators=(",", ":")).encode() + b" " * padding
    return len(text).to_bytes(8, "little") + text + bytes(i % 251 for i in range(end))


def small_tokenizer():
    tokenizer = json.loads((ROOT / "tests/text/data/tokenizer/tokenizer.json").read_text())
    model = tokenizer["model"]
    merges = model["merges"][:MERGES]
    pairs = [merge.split(" ") if isinstance(merge, str) else merge for merge in merges]
    kept = {"".join(pair) for pair in pairs}
    tokens = [token for token in model["vocab"] if len(token) == 1 or token in kept]
    model["vocab"] = {token: i for i, token in enumerate(tokens)}
    model["merges"] = merges
    tokenizer["added_tokens"] = tokenizer["added_tokens"][:3]
    for i, token in enumerate(tokenizer["added_tokens"]):
        token["id"] = len(tokens) + i
    return json.dumps(tokenizer, ensure_ascii=False, separators=(",", ":"))


def main():
    folder = CORPUS / "safetensors"
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        "dtypes": safetensors([(dtype.lower(), dtype, [2, 3]) for dtype in SIZES]),
        "empty": safetensors([]),
        "metadata": safetensors([("a", "F32", [1])], {"format": "mlx"}),
        "odd": safetensors([("a", "BF16", [3]), ("b", "F32", [])], padding=3),
        "layer": safetensors(
            [("layer.weight", "U32", [2, 8]), ("layer.scales", "BF16", [2, 1]), ("layer.biases", "BF16", [2, 1])]
        ),
    }
    for name, data in files.items():
        (folder / f"{name}.safetensors").write_bytes(data)
    folder = CORPUS / "torch_checkpoint"
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted((ROOT / "tests/tensor/data/torch").glob("*.pt")):
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                name = next(entry for entry in archive.namelist() if entry.endswith("/data.pkl"))
                (folder / f"{path.stem}.pkl").write_bytes(archive.read(name))
    folder = CORPUS / "tokenizer_json"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "small.json").write_text(small_tokenizer())


if __name__ == "__main__":
    main()
