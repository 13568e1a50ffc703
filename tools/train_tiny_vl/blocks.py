"""Training batches whose prompts hold OCR text: words and scenes with a block, and small print."""

import random

import numpy as np

import data
import grammar
import ocr_block
import scenes
import small_print
import words

# Small print: (rows, least and most lines), of about as many tokens each.
LENGTHS = ((14, (1, 3)), (8, (3, 7)), (5, (7, 12)), (4, (12, 20)))
LENGTH_WEIGHTS = (20, 30, 25, 25)
PICTURES, WITH_BLOCK = 8, 5
COPYING_TOKENS = 2400
JUNK = ("О", "O", "©", "|", "—", "@ o", "V", "A", "*", "Ф", "oo", "® ®", "О О", "-", "4", "X", "° о", "Y A", "Ж", "<>", "e", "с", "и", "|}", "@ @", "LJ")  # fmt: skip
ALIKE = (
    "оo0OО", "аa", "еeё", "сcC", "рp", "хx", "уyv", "l1I|", "З3э", "б6", "шщ", "ипн", "лп", "цч", "ыьъ", "bh", "mn",
    "uv", "gq9", "rt", "ft", "ij", "ВB8", "НH", "МM", "ТT", "КK", "S5", "Z2", "дл", "жк", "йи", "юо", "гт",
)  # fmt: skip


def misread(rng, text: str) -> str:
    """With one letter as OCR takes it for another."""
    i = rng.randrange(len(text))
    alike = [c for group in ALIKE if text[i] in group for c in group if c != text[i]]
    dice = rng.random()
    if alike and dice < 0.7:
        new = rng.choice(alike)
    elif dice < 0.8 and len(text) > 2:
        new = ""
    else:
        new = rng.choice(words.LETTERS["ru" if text[i].lower() in words.LETTERS["ru"] else "en"])
    return text[:i] + new + text[i + 1 :]


def junk(rng) -> tuple[str, int]:
    return rng.choice(JUNK), rng.randrange(9)


def word_block(rng, word: str, place: int, language: str) -> str:
    """What OCR makes of a printed word: itself, mostly."""
    dice = rng.random()
    lines = [] if dice < 0.06 else [(misread(rng, word) if dice < 0.30 else word, place)]
    if not lines or rng.random() < 0.12:
        lines.insert(rng.randint(0, len(lines)), junk(rng))
    return ocr_block.render(lines, language)


def scene_block(rng, language: str) -> str:
    return ocr_block.render([junk(rng) for _ in range(rng.choice((1, 1, 2)))], language)


def print_block(rng, texts, places, language: str, chat) -> tuple[str, list[str]]:
    """(block, its lines): the true ones mostly, at times with wrong letters or only some, as many as a block holds."""
    lines = list(zip(texts, places))
    if rng.random() < 0.15:
        lines = [x for x in lines if rng.random() < 0.7] or lines
    if rng.random() < 0.3:
        lines = [(misread(rng, text), place) if rng.random() < 0.3 else (text, place) for text, place in lines]
    return fitting(lines, language, chat)


def fitting(lines, language: str, chat) -> tuple[str, list[str]]:
    """As many of the lines as a block holds."""
    while len(chat.ids(block := ocr_block.render(lines, language))) > ocr_block.MAX_TOKENS:
        lines = lines[:-1]
    return block, [text for text, _ in lines]


def word_place(labels: np.ndarray, points: np.ndarray, size) -> int:
    """The ninth of the picture in which the middle of the points on letters is."""
    x, y = points[labels > 0].mean(0) if (labels > 0).any() else (size[0] / 2, size[1] / 2)
    return ocr_block.place_of((x, y, 0, 0), size)


def told(rng, texts, size, language: str, chat, with_block: bool):
    """(small print, block, caption)"""
    picture, places = small_print.render(rng, texts, size, "train")
    block, quoted = print_block(rng, texts, places, language, chat) if with_block else ("", [])
    return data.preprocess_to(picture, size), block, small_print.caption(quoted, language)


def make_print(rng, chat, count: int, lengths) -> list[data.Batch]:
    """Small print with blocks: the shorter rows, the longer ones."""
    size = data.choose_size(rng)
    made = []
    for _ in range(count):
        language = rng.choice(("en", "ru"))
        texts = small_print.lines(rng, "train", rng.randint(*lengths))
        picture, block, caption = told(rng, texts, size, language, chat, True)
        made.append(((block + grammar.sample_prompt(rng, language, True), caption), np.asarray(picture)))
    made.sort(key=lambda one: len(one[0][1]))
    halves = made[: count // 2], made[count // 2 :]
    return [data.pack(chat, chat.head(), *zip(*half)) for half in halves]


def make_pair(rng, chat) -> tuple[data.Batch, data.Batch]:
    """Words, scenes and a few of small print without a block, and the first of these pictures again with one."""
    size = data.choose_size(rng)
    points = data.points_of(size)
    plain, blocked, pixels = [], [], []
    for i in range(PICTURES):
        language, again = rng.choice(("en", "ru")), rng.choice(("en", "ru"))
        kind = rng.choices(("word", "scene", "print"), (54, 38, 8))[0]
        if kind == "print":
            texts = small_print.lines(rng, "train", rng.choice((1, 1, 2, 3)))
            picture, block, quoted = told(rng, texts, size, again, chat, True)
            captions = small_print.caption([], language), quoted
        else:
            scene = scenes.sample_word(rng) if kind == "word" else scenes.sample_training_scene(rng)
            picture, labels = scenes.render(rng, scene, size, points)
            captions = grammar.describe(scene, language), grammar.describe(scene, again)
            block = scene_block(rng, again)
            if kind == "word":
                block = word_block(rng, scene["word"], word_place(labels, points, size), again)
        plain.append((grammar.sample_prompt(rng, language, kind != "scene"), captions[0]))
        blocked.append((block + grammar.sample_prompt(rng, again, kind != "scene"), captions[1]))
        pixels.append(np.asarray(picture))
    head = chat.head(system=rng.random() < 0.04)
    return (
        data.pack(chat, head, plain, pixels),
        data.pack(chat, head, blocked[:WITH_BLOCK], pixels[:WITH_BLOCK]),
    )


def make_copying(rng, chat, letters: int) -> data.Batch:
    """Lines alone, no picture and no words around them, of about so many letters a row: to begin with."""
    rows, tokens = [], 0
    while tokens < COPYING_TOKENS:
        texts, language = [], rng.choice(("en", "ru"))
        while sum(map(len, texts)) < letters:
            texts += small_print.lines(rng, "train", 1)
        told = "".join(f"| {text}\n" for text in texts)
        rows.append((told + grammar.DEFAULT_PROMPT[language], small_print.caption(texts, language)))
        tokens += 2 * len(told) + 30
    return data.pack(chat, chat.head(), rows, [np.zeros((0, 0, 3), np.uint8)] * len(rows))


def make_step(chat, seed: int, step: int, rank: int) -> tuple[data.Batch, ...]:
    """(no block, block, small print, longer small print) for one process; the others' print is as long."""
    count, lengths = random.Random(f"lengths/{seed}/{step}").choices(LENGTHS, LENGTH_WEIGHTS)[0]
    rng = random.Random(f"blocks/{seed}/{step}/{rank}")
    return (*make_pair(rng, chat), *make_print(rng, chat, count, lengths))
