"""How often the model is exactly right on pictures it has never seen, in fonts it has never seen.

    python evaluate.py MODEL_DIR [--count 500] [--seed 900001]     counts of exact captions by class
    python evaluate.py MODEL_DIR --write DIR                       also writes the pictures and expected.jsonl

MODEL_DIR is an export (config.json, model.safetensors ...). Half of the pictures are of a training size, half are
larger (up to 900 px) and go through smart_resize. --count is the number of pictures of each of the six classes.
"""

import argparse
import json
import random
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import torch

import data
import grammar
import scenes

CLASSES = ("scenes", "dictionary words", "unseen words")


def held_out(seed: int, count: int) -> list[dict]:
    """`count` pictures for each class and language of the prompt; a word is in the language of its prompt but for one in six."""
    items = []
    for name in CLASSES:
        for language in ("en", "ru"):
            rng = random.Random(f"held out/{seed}/{name}/{language}")
            for index in range(count):
                if name == "scenes":
                    scene = scenes.sample_scene(rng)
                else:
                    alphabet = language if rng.random() < 5 / 6 else {"en": "ru", "ru": "en"}[language]
                    kind = (
                        "dictionary" if name == "dictionary words" else rng.choice(("held_out", "held_out", "random"))
                    )
                    scene = scenes.sample_word(rng, kind, alphabet)
                if rng.random() < 0.5:
                    size = rng.choices(list(data.SIZES), list(data.SIZES.values()))[0]
                else:
                    width, aspect = rng.randint(300, 900), rng.uniform(0.8, 2.4)
                    size = (width, round(width / aspect))
                picture, _ = scenes.render(rng, scene, size, split="held_out", native=True)
                kind = rng.random() < 0.7
                prompt = (
                    grammar.DEFAULT_PROMPT[language]
                    if kind
                    else grammar.sample_prompt(rng, language, scene["kind"] == "word")
                )
                items.append({
                    "class": name, "lang": language, "kind": scene["kind"], "picture": picture, "prompt": prompt,
                    "expected": grammar.describe(scene, language), "index": index,
                })  # fmt: skip
    return items


@torch.no_grad()
def answer(forward, weights: dict, chat: data.Chat, items: list[dict], limit: int = 48) -> list[str]:
    """Greedy captions of items (picture, prompt), batched by the size of the prepared picture."""
    groups = defaultdict(list)
    prepared = [data.preprocess(item["picture"]) for item in items]
    for i, picture in enumerate(prepared):
        groups[picture.size].append(i)
    answers = [""] * len(items)
    head = chat.head()
    for (width, height), members in groups.items():
        rows, columns = height // data.FACTOR, width // data.FACTOR
        for first in range(0, len(members), 64):
            some = members[first : first + 64]
            pixels = torch.from_numpy(np.stack([np.asarray(prepared[i]) for i in some]))
            features, levels, _ = forward.see(weights, data.normalise(pixels))
            prefixes = [head + [chat.image] * (rows * columns) + chat.tail(items[i]["prompt"]) for i in some]
            ends, each = torch.tensor([len(p) for p in prefixes]), torch.arange(len(some))
            ids = torch.full((len(some), int(ends.max()) + limit), chat.pad)
            for row, prefix in zip(ids, prefixes):
                row[: len(prefix)] = torch.tensor(prefix)
            done = torch.zeros(len(some), dtype=torch.bool)
            for step in range(limit):
                length = min(-(-int(ends.max() + step) // 16) * 16, ids.shape[1])
                hidden = forward.read(weights, ids[:, :length], features, levels, len(head), rows, columns)
                token = forward.logits(weights, hidden[each, ends + step - 1]).argmax(-1)
                ids[each, ends + step] = token
                done |= token == chat.end
                if done.all():
                    break
            for i, row, end in zip(some, ids.tolist(), ends.tolist()):
                row = row[end : end + limit]
                answers[i] = chat.tokenizer.decode(row[: row.index(chat.end)] if chat.end in row else row)
    return answers


def score(items: list[dict], answers: list[str]) -> dict[str, tuple[int, int]]:
    """Class -> (right, all)."""
    right, total = Counter(), Counter()
    for item, text in zip(items, answers):
        keys = [f"{item['class']} {item['lang']}"] + ([f"  scene: {item['kind']}"] if item["class"] == "scenes" else [])
        for key in keys:
            total[key] += 1
            right[key] += text == item["expected"]
    return {key: (right[key], total[key]) for key in sorted(total)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=900001)
    parser.add_argument("--write", type=Path)
    parser.add_argument("--errors", type=int, default=0, help="print that many wrong answers of each class")
    arguments = parser.parse_args()
    import export

    torch.set_num_threads(2)
    forward, weights, chat = export.load(arguments.model)
    items = held_out(arguments.seed, arguments.count)
    if arguments.write:
        arguments.write.mkdir(parents=True, exist_ok=True)
        with (arguments.write / "expected.jsonl").open("w", encoding="utf-8") as lines:
            for item in items:
                name = f"{item['class'].replace(' ', '_')}_{item['lang']}_{item['index']:04}.png"
                item["picture"].save(arguments.write / name)
                line = {"file": name, **{key: item[key] for key in ("prompt", "lang", "expected", "class", "kind")}}
                lines.write(json.dumps(line, ensure_ascii=False) + "\n")
    answers = answer(forward, weights, chat, items)
    for key, (right, total) in score(items, answers).items():
        print(f"{key:24} {right:5} of {total:5}  {100 * right / total:6.2f} %")
    shown = Counter()
    for item, text in zip(items, answers):
        if text != item["expected"] and shown[item["class"]] < arguments.errors:
            shown[item["class"]] += 1
            print(f"  {item['class']}: expected {item['expected']!r}, got {text!r}")


if __name__ == "__main__":
    main()
