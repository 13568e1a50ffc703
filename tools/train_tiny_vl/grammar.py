"""What can be said about a picture: one canonical sentence a scene, in English and in Russian.

A scene is a plain dictionary made by scenes.py; `describe` turns it into the only right caption.
"""

from dataclasses import dataclass

SHAPES = ("circle", "square", "triangle", "star", "heart", "cross", "diamond", "ring")
COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black", "white")
PLACES = (
    "centre", "left", "right", "top", "bottom", "top left", "top right", "bottom left", "bottom right",
)  # fmt: skip
NUMBERS_EN = {2: "Two", 3: "Three", 4: "Four", 5: "Five", 6: "Six"}
NUMBERS_RU = {2: "Два", 3: "Три", 4: "Четыре", 5: "Пять", 6: "Шесть"}


@dataclass(frozen=True)
class Noun:
    """A Russian noun: gender "m", "f" or "n"; nominative, genitive, instrumental; genitive plural."""

    gender: str
    nominative: str
    genitive: str
    instrumental: str
    plural: str


NOUNS = {
    "circle": Noun("m", "круг", "круга", "кругом", "кругов"),
    "square": Noun("m", "квадрат", "квадрата", "квадратом", "квадратов"),
    "triangle": Noun("m", "треугольник", "треугольника", "треугольником", "треугольников"),
    "star": Noun("f", "звезда", "звезды", "звездой", "звёзд"),
    "heart": Noun("n", "сердце", "сердца", "сердцем", "сердец"),
    "cross": Noun("m", "крест", "креста", "крестом", "крестов"),
    "diamond": Noun("m", "ромб", "ромба", "ромбом", "ромбов"),
    "ring": Noun("n", "кольцо", "кольца", "кольцом", "колец"),
}
STEMS = {
    "red": "красн", "orange": "оранжев", "yellow": "жёлт", "green": "зелён", "blue": "син",
    "purple": "фиолетов", "pink": "розов", "brown": "коричнев", "black": "чёрн", "white": "бел",
}  # fmt: skip
HARD = {"nm": "ый", "nf": "ая", "nn": "ое", "gm": "ого", "gf": "ой", "im": "ым", "if": "ой", "np": "ые", "gp": "ых"}
SOFT = {"nm": "ий", "nf": "яя", "nn": "ее", "gm": "его", "gf": "ей", "im": "им", "if": "ей", "np": "ие", "gp": "их"}
PLACES_EN = {
    "centre": "in the centre", "left": "on the left", "right": "on the right", "top": "at the top",
    "bottom": "at the bottom", "top left": "in the top left corner", "top right": "in the top right corner",
    "bottom left": "in the bottom left corner", "bottom right": "in the bottom right corner",
}  # fmt: skip
PLACES_RU = {
    "centre": "в центре", "left": "слева", "right": "справа", "top": "вверху", "bottom": "внизу",
    "top left": "в левом верхнем углу", "top right": "в правом верхнем углу",
    "bottom left": "в левом нижнем углу", "bottom right": "в правом нижнем углу",
}  # fmt: skip


def adjective(colour: str, case: str, gender: str) -> str:
    """case: "n" nominative, "g" genitive, "i" instrumental; gender "m", "f", "n" or "p" (plural)."""
    if gender == "n" and case != "n":
        gender = "m"
    return STEMS[colour] + (SOFT if colour == "blue" else HARD)[case + gender]


def thing_ru(thing: tuple[str, str], case: str = "n") -> str:
    shape, colour = thing
    noun = NOUNS[shape]
    form = {"n": noun.nominative, "g": noun.genitive, "i": noun.instrumental}[case]
    return f"{adjective(colour, case, noun.gender)} {form}"


def thing_en(thing: tuple[str, str]) -> str:
    shape, colour = thing
    return f"{'an' if colour[0] in 'aeiou' else 'a'} {colour} {shape}"


def several_ru(count: int, shape: str, colour: str) -> str:
    noun = NOUNS[shape]
    number = "Две" if count == 2 and noun.gender == "f" else NUMBERS_RU[count]
    if count >= 5:
        return f"{number} {adjective(colour, 'g', 'p')} {noun.plural}"
    case = "n" if noun.gender == "f" else "g"
    return f"{number} {adjective(colour, case, 'p')} {noun.genitive}"


def several_en(count: int, shape: str, colour: str) -> str:
    plural = shape + ("es" if shape == "cross" else "s")
    return f"{NUMBERS_EN[count]} {colour} {plural}"


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + "."


def describe(scene: dict, language: str) -> str:
    """The caption. scene: kind, things [(shape, colour)...], and place or count or word where the kind has one."""
    kind, things = scene["kind"], scene.get("things")
    russian = language == "ru"
    if kind == "word":
        return f"Слово «{scene['word']}»." if russian else f'The word "{scene["word"]}".'
    if kind == "several":
        return (several_ru if russian else several_en)(scene["count"], *things[0]) + "."
    if kind == "place":
        if russian:
            return _sentence(f"{thing_ru(things[0])} {PLACES_RU[scene['place']]}")
        return _sentence(f"{thing_en(things[0])} {PLACES_EN[scene['place']]}")
    if kind in ("row", "column"):
        if russian:
            a, b, c = map(thing_ru, things)
            return _sentence(f"{a}, {b} и {c} " + ("в ряд" if kind == "row" else "в столбик"))
        a, b, c = map(thing_en, things)
        return _sentence(f"{a}, {b} and {c} in a {kind}")
    first, second = things
    if russian:
        link, case = {"beside": ("слева от", "g"), "above": ("над", "i"), "inside": ("внутри", "g")}[kind]
        return _sentence(f"{thing_ru(first)} {link} {thing_ru(second, case)}")
    link = {"beside": "to the left of", "above": "above", "inside": "inside"}[kind]
    return _sentence(f"{thing_en(first)} {link} {thing_en(second)}")


DEFAULT_PROMPT = {"en": "Describe this image.", "ru": "Опиши это изображение."}
PROMPTS = {
    "en": (
        "What is in the picture?", "What do you see?", "Describe the picture.", "What is shown here?",
        "Describe what you see.", "What is this?", "Caption this image.", "Look at the image. What is there?",
        "Please describe this image.", "Tell me what is in the image.",
    ),
    "ru": (
        "Что на картинке?", "Что ты видишь?", "Опиши картинку.", "Что здесь изображено?", "Опиши, что видишь.",
        "Что это?", "Подпиши это изображение.", "Посмотри на изображение. Что там?",
        "Пожалуйста, опиши это изображение.", "Расскажи, что на изображении.",
    ),
}  # fmt: skip
READING_PROMPTS = {
    "en": ("What is written here?", "Read the word.", "What does it say?"),
    "ru": ("Что здесь написано?", "Прочитай слово.", "Какое это слово?"),
}
SYSTEM_TURN = "You are a helpful assistant."


def sample_prompt(rng, language: str, is_word: bool) -> str:
    if rng.random() < 0.55:
        return DEFAULT_PROMPT[language]
    return rng.choice(PROMPTS[language] + (READING_PROMPTS[language] * 2 if is_word else ()))
