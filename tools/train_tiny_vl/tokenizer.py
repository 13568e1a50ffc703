"""The tokenizer: byte-level BPE in Qwen's pipeline, whose merges know the grammar's words and single letters.

A word inside quotes has no space before it, so it stays a string of letters: reading is spelling.

    python tokenizer.py OUT_DIR        writes tokenizer.json and tokenizer_config.json
"""

import json
import sys
from itertools import product
from pathlib import Path

import regex
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

import grammar
import words

SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
SPECIAL = (
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>", "<|box_start|>",
    "<|box_end|>", "<|quad_start|>", "<|quad_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>",
    "<|image_pad|>", "<|video_pad|>",
)  # fmt: skip
ADDED = (
    "<tool_call>", "</tool_call>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>",
    "<|repo_name|>", "<|file_sep|>", "<tool_response>", "</tool_response>", "<think>", "</think>",
)  # fmt: skip
WHOLE = ("The", "Слово", "Describe", "Опиши")
CHAT_TEMPLATE = (
    "{%- for message in messages %}{{- '<|im_start|>' + message.role + '\\n' }}"
    "{%- if message.content is string %}{{- message.content }}{%- else %}{%- for part in message.content %}"
    "{%- if part.type == 'image' or 'image' in part or 'image_url' in part %}"
    "{{- '<|vision_start|><|image_pad|><|vision_end|>' }}"
    "{%- elif part.type == 'video' or 'video' in part %}{{- '<|vision_start|><|video_pad|><|vision_end|>' }}"
    "{%- elif 'text' in part %}{{- part.text }}{%- endif %}{%- endfor %}{%- endif %}"
    "{{- '<|im_end|>\\n' }}{%- endfor %}{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)


def byte_letters() -> dict[int, str]:
    """GPT-2's printable stand-in for every byte."""
    kept = [*range(33, 127), *range(161, 173), *range(174, 256)]
    table = {b: chr(b) for b in kept}
    for b in range(256):
        table.setdefault(b, chr(256 + len([x for x in range(b) if x not in kept])))
    return table


BYTES = byte_letters()


def spelled(text: str) -> str:
    return "".join(BYTES[b] for b in text.encode())


def corpus() -> list[str]:
    """Every sentence form and prompt once."""
    things = list(product(grammar.SHAPES, grammar.COLOURS))
    lines = [p for table in (grammar.PROMPTS, grammar.READING_PROMPTS) for prompts in table.values() for p in prompts]
    lines += [*grammar.DEFAULT_PROMPT.values(), grammar.SYSTEM_TURN]
    for language, thing in product(("en", "ru"), things):
        for kind, count in (("beside", 2), ("above", 2), ("inside", 2), ("row", 3), ("column", 3)):
            lines.append(grammar.describe({"kind": kind, "things": [thing] * count}, language))
        lines += [grammar.describe({"kind": "place", "things": [thing], "place": p}, language) for p in grammar.PLACES]
        lines += [grammar.describe({"kind": "several", "things": [thing], "count": c}, language) for c in range(2, 7)]
        lines.append(grammar.describe({"kind": "word", "word": "x"}, language))
    return lines


def build() -> Tokenizer:
    vocab = {letter: i for i, letter in enumerate(BYTES[b] for b in sorted(BYTES, key=lambda b: BYTES[b]))}
    merges: list[tuple[str, str]] = []

    def join(left: str, right: str):
        if left + right not in vocab:
            vocab[left + right] = len(vocab)
            merges.append((left, right))

    for character in [*(c for c in words.LETTERS["ru"] + words.LETTERS["ru"].upper()), "«", "»"]:
        join(*spelled(character))
    for left, right in ((" ", "«"), (" ", '"'), ('"', "."), ("»", ".")):
        join(spelled(left), spelled(right))
    role = "assistant"  # joined from its middle: "as" stays two letters in other words
    for i in range(2, len(role)):
        join(role[1:i], role[i])
    join(role[0], role[1:])
    for line in corpus():
        for piece in regex.findall(SPLIT, line):
            if piece[0] == " " and piece[1:].isalpha() or piece in WHOLE:
                letters = [spelled(c) for c in piece]
                for i in range(1, len(letters)):
                    join("".join(letters[:i]), letters[i])
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=merges, fuse_unk=False, byte_fallback=False))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(SPLIT), behavior="isolated", invert=False),
        pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False),
    ])  # fmt: skip
    tokenizer.decoder = decoders.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False)
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in SPECIAL])
    tokenizer.add_tokens([AddedToken(t, special=False, normalized=False) for t in ADDED])
    return tokenizer


def save(tokenizer: Tokenizer, folder: Path):
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    decoder = {
        str(tokenizer.token_to_id(t)): {
            "content": t, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": t in SPECIAL,
        }
        for t in SPECIAL + ADDED
    }  # fmt: skip
    config = {
        "add_bos_token": False, "add_prefix_space": False, "added_tokens_decoder": decoder,
        "additional_special_tokens": list(SPECIAL[1:]), "bos_token": None, "chat_template": CHAT_TEMPLATE,
        "clean_up_tokenization_spaces": False, "eos_token": "<|im_end|>", "errors": "replace",
        "model_max_length": 4096, "pad_token": "<|endoftext|>", "split_special_tokens": False,
        "tokenizer_class": "Qwen2Tokenizer", "unk_token": None,
    }  # fmt: skip
    (folder / "tokenizer_config.json").write_text(json.dumps(config, ensure_ascii=False, indent=2) + "\n")
    (folder / "chat_template.json").write_text(json.dumps({"chat_template": CHAT_TEMPLATE}, indent=2) + "\n")


if __name__ == "__main__":
    save(build(), Path(sys.argv[1]))
