"""What the tests of Python's clients share."""

import base64
import inspect
import json
import os
import pathlib
import time
import traceback

SOURCE = pathlib.Path(__file__).resolve().parents[2]
PICTURE = SOURCE / "demo/images/hearts.jpg"
PDF = SOURCE / "tests/document/data/scan.pdf"  # one page
TEXTS = ["hello", "привет, мир"]
QUESTIONS = {"en": "Describe this image.", "ru": "Опиши это изображение."}
ADDRESS = os.environ.get("OKO_TEST_ADDRESS", "")
KEY = os.environ.get("OKO_TEST_KEY", "")
TRUTH = json.loads(os.environ.get("OKO_TEST_TRUTH", "{}"))  # what `oko describe` and `embed` say
MODEL, EMBEDDER = "tiny-vl", "e5-small-ru-en"

# A function whose arguments come to an end, whatever the model says.
PARAMETERS = {"type": "object", "required": ["city", "days"], "additionalProperties": False,
              "properties": {"city": {"enum": ["Москва", "Oslo"]}, "days": {"enum": [1, 2]}}}


def check(is_true, what):
    if not is_true:
        raise AssertionError(what)


def same(actual, expected):
    check(actual == expected, f"{actual!r}, expected {expected!r}")


def near(actual, expected):
    """Vectors of f32; the program in a shell batches texts as the server does."""
    same(len(actual), len(expected))
    check(max(abs(a - b) for a, b in zip(actual, expected)) < 1e-6, (actual[:3], expected[:3]))


def check_arguments(arguments):
    same(sorted(arguments), ["city", "days"])
    check(arguments["city"] in ("Москва", "Oslo") and arguments["days"] in (1, 2), arguments)


def base64_of(path):
    return base64.b64encode(path.read_bytes()).decode()


def raises(kind, call, *words):
    """The exception of `call`, which must be of this class and say these words."""
    try:
        call()
    except kind as error:
        same(type(error), kind)
        for word in words:
            check(word in str(error), f"{error}, expected {word!r}")
        return error
    raise AssertionError(f"no {kind.__name__}")


def run_all(module):
    """Runs the functions test_... of a module; ends with status 1 if one fails."""
    failed = 0
    for name, test in list(module.items()):
        if name.startswith("test_") and inspect.isfunction(test):
            start = time.monotonic()
            try:
                test()
                print(f"ok      {name} ({time.monotonic() - start:.2f} s)", flush=True)
            except Exception:
                failed += 1
                print(f"failed  {name}\n{traceback.format_exc()}", flush=True)
    raise SystemExit(1 if failed else 0)
