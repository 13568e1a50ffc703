"""Fonts found on this system by fontconfig, split by design into training and held-out families.

Relatives stay on one side (Carlito is Lato's twin, Hack is DejaVu's, Arimo is Liberation's), so the
held-out families are designs the model has never seen.
"""

import subprocess
from functools import cache, lru_cache

from PIL import ImageFont

HELD_OUT = {
    "Lato", "Carlito", "PT Serif", "PT Serif Caption", "JetBrains Mono", "Roboto Slab", "Inter",
    "Inter Display", "Vollkorn", "Andika", "Go", "Go Medium", "Go Mono", "Linux Libertine O",
    "Linux Libertine Display O", "Noto Serif", "Noto Serif Display", "Cantarell", "Cabin",
    "Courier Prime", "Caladea",
}  # fmt: skip
TRAINING = {
    "Agave", "Anonymous Pro", "Arimo", "B612", "B612 Mono", "C059", "CMU Bright", "CMU Concrete",
    "CMU Sans Serif", "CMU Sans Serif Demi Condensed", "CMU Serif", "CMU Typewriter Text",
    "CMU Typewriter Text Variable Width", "Caliban", "Caslon", "Charis SIL", "Comfortaa", "Cousine",
    "DejaVu Sans", "DejaVu Sans Mono", "DejaVu Serif", "Doulos SIL", "EB Garamond", "Fira Code",
    "FreeMono", "FreeSans", "FreeSerif", "GWMonospace", "Gentium", "Hack", "Junicode",
    "Liberation Mono", "Liberation Sans", "Liberation Sans Narrow", "Liberation Serif",
    "Linux Biolinum O", "Monoid", "Nimbus Mono PS", "Nimbus Roman", "Nimbus Sans",
    "Nimbus Sans Narrow", "Noto Mono", "Noto Sans", "Noto Sans Display", "Noto Sans Mono",
    "Old Standard TT", "Open Sans", "Open Sans Condensed", "P052", "PT Mono", "PT Sans",
    "PT Sans Caption", "PT Sans Narrow", "Play", "Quicksand", "Roboto", "Roboto Condensed", "STIX",
    "STIXGeneral", "TeX Gyre Adventor", "TeX Gyre Bonum", "TeX Gyre Cursor", "TeX Gyre Heros",
    "TeX Gyre Pagella", "TeX Gyre Schola", "TeX Gyre Termes", "Tinos", "URW Bookman", "URW Gothic",
    "Yanone Kaffeesatz", "mononoki",
}  # fmt: skip
UNWANTED_STYLES = (
    "italic", "oblique", "slanted", "thin", "hairline", "extralight", "extra light", "ultralight", "black",
)  # fmt: skip


@cache
def font_files(split: str, language: str) -> dict[str, tuple[str, ...]]:
    """Family -> files that cover the language; split is "train" or "held_out"."""
    wanted = TRAINING if split == "train" else HELD_OUT
    output = subprocess.run(
        ["fc-list", f":lang={language}", "--format", "%{family}|%{style}|%{file}\n"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    families: dict[str, set[str]] = {}
    for line in output.splitlines():
        family_names, style, path = line.split("|", 2)
        family, lowered = family_names.split(",")[0], (style + family_names + path).lower()
        if family not in wanted or not path.endswith((".ttf", ".otf")):
            continue
        if any(word in lowered for word in UNWANTED_STYLES) or "[" in path:
            continue
        families.setdefault(family, set()).add(path)
    if not families:
        raise SystemExit(f"no {split} fonts for {language}: install the packages named in README.md")
    return {family: tuple(sorted(paths)) for family, paths in sorted(families.items())}


def pick(rng, split: str, language: str) -> str:
    """A file of a random family: every family weighs the same."""
    families = font_files(split, language)
    return rng.choice(families[rng.choice(sorted(families))])


@lru_cache(maxsize=2000)
def load(path: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.BASIC)
