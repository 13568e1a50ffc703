"""Words to print on pictures: two dictionaries, pronounceable inventions and random letters.

A printed word must be readable by a person without guessing, so words that look the same in two
alphabets ("сор", "cop") or in two cases ("МОЛОКО" against "молоко") are kept out or kept in one form.
Every seventh dictionary word is held out: it never appears in training.
"""

import random
from collections import defaultdict
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
LETTERS = {
    "en": "abcdefghijklmnopqrstuvwxyz",
    "ru": "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
}
# Letters with a twin in the other alphabet, in either case.
TWINS = {
    "en": set("aceopxyABCEHKMOPTXyYk"),
    "ru": set("асеорхуАВСЕНКМОРТХУук"),
}
# Lower-case letters that differ from the capital by more than their size.
CASE_MARKS = {"en": set("abdefghijklmnpqrty"), "ru": set("абеёруф")}
MIN_LENGTH, MAX_LENGTH = 3, 8


@cache
def dictionary(language: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(training words, held-out words) of a language."""
    text = (HERE / f"words_{language}.txt").read_text(encoding="utf-8")
    words = sorted({w for w in text.split() if MIN_LENGTH <= len(w) <= MAX_LENGTH})
    held_out = tuple(words[::7])
    return tuple(w for w in words if w not in set(held_out)), held_out


@cache
def _successors(language: str) -> dict[str, list[str]]:
    """Third letter after a pair, with repetitions as weights; "^" starts a word."""
    table = defaultdict(list)
    for word in dictionary(language)[0]:
        padded = "^^" + word
        for i in range(2, len(padded)):
            table[padded[i - 2 : i]].append(padded[i])
    return dict(table)


def is_readable(word: str, language: str) -> bool:
    """True where the printed form leaves no doubt about alphabet and case."""
    if all(c in TWINS[language] for c in word):
        return False
    if language == "en" and word[0] == "I" and not word.isupper():
        return False  # capital I and small l are one stroke in many fonts
    if word.isupper():
        return any(c.lower() in CASE_MARKS[language] for c in word)
    return True


def invent(rng: random.Random, language: str) -> str:
    """A pronounceable word from letter triples of the training dictionary."""
    table, length = _successors(language), rng.randint(MIN_LENGTH, MAX_LENGTH)
    word = "^^"
    while len(word) < length + 2:
        word += rng.choice(table.get(word[-2:]) or list(LETTERS[language]))
    return word[2:]


def scramble(rng: random.Random, language: str) -> str:
    return "".join(rng.choices(LETTERS[language], k=rng.randint(MIN_LENGTH, MAX_LENGTH)))


def set_case(rng: random.Random, word: str) -> str:
    return rng.choice((word, word, word.upper(), word.capitalize(), word.capitalize()))


def sample(rng: random.Random, language: str, kind: str) -> str:
    """kind: "dictionary", "held_out", "invented" or "random" (the last three: never a dictionary word)."""
    train, held_out = dictionary(language)
    known = set(train) | set(held_out)
    while True:
        if kind == "dictionary":
            word = rng.choice(train)
        elif kind == "held_out":
            word = rng.choice(held_out)
        else:
            word = invent(rng, language) if kind == "invented" else scramble(rng, language)
            if word in known:
                continue
        word = set_case(rng, word)
        if is_readable(word, language):
            return word


def sample_training(rng: random.Random, language: str) -> str:
    return sample(rng, language, rng.choices(("dictionary", "invented", "random"), (40, 35, 25))[0])
