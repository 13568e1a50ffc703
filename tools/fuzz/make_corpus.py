"""Makes the seeds of the fuzz targets, in fuzz/corpus: small valid files for mutations to start from.

    python tools/fuzz/make_corpus.py

safetensors/       headers with every dtype, scalars, metadata, an odd length
torch_checkpoint/  the pickles of tests/checkpoint/data/torch: mutations of whole archives seldom reach them
unigram_model/     a few pieces and one rule of normalization, as tokenizer.json and as a sentencepiece model
xlmr_text/         text of many scripts, marks, emoji, special tokens, broken UTF-8
tokenizer_json/    tests/text/data/tokenizer/tokenizer.json cut to its 256 bytes and a few merges
"""

import base64
import json
import struct
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


PIECES = [("\u2581", -3.0), ("a", -4.5), ("b", -4.25), ("\u2581Hello", -6.0), ("мир", -7.5), ("ab", -5.0)]
TEXTS = {
    "mixed": "Привет, мир! Hello\u2581world — 100 % ﬁne",
    "marks": "e\u0301 क्ष\u0301 ا\u064b ᄀ\u1161 \u0301\u200d\u0085 a\u0300\u0301",
    "emoji": "👩🏻\u200d💻🇷🇺 ©\u200d® 1️⃣",
    "special": "<s> </s><mask> <unk>\t\r\n  x",
}


def small_charsmap():
    """The rule a -> b, as a darts-clone double array: its size in bytes, its units, texts that end with zero."""
    units = [0] * 1024
    units[0] = 256 << 10
    units[256 ^ ord("a")] = 512 << 10 | 1 << 8 | ord("a")
    units[256 ^ ord("a") ^ 512] = 0x80000000
    return struct.pack("<I1024I", 4096, *units) + b"b\0"


def small_unigram_json():
    tree = json.loads((ROOT / "tests/text/data/xlmr/tokenizer.json").read_text())
    special = [["<s>", 0.0], ["<pad>", 0.0], ["</s>", 0.0], ["<unk>", 0.0]]
    tree["model"]["vocab"] = special + [list(piece) for piece in PIECES] + [["<mask>", 0.0]]
    tree["added_tokens"][-1]["id"] = len(tree["model"]["vocab"]) - 1
    tree["normalizer"]["precompiled_charsmap"] = base64.b64encode(small_charsmap()).decode()
    return json.dumps(tree, ensure_ascii=False, separators=(",", ":")).encode()


def field(number, data):
    length, size = len(data), b""
    while length > 127:
        size += bytes([length & 127 | 128])
        length >>= 7
    return bytes([number << 3 | 2]) + size + bytes([length]) + data


def small_sentencepiece():
    pieces = [("<unk>", 0.0, 2), ("<s>", 0.0, 3), ("</s>", 0.0, 3)] + [(*piece, 1) for piece in PIECES]
    model = b"".join(
        field(1, field(1, text.encode()) + b"\x15" + struct.pack("<f", score) + bytes([3 << 3, kind]))
        for text, score, kind in pieces)
    return model + field(2, bytes([3 << 3, 1])) + field(3, field(2, small_charsmap()))


def write(folder, files):
    (CORPUS / folder).mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (CORPUS / folder / name).write_bytes(data)


def main():
    write("unigram_model", {"small.json": small_unigram_json(), "small.model": small_sentencepiece()})
    write("xlmr_text", {name: text.encode() for name, text in TEXTS.items()} | {"broken": b"a\xff\xe2\x96 \xf0\x9f"})
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
    for path in sorted((ROOT / "tests/checkpoint/data/torch").glob("*.pt")):
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                name = next(entry for entry in archive.namelist() if entry.endswith("/data.pkl"))
                (folder / f"{path.stem}.pkl").write_bytes(archive.read(name))
    folder = CORPUS / "tokenizer_json"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "small.json").write_text(small_tokenizer())


if __name__ == "__main__":
    main()
