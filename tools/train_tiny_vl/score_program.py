"""How often oko itself is right on held-out pictures: the same counts as evaluate.py, through the C++ program.

    python evaluate.py MODEL_DIR --count 100 --write DIR
    python score_program.py PROGRAM MODEL_DIR DIR           without reading, then with --ocr on

Of small print, it counts the words of the picture that the answer holds.
"""

import argparse
import json
import re
import subprocess
from collections import Counter, defaultdict
from pathlib import Path


def words_of(text: str) -> Counter:
    """Words and numbers. Signs are none (№, %, and *, x or × between numbers); "5km" are two, as "5 km" are."""
    text = re.sub(r"(?<=\d)\s*[*xх×]\s*(?=\d)", " ", text)
    text = re.sub(r"(?<=\d)(?=[^\W\d_]+(?!\w))", " ", text)
    return Counter(re.findall(r"\w+(?:[.,:/'’-]\w+)*", text))


def words_found(answer: str, lines: list[str]) -> tuple[int, int]:
    """How many of the words of `lines` are in the answer, and of how many."""
    wanted = words_of(" ".join(lines))
    return (wanted & words_of(answer)).total(), wanted.total()


def answers(program: str, model: str, prompt: str, language: str, ocr: str, files: list[Path]) -> list[str]:
    command = [program, "describe", "--model", model, "--prompt", prompt, "--lang", language, "--ocr", ocr, "--json"]
    output = subprocess.run([*command, *map(str, files)], check=True, capture_output=True, text=True).stdout
    return [json.loads(line)["text"] for line in output.splitlines()]


def score(options, by_prompt: dict, ocr: str):
    right, all_of = Counter(), Counter()
    for (prompt, language), items in by_prompt.items():
        files = [options.folder / item["file"] for item in items]
        said = answers(options.program, options.model, prompt, language, ocr, files)
        for item, text in zip(items, said, strict=True):
            name, found, count = f"{item['class']} {language}", text == item["expected"], 1
            if "lines" in item:
                name = f"words of small print {language}"
                found, count = words_found(text, item["lines"])
            all_of[name] += count
            right[name] += found
    print(f"--ocr {ocr}")
    for name in sorted(all_of):
        print(f"{name:26} {right[name]:5} of {all_of[name]:5} {100 * right[name] / all_of[name]:7.2f} %", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("model")
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    by_prompt = defaultdict(list)
    for line in (options.folder / "expected.jsonl").read_text(encoding="utf-8").splitlines():
        item = json.loads(line)
        by_prompt[item["prompt"], item["lang"]].append(item)
    for ocr in ("off", "on"):
        score(options, by_prompt, ocr)


if __name__ == "__main__":
    main()
