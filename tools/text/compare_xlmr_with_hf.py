"""Compares oko's tokenizer with HF `tokenizers` on XLM-RoBERTa's whole vocabulary; any difference is printed and fails.

    cmake --build build/release --target encode_chunks
    venv/bin/python tools/text/xlmr_tokenizer.py e5-small-q4.bin FOLDER        # its docstring says how to get both
    venv/bin/python tools/text/compare_xlmr_with_hf.py build/release/tests/text/encode_chunks FOLDER [megabytes]

Three models are compared: each pipeline's tokenizer.json, and sentencepiece.bpe.model alone, which must be as BGE-M3's.
Without the program (`-` in its place) only HF's time and memory are printed. Run with tokenizers 0.23.3.
"""

import base64
import json
import multiprocessing
import random
import re
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tokenizers import Tokenizer

import corpus
from compare_with_hf import oko
from xlmr_tokenizer import decompile_charsmap

RANGES = corpus.FRAGMENTS.parents[3] / "src/text/grapheme_ranges.inc"
CLASSES = "- CR LF Control Extend ZWJ SpacingMark Prepend L V T LV LVT Regional_Indicator Pictographic Consonant".split()
LINKER = 16
BATCH = 200_000


def oracle(path):
    """HF's tokenizer as user text must meet it: no added tokens, and no text can become a special piece."""
    tree = json.loads(Path(path).read_text("utf-8"))
    vocabulary = tree["model"]["vocab"]
    for token in tree["added_tokens"]:
        assert vocabulary[token["id"]][0] == token["content"]
        # The pre-tokenizers leave no U+0020 in a word.
        vocabulary[token["id"]][0] = f"not text {token['id']}"
    tree["added_tokens"] = []
    return Tokenizer.from_str(json.dumps(tree))


def grapheme_classes():
    """Class -> code points, as make_grapheme_ranges.py found them; "Linker" too."""
    classes = {name: [] for name in [*CLASSES, "Linker"]}
    for first, last, value in re.findall(r"\{(\w+), (\w+), (\d+)\}", RANGES.read_text()):
        points = range(int(first, 16), int(last, 16) + 1)
        classes[CLASSES[int(value) % 16]] += points
        if int(value) & LINKER:
            classes["Linker"] += points
    return classes


def rule_keys(folder):
    """(what the charsmap has rules for, what it has rules for that never apply: a shorter one goes before)"""
    tree = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    charsmap = base64.b64decode(tree["normalizer"]["precompiled_charsmap"])
    keys = {key.decode() for key in decompile_charsmap(charsmap)}
    hidden = {key for key in keys if any(key[:end] in keys for end in range(1, len(key)))}
    return sorted(keys - hidden), sorted(hidden)


def random_strings(count, seed, keys, hidden_keys):
    """Strings of a few characters out of classes that meet badly."""
    rng = random.Random(seed)
    classes = {name: [chr(c) for c in points] for name, points in grapheme_classes().items() if points}
    marks = classes["Extend"] + classes["SpacingMark"]
    two_bytes = [chr(c) for c in range(0x80, 0x800)]
    groups = [
        *classes.values(),
        *([mark for mark in marks if len(mark.encode()) == size] for size in (2, 3, 4)),
        ["\u0301", "\u0308", "\u20d0", "\U0001d165", "\ufe0f", "\u200d"],
        keys,
        hidden_keys,
        [key for key in keys if len(key) == 1 and len(key.encode()) == 2],
        two_bytes,
        list(" \t\n\r\u0085\u00a0\u2003\u2028\u3000\u200b\ufeff\u2581"),
        [" ", " ", " ", "\u2581", "a", "b"],
        [chr(c) for c in range(32, 127)],
        [chr(c) for c in range(0x410, 0x450)],
        ["<s>", "</s>", "<mask>", "<unk>", "<pad>", "<", ">", "s", "/"],
        ["the", "ing", "ность", "при", "в", "and", ",", "."],
        [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000],
    ]
    for i in range(count):
        if i % 4 == 0:  # one rule and what may be its cluster
            parts = [rng.choice(keys)] + [rng.choice(marks) for _ in range(rng.randint(1, 3))]
            if rng.random() < 0.3:
                parts.insert(0, rng.choice(classes["Prepend"] + two_bytes))
            yield "".join(parts + [rng.choice(["", "a", " ", " я"])]).encode()
        else:
            chosen = rng.sample(groups, rng.randint(1, 5))
            yield "".join(rng.choice(rng.choice(chosen)) for _ in range(rng.randint(1, 24))).encode()


def rules_with_marks(keys, hidden_keys):
    for key in keys + random.Random(5).sample(hidden_keys, 5000):
        marks = ("\u0301", "\u0e31", "\U0001d165", "\u200d", "\ufe0f\u0301")
        yield " ".join(key + mark + tail for mark in marks for tail in ("", "b")).encode()
        yield f"a{key}\u0301 \u0600{key} \u00a9\u200d{key}\u0301 \u0915\u094d{key}\u0301 {key}{key}\u093e".encode()


def code_points():
    """Every code point alone; between letters and doubled, 16 in a string."""
    points = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000]
    yield from (c.encode() for c in points)
    for start in range(0, len(points), 16):
        yield "".join(f"a{c}b {c}{c} я{c} " for c in points[start : start + 16]).encode()


def long_runs(seed):
    rng = random.Random(seed)
    for unit in "a ab ы the при \u2581 \u0301 a\u0301 ﬁ ﷺ 한 क् 👩\u200d 🇷 𐐀 0 ! 中 \ufffd".split(" ") + [" ", "\n", "\r\n"]:
        yield (unit * 5000).encode()
    latin, cyrillic = "abcdefghijklmnopqrstuvwxyz", "абвгдежзийклмнопрстуфхцчшщъыьэюя"
    for alphabet in (latin, cyrillic, "ab", "едино", "\u0301\u0323a", "한국어", "中文字", "01"):
        yield "".join(rng.choice(alphabet) for _ in range(20_000)).encode()


def ties(folder):
    """Runs of a character that pieces have more than once in a row.

    "つつ", "つ" and "つ", "つつ" are equally good but for the last bit of the scores, and HF reads a quarter of the scores
    in JSON one unit in the last place off: it divides the digits, as a double, by a power of ten.
    """
    pieces = [text for text, _ in json.loads((folder / "tokenizer.json").read_text("utf-8"))["model"]["vocab"]]
    for c in sorted({a for text in pieces for a, b in zip(text, text[1:], strict=False) if a == b}):
        yield from ((c * count).encode() for count in [*range(2, 50), 200, 201, 202, 203, 1000, 1001])


def compare(program, model, cache, reference, title, chunks):
    print(f"{title}: {len(chunks)} strings, {sum(map(len, chunks)) / 1e6:.2f} MB")
    different = 0
    for start in range(0, len(chunks), BATCH):
        batch = chunks[start : start + BATCH]
        expected = reference.encode_batch_fast([chunk.decode("utf-8", errors="replace") for chunk in batch])
        for chunk, encoding, ids in zip(batch, expected, oko(program, model, "xlmr", batch, cache), strict=True):
            if encoding.ids != ids:
                different += 1
                if different <= 5:
                    print(f"  DIFFERENT {chunk[:400]!r}\n    HF  {encoding.ids[:100]}\n    oko {ids[:100]}")
    print(f"  {different} differences")
    return different


def prose(megabytes):
    """Sentences only: for speed."""
    rng, sentences, size = random.Random(4), corpus.load_fragments()["prose"], 0
    while size < megabytes * 1e6:
        yield (text := " ".join(rng.choice(sentences) for _ in range(12)))
        size += len(text.encode())


def measure(path):
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    tokenizer = Tokenizer.from_file(str(path))
    loaded = time.perf_counter() - start
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    texts = list(prose(1))
    start = time.perf_counter()
    for text in texts:
        tokenizer.encode(text)
    spent = time.perf_counter() - start
    speed = sum(len(text.encode()) for text in texts) / 1e6 / spent
    print(f"HF, {path.name}: loaded in {loaded:.2f} s, {memory / 1024:.0f} MB; {speed:.1f} MB/s in one thread")


def main():
    program, folder = sys.argv[1], Path(sys.argv[2])
    megabytes = float(sys.argv[3]) if len(sys.argv) > 3 else 4
    for name in ("tokenizer.json", "tokenizer-e5.json"):
        process = multiprocessing.get_context("spawn").Process(target=measure, args=(folder / name,))
        process.start()
        process.join()
    if program == "-":
        return
    fragments, (keys, hidden_keys) = corpus.load_fragments(), rule_keys(folder)
    mixed = [corpus.make_chunk(fragments, seed) for seed in range(int(megabytes * 1e6 / corpus.CHUNK_BYTES))]
    rng = random.Random(1)
    broken = [bytes(rng.choice(b"\xf0\x9f\x98\x80\xe2\x82\xac\xd0\xb9\xed\xa0\x80\xc3\x28ab ") for _ in range(50)) for _ in range(20_000)]
    texts = {
        "prose": [text.encode() for text in prose(megabytes)],
        "mixed text": mixed,
        "mixed text, one string": [b"".join(mixed)],
        "random strings": list(random_strings(int(25_000 * megabytes), 2, keys, hidden_keys)),
        "rules with marks": list(rules_with_marks(keys, hidden_keys)),
        "every code point": list(code_points()),
        "broken UTF-8": broken,
        "long runs": list(long_runs(3)),
        "ties": list(ties(folder)),
    }
    different = 0
    for source, name, tokenizer in (
        ("tokenizer.json", "tokenizer.json", oracle(folder / "tokenizer.json")),
        ("tokenizer-e5.json", "tokenizer.json", oracle(folder / "tokenizer-e5.json")),
        ("sentencepiece.bpe.model", "sentencepiece.bpe.model", oracle(folder / "tokenizer.json")),
    ):
        print(f"--- {source}")
        with tempfile.TemporaryDirectory() as model, tempfile.TemporaryDirectory() as cache:
            shutil.copy(folder / source, Path(model, name))
            for title, chunks in texts.items():
                different += compare(program, model, cache, tokenizer, title, chunks)
    sys.exit(different != 0)


if __name__ == "__main__":
    main()
