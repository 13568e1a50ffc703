"""Batches of training pictures, made by worker processes; batch i depends on the seed and i alone."""

import math
import multiprocessing
import random
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image

import grammar
import scenes
from model import MERGE, PATCH, patch_order

MIN_PIXELS, MAX_PIXELS, FACTOR = 16384, 30720, PATCH * MERGE
# (width, height): what smart_resize makes of common pictures within those limits, with weights.
SIZES = {
    (160, 160): 30, (192, 128): 50, (128, 192): 15, (224, 128): 30, (192, 160): 15, (160, 192): 7, (128, 128): 20,
    (160, 128): 20, (128, 160): 10, (192, 96): 15, (224, 96): 20, (256, 96): 15, (288, 96): 10, (256, 64): 7,
    (96, 192): 4, (128, 224): 6, (320, 64): 3,
}  # fmt: skip
# The first steps: small and full of letters, the cheapest way to learn the shapes of letters.
EARLY_SIZES = {(128, 64): 50, (160, 64): 25, (96, 96): 15, (128, 96): 20}
WORD_SHARE = 0.58


def smart_resize(height: int, width: int) -> tuple[int, int]:
    """Qwen-VL's: the nearest multiples of 32 px whose area keeps within the limits."""
    h, w = (max(FACTOR, round(side / FACTOR) * FACTOR) for side in (height, width))
    if h * w > MAX_PIXELS:
        beta = math.sqrt(height * width / MAX_PIXELS)
        h, w = (max(FACTOR, math.floor(side / beta / FACTOR) * FACTOR) for side in (height, width))
    elif h * w < MIN_PIXELS:
        beta = math.sqrt(MIN_PIXELS / (height * width))
        h, w = (math.ceil(side * beta / FACTOR) * FACTOR for side in (height, width))
    return h, w


def preprocess(picture: Image.Image) -> Image.Image:
    height, width = smart_resize(picture.height, picture.width)
    return preprocess_to(picture, (width, height))


def preprocess_to(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    return picture.convert("RGB").resize(size, Image.Resampling.BICUBIC)


def normalise(pixels: torch.Tensor) -> torch.Tensor:
    """uint8 (B, H, W, 3) -> float (B, 3, H, W) in -1..1."""
    return pixels.permute(0, 3, 1, 2).float().mul(1 / 127.5).sub(1).contiguous()


class Chat:
    """The chat template as token ids. The picture's tokens begin at the same place in every row of a batch."""

    def __init__(self, tokenizer):
        self.tokenizer = tokenizer
        self.image, self.pad, self.end = (
            tokenizer.token_to_id(t) for t in ("<|image_pad|>", "<|endoftext|>", "<|im_end|>")
        )

    def ids(self, text: str) -> list[int]:
        return self.tokenizer.encode(text).ids

    def head(self, system: bool = False) -> list[int]:
        turn = f"<|im_start|>system\n{grammar.SYSTEM_TURN}<|im_end|>\n" if system else ""
        return self.ids(turn + "<|im_start|>user\n<|vision_start|>")

    def tail(self, prompt: str) -> list[int]:
        return self.ids(f"<|vision_end|>{prompt}<|im_end|>\n<|im_start|>assistant\n")

    def answer(self, caption: str) -> list[int]:
        return self.ids(caption) + [self.end]


@dataclass
class Batch:
    pixels: torch.Tensor  # uint8 (B, H, W, 3)
    points: torch.Tensor | None  # int64 (B, patches, 2): class under the left and the right half of every patch
    ids: torch.Tensor  # int64 (B, L)
    targets: torch.Tensor  # int64 (B, L): the next token where it belongs to the answer, else -100
    start: int
    grid: tuple[int, int]  # merged rows, columns


def choose_size(rng, sizes: dict = SIZES) -> tuple[int, int]:
    return rng.choices(list(sizes), list(sizes.values()))[0]


def points_of(size: tuple[int, int]) -> np.ndarray:
    """Two points (x, y) of every patch, in the order of the patches."""
    order = patch_order(size[1] // PATCH, size[0] // PATCH).numpy()
    points = np.stack([np.stack((order[:, 1] * PATCH + dx, order[:, 0] * PATCH + 8), -1) for dx in (4, 12)], 1)
    return points.reshape(-1, 2).astype(np.float64)


def pack(chat: Chat, head: list[int], rows: list[tuple[str, str]], pixels: list, labels: list | None = None) -> Batch:
    """rows: (what stands after the picture, answer) of pictures of one size."""
    height, width = pixels[0].shape[:2]
    grid = height // FACTOR, width // FACTOR
    prefix = head + [chat.image] * (grid[0] * grid[1])
    answers = [chat.answer(answer) for _, answer in rows]
    rows_of_ids = [prefix + chat.tail(prompt) + answer for (prompt, _), answer in zip(rows, answers)]
    length = -(-max(map(len, rows_of_ids)) // 8) * 8
    ids = np.full((len(rows), length), chat.pad, np.int64)
    targets = np.full((len(rows), length), -100, np.int64)
    for i, (row, answer) in enumerate(zip(rows_of_ids, answers)):
        ids[i, : len(row)] = row
        targets[i, len(row) - len(answer) - 1 : len(row) - 1] = answer
    points = None if labels is None else torch.from_numpy(np.stack(labels).astype(np.int64))
    return Batch(
        torch.from_numpy(np.stack(pixels)), points, torch.from_numpy(ids), torch.from_numpy(targets), len(head), grid
    )


def make_batch(chat: Chat, seed: int, index: int, count: int, early: int) -> Batch:
    """Batch number `index`; the first `early` ones are of small pictures."""
    rng = random.Random(f"{seed}/{index}")
    size = choose_size(rng, EARLY_SIZES if index < early else SIZES)
    word_share = 1.0 if index < early and size[1] < 96 else WORD_SHARE
    points = points_of(size)
    head = chat.head(system=rng.random() < 0.04)
    # A few prompts a batch: the longest row sets the length of all.
    prompts = {
        (a, b): [grammar.sample_prompt(rng, a, b) for _ in range(4)] for a in ("en", "ru") for b in (False, True)
    }
    pixels, labels, rows = [], [], []
    for _ in range(count):
        scene = scenes.sample_word(rng) if rng.random() < word_share else scenes.sample_training_scene(rng)
        picture, label = scenes.render(rng, scene, size, points)
        language = rng.choice(("en", "ru"))
        rows.append((rng.choice(prompts[language, scene["kind"] == "word"]), grammar.describe(scene, language)))
        pixels.append(np.asarray(picture))
        labels.append(label.reshape(-1, 2))
    return pack(chat, head, rows, pixels, labels)


def _work(queue, first, step, last, seed, count, early):
    import tokenizer

    torch.set_num_threads(1)
    chat = Chat(tokenizer.build())
    for index in range(first, last, step):
        batch = make_batch(chat, seed, index, count, early)
        queue.put(tuple(x.numpy() if isinstance(x, torch.Tensor) else x for x in vars(batch).values()))


def batches(seed: int, first: int, last: int, count: int, workers: int, early: int):
    """Yields batches first..last-1 in order."""
    context = multiprocessing.get_context("spawn")
    queues = [context.Queue(maxsize=24) for _ in range(workers)]
    processes = [
        context.Process(target=_work, args=(queue, first + i, workers, last, seed, count, early), daemon=True)
        for i, queue in enumerate(queues)
    ]
    for process in processes:
        process.start()
    for index in range(first, last):
        parts = queues[(index - first) % workers].get()
        yield Batch(*(torch.from_numpy(p) if isinstance(p, np.ndarray) else p for p in parts))
