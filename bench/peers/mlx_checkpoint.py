"""mlx-lm and mlx-vlm on a checkpoint of `oko bench make-model`, measured as `oko bench` does.

mlx_checkpoint.py decode|prefill|vision MODEL [--tokens N] [--side N] [--repeats N]

Prints one JSON object. decode and prefill are mlx-lm's own loader and generate_step (it submits a
token before it reads the last one); vision is mlx-vlm's tower. Of mlx-vlm only the package's
__init__ is skipped: it imports servers, audio and training.
"""

import argparse
import importlib.util
import json
import sys
import time
import types
from importlib.metadata import version
from pathlib import Path

import mlx.core as mx
import mlx.nn as nn

PROMPT = 16  # tokens before the timed ones


def some_tokens(count, vocabulary):
    return mx.array([(i * 7919 + 13) % min(vocabulary, 100_000) for i in range(count)])


def load_text(folder):
    """Returns a function for decode and one for prefill: each runs once and returns seconds."""
    from mlx_lm.generate import generate_step
    from mlx_lm.utils import load_model

    model, config = load_model(folder)
    vocabulary = config["text_config"]["vocab_size"]

    def decode(count):
        tokens = generate_step(some_tokens(PROMPT, vocabulary), model, max_tokens=count + 1)
        next(tokens)
        start = time.perf_counter()
        for _ in range(count):
            next(tokens)
        return time.perf_counter() - start

    def prefill(count):
        start = time.perf_counter()
        for _ in generate_step(some_tokens(count, vocabulary), model, max_tokens=0):
            pass
        return time.perf_counter() - start

    return decode, prefill


def load_tower(folder):
    """Returns a function that encodes a picture of `side` pixels once and returns seconds."""
    package = types.ModuleType("mlx_vlm")
    package.__path__ = list(importlib.util.find_spec("mlx_vlm").submodule_search_locations)
    sys.modules["mlx_vlm"] = package
    from mlx_vlm.models.qwen3_vl.config import VisionConfig
    from mlx_vlm.models.qwen3_vl.vision import VisionModel

    settings = json.loads((folder / "config.json").read_text())
    config = VisionConfig.from_dict(settings["vision_config"])
    tower = VisionModel(config)
    prefix = "vision_tower."
    weights = mx.load(str(folder / "model.safetensors"))
    weights = {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}
    tower.load_weights(list(tower.sanitize(weights).items()))
    tower.eval()
    mx.eval(tower.parameters())

    def encode(side):
        patches = side // config.patch_size
        values = config.in_channels * config.temporal_patch_size * config.patch_size**2
        pixels = mx.arange(patches**2 * values, dtype=mx.float32) * 7919 % 511 / 255 - 1
        pixels = pixels.reshape(patches**2, values)
        mx.eval(pixels)
        start = time.perf_counter()
        mx.eval(tower(pixels, mx.array([[1, patches, patches]])))
        return time.perf_counter() - start

    return encode


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["decode", "prefill", "vision"])
    parser.add_argument("model", type=Path)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--side", type=int, default=1024)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()

    if arguments.what == "vision":
        run, size, units, peer = load_tower(arguments.model), arguments.side, 1, "mlx-vlm"
    else:
        run = load_text(arguments.model)[arguments.what == "prefill"]
        size, units, peer = arguments.tokens, arguments.tokens, "mlx-lm"
    mx.clear_cache()
    loaded = mx.get_active_memory()
    mx.reset_peak_memory()
    seconds = sorted(run(size) for _ in range(arguments.repeats))
    result = {
        "what": arguments.what,
        "program": f"{peer} {version(peer)}",
        "mlx": version("mlx"),
        "device": str(mx.default_device()),
        "units": units,
        "seconds": seconds,
        "per_second": units / seconds[len(seconds) // 2],
        "mlx_loaded_bytes": loaded,
        "mlx_peak_bytes": mx.get_peak_memory(),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
