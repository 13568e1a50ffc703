"""Compares the validator of tests/grammar with Python's jsonschema, on the answers of its test:

    pip install jsonschema
    OKO_SCHEMA_ANSWERS=/tmp/answers.jsonl build/release/tests/grammar/grammar_test
    python tools/grammar/compare_with_jsonschema.py /tmp/answers.jsonl
"""

import json
import sys

import jsonschema


def main():
    checked = differing = 0
    for line in open(sys.argv[1], encoding="utf-8"):
        case = json.loads(line)
        validator = jsonschema.Draft202012Validator(case["schema"])
        valid = validator.is_valid(case["answer"])
        checked += 1
        if valid != case["valid"]:
            differing += 1
            print(f"jsonschema says {valid}: {line}", end="")
    print(f"{checked} answers, {differing} judged otherwise")
    sys.exit(1 if differing or not checked else 0)


if __name__ == "__main__":
    main()
