"""How often the model is exactly right on pictures it has never seen, in fonts it has never seen.

    python evaluate.py MODEL_DIR [--count 500] [--seed 900001]     counts of exact captions by class
    python evaluate.py MODEL_DIR --blocks                          the same with OCR text in the prompt
    python evaluate.py MODEL_DIR --write DIR                       also writes the pictures and expected.jsonl

MODEL_DIR is an export (config.json, model.safetensors ...). Half of the pictures are of a training size, half are
larger (up to 900 px) and go through smart_resize. --count is the number of pictures of each of the eight classes.
"""

import argparse
import json
import random
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import torch

import blocks
import data
import grammar
import scenes
import small_print
import tokenizer
from score_program import words_found

CLASSES = ("scenes", "dictionary words", "unseen words", "small print")


def held_out(seed: int, count: int, with_blocks: bool = False) -> list[dict]:
    """`count` pictures for each class and language of the prompt; a word is in the language of its prompt but for one in six.

    with_blocks: with what OCR might have read in the prompt. The pictures are the same.
    """
    items = []
    for name in CLASSES:
        for language in ("en", "ru"):
            rng = random.Random(f"held out/{seed}/{name}/{language}")
            for index in range(count):
                item = small_print_item(rng, language) if name == "small print" else item_of(rng, name, language)
                item |= {"class": name, "lang": language, "index": index}
                items.append(item)
                if with_blocks:
                    add_block(random.Random(f"block/{seed}/{name}/{language}/{index}"), item)
    return items


def item_of(rng, name: str, language: str) -> dict:
    if name == "scenes":
        scene = scenes.sample_scene(rng)
    else:
        alphabet = language if rng.random() < 5 / 6 else {"en": "ru", "ru": "en"}[language]
        kind = "dictionary" if name == "dictionary words" else rng.choice(("held_out", "held_out", "random"))
        scene = scenes.sample_word(rng, kind, alphabet)
    if rng.random() < 0.5:
        size = data.choose_size(rng)
    else:
        width, aspect = rng.randint(300, 900), rng.uniform(0.8, 2.4)
        size = (width, round(width / aspect))
    picture, _ = scenes.render(rng, scene, size, split="held_out", native=True)
    kind = rng.random() < 0.7
    prompt = grammar.DEFAULT_PROMPT[language] if kind else grammar.sample_prompt(rng, language, scene["kind"] == "word")
    return {
        "kind": scene["kind"], "picture": picture, "prompt": prompt, "expected": grammar.describe(scene, language),
        "word": scene.get("word"),
    }  # fmt: skip


def small_print_item(rng, language: str) -> dict:
    texts = small_print.lines(rng, "held_out", rng.randint(1, 16))
    picture, places = small_print.render(rng, texts, data.choose_size(rng), "held_out", most=900)
    return {
        "kind": "small print", "picture": picture, "prompt": grammar.sample_prompt(rng, language, True),
        "expected": small_print.caption([], language), "lines": texts, "places": places,
    }  # fmt: skip


def add_block(rng, item: dict):
    """What OCR may make of the picture: a word or a line of small print is read rightly mostly, a shape as a letter."""
    language = item["lang"]
    if item["kind"] == "small print":
        chat = data.Chat(tokenizer.build())
        item["block"], told = blocks.fitting(list(zip(item["lines"], item["places"])), language, chat)
        item["expected"] = small_print.caption(told, language)
    elif item["kind"] == "word":
        item["block"] = blocks.word_block(rng, item["word"], 4, language)
    else:
        item["block"] = blocks.scene_block(rng, language)


@torch.no_grad()
def answer(forward, weights: dict, chat: data.Chat, items: list[dict]) -> list[str]:
    """Greedy captions of items (picture, prompt, and block and expected where they are known).

    What is expected serves as a draft: whatever of it the model would say itself costs one pass together, so that a
    right answer costs one pass, and a wrong one a pass for every token that was not foreseen.
    """
    groups = defaultdict(list)
    prepared = [data.preprocess(item["picture"]) for item in items]
    for i, picture in enumerate(prepared):
        groups[picture.size, "block" in items[i], items[i].get("class") == "small print"].append(i)
    answers = [""] * len(items)
    for members in groups.values():
        size = 16 if "block" in items[members[0]] else 64
        for first in range(0, len(members), size):
            some = members[first : first + size]
            pixels = torch.from_numpy(np.stack([np.asarray(prepared[i]) for i in some]))
            for i, text in zip(some, answer_batch(forward, weights, chat, [items[i] for i in some], pixels)):
                answers[i] = text
    return answers


def rest_of(draft: list[int], said: list[int]) -> list[int]:
    """What of the draft follows the last few tokens said; of several places the nearest."""
    for length in range(min(4, len(said)), 0, -1):
        tail = said[-length:]
        ends = [i for i in range(length, len(draft)) if draft[i - length : i] == tail]
        if ends:
            return draft[min(ends, key=lambda i: abs(i - len(said))) :]
    return draft[len(said) :]


def answer_batch(forward, weights: dict, chat: data.Chat, items: list[dict], pixels) -> list[str]:
    """pixels: (B, H, W, 3) of one prepared size."""
    features, levels, _ = forward.see(weights, data.normalise(pixels))
    grid, head = (pixels.shape[1] // data.FACTOR, pixels.shape[2] // data.FACTOR), chat.head()
    picture = head + [chat.image] * (grid[0] * grid[1])
    prefixes = [picture + chat.tail(item.get("block", "") + item["prompt"]) for item in items]
    drafts = [chat.answer(item["expected"]) if "expected" in item else [] for item in items]
    said = [[] for _ in items]  # what the model surely says
    open_rows = list(range(len(items)))
    while open_rows:
        rows = [prefixes[i] + said[i] + rest_of(drafts[i], said[i]) for i in open_rows]
        length = -(-max(map(len, rows)) // 16) * 16
        ids = torch.tensor([row + [chat.pad] * (length - len(row)) for row in rows])
        chosen = torch.tensor(open_rows)
        hidden = forward.read(weights, ids, features[chosen], [x[chosen] for x in levels], len(head), *grid)
        for i, row, states in zip(open_rows, rows, hidden):
            first = len(prefixes[i]) + len(said[i])
            for place, token in enumerate(forward.logits(weights, states[first - 1 : len(row)]).argmax(-1).tolist(), first):
                said[i].append(token)
                if token == chat.end or place == len(row) or token != row[place]:
                    break
        limits = {i: 48 + 2 * len(drafts[i]) for i in open_rows}
        open_rows = [i for i in open_rows if said[i][-1] != chat.end and len(said[i]) < limits[i]]
    return [chat.tokenizer.decode(row[:-1] if row[-1] == chat.end else row) for row in said]


def score(items: list[dict], answers: list[str]) -> dict[str, tuple[int, int]]:
    """Class -> (right, all); of small print the words too."""
    right, total = Counter(), Counter()
    for item, text in zip(items, answers):
        keys = [f"{item['class']} {item['lang']}"] + ([f"  scene: {item['kind']}"] if item["class"] == "scenes" else [])
        for key in keys:
            total[key] += 1
            right[key] += text == item["expected"]
        if "lines" in item:
            found, count = words_found(text, item["lines"])
            right[f"words of small print {item['lang']}"] += found
            total[f"words of small print {item['lang']}"] += count
    return {key: (right[key], total[key]) for key in sorted(total)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=900001)
    parser.add_argument("--blocks", action="store_true")
    parser.add_argument("--write", type=Path)
    parser.add_argument("--errors", type=int, default=0, help="print that many wrong answers of each class")
    arguments = parser.parse_args()
    import export

    torch.set_num_threads(2)
    forward, weights, chat = export.load(arguments.model)
    items = held_out(arguments.seed, arguments.count, arguments.blocks)
    if arguments.write:
        arguments.write.mkdir(parents=True, exist_ok=True)
        with (arguments.write / "expected.jsonl").open("w", encoding="utf-8") as lines:
            for item in items:
                name = f"{item['class'].replace(' ', '_')}_{item['lang']}_{item['index']:04}.png"
                item["picture"].save(arguments.write / name)
                keys = ("prompt", "lang", "expected", "class", "kind", "lines")
                line = {"file": name, **{key: item[key] for key in keys if key in item}}
                lines.write(json.dumps(line, ensure_ascii=False) + "\n")
    answers = answer(forward, weights, chat, items)
    for key, (right, total) in score(items, answers).items():
        print(f"{key:26} {right:5} of {total:5}  {100 * right / total:6.2f} %")
    shown = Counter()
    for item, text in zip(items, answers):
        if text != item["expected"] and shown[item["class"]] < arguments.errors:
            shown[item["class"]] += 1
            print(f"  {item['class']}: expected {item['expected']!r}, got {text!r}")


if __name__ == "__main__":
    main()
