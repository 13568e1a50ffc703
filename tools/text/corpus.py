"""The test text of the tokenizer: 1 kB chunks made from tests/text/data/fragments.json and a seed.

tests/text/corpus.h makes the same chunks in C++, so that no text of megabytes is committed: change both together.
"""

import json
from pathlib import Path

FRAGMENTS = Path(__file__).resolve().parents[2] / "tests/text/data/fragments.json"
CHUNK_BYTES = 1024
MASK = (1 << 64) - 1
SEPARATORS = ["", "", " ", " ", " ", "\n", ", ", "\r\n"]
BLOCKS = [
    (0x00, 0x80), (0x80, 0x250), (0x300, 0x370), (0x370, 0x530), (0x590, 0x780), (0x900, 0xE00),
    (0x1100, 0x1200), (0x1DC0, 0x2070), (0x2070, 0x2C00), (0x3000, 0x3200), (0x4E00, 0x4F00), (0xAC00, 0xAD00),
    (0xA800, 0xAB00), (0xF900, 0x10000), (0x10000, 0x12000), (0x1D100, 0x1D200), (0x1F000, 0x1FB00), (0, 0x110000),
]  # fmt: skip


class Random:
    """splitmix64"""

    def __init__(self, seed):
        self.state = seed

    def below(self, limit):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return (z ^ (z >> 31)) % limit


def load_fragments():
    return json.loads(FRAGMENTS.read_text("utf-8"))


def make_chunk(fragments, seed):
    """A chunk of at least CHUNK_BYTES bytes, which may be broken UTF-8. `fragments`: of load_fragments()."""
    random = Random(seed)
    out = bytearray()
    while len(out) < CHUNK_BYTES:
        kind = random.below(20)
        if kind < 16:
            group = fragments["prose" if kind < 9 else "pieces"]
            out += group[random.below(len(group))].encode()
        elif kind < 18:
            low, high = BLOCKS[random.below(len(BLOCKS))]
            for _ in range(1 + random.below(12)):
                code_point = low + random.below(high - low)
                if not 0xD800 <= code_point < 0xE000:
                    out += chr(code_point).encode()
        elif kind == 18:
            out += fragments["pieces"][random.below(len(fragments["pieces"]))].encode() * (1 + random.below(9))
        elif random.below(4) == 0:
            out += bytes(random.below(256) for _ in range(1 + random.below(6)))
        else:
            out += b" " * random.below(40)
        out += SEPARATORS[random.below(len(SEPARATORS))].encode()
    return bytes(out)


def fnv1a(items):
    """FNV-1a, 64 bits, one step an item (an id or a byte)."""
    value = 0xCBF29CE484222325
    for item in items:
        value = ((value ^ item) * 0x100000001B3) & MASK
    return value
