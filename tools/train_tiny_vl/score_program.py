"""How often oko itself is right on held-out pictures: the same counts as evaluate.py, through the C++ program.

    python evaluate.py MODEL_DIR --count 100 --write DIR
    python score_program.py PROGRAM MODEL_DIR DIR
"""

import argparse
import json
import subprocess
from collections import Counter, defaultdict
from pathlib import Path


def answers(program: str, model: str, prompt: str, files: list[Path]) -> list[str]:
    command = [program, "describe", "--model", model, "--prompt", prompt, "--json", *map(str, files)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [json.loads(line)["text"] for line in output.splitlines()]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("model")
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    by_prompt = defaultdict(list)
    for line in (options.folder / "expected.jsonl").read_text(encoding="utf-8").splitlines():
        item = json.loads(line)
        by_prompt[item["prompt"]].append(item)
    right, all_of = Counter(), Counter()
    for prompt, items in by_prompt.items():
        files = [options.folder / item["file"] for item in items]
        for item, text in zip(items, answers(options.program, options.model, prompt, files), strict=True):
            name = f"{item['class']} {item['lang']}"
            all_of[name] += 1
            right[name] += text == item["expected"]
    for name in sorted(all_of):
        print(f"{name:22} {right[name]:5} of {all_of[name]:5} {100 * right[name] / all_of[name]:7.2f} %")


if __name__ == "__main__":
    main()
