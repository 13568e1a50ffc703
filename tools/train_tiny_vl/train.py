"""Trains tiny-vl from nothing: python train.py --seed 1 --out WORK_DIR   (then export.py, evaluate.py)

AdamW and Muon on the CPU, products in bfloat16 where it has instructions for them, else in float32; three parts:
 1. --early steps: the vision tower alone, on small pictures, learns what lies under two points of every patch (a
    letter, a coloured shape, nothing). Captions alone teach it many times slower. The head for it is thrown away.
 2. Captions on pictures of all sizes, beside the points. For 300 steps they do not reach into the vision tower.
 3. --last-part: the learning rate and the weight of the points fall to zero, and every product goes through MLX's
    4-bit rounding, so that the exported weights are the trained ones.
A run that was stopped continues from WORK_DIR/last.pt with the same command.
"""

import argparse
import os
import time
from pathlib import Path

os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "16384")

import torch
import torch.nn.functional as F

import data
import evaluate
import scenes
import tokenizer
from model import VisionText, check_forward, make_config, make_model
from muon import Muon
from quantize import fake_quantize, is_quantized
from start import start_local, start_white


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=7500)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--lr", type=float, default=4e-3)
    parser.add_argument("--muon-lr", type=float, default=5e-3)
    parser.add_argument("--warmup", type=int, default=100)
    parser.add_argument(
        "--last-part", type=float, default=0.4265, help="share of the steps with a falling rate and 4 bits"
    )
    parser.add_argument("--early", type=int, default=1500, help="steps on small pictures at the start")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--every", type=int, default=250, help="steps between checks on held-out pictures")
    parser.add_argument("--stop-at", type=int, help="stop early, for a trial")
    return parser.parse_args()


def product_dtype() -> torch.dtype:
    """bfloat16 without instructions for it is emulated, three times slower than float32."""
    return torch.bfloat16 if torch.cpu._is_avx512_bf16_supported() else torch.float32


def prepared(parameters: dict, quantized: bool, dtype: torch.dtype) -> dict:
    """The weights as the exported model will have them: rounded to 4 bits where it is, to bfloat16 elsewhere."""
    weights = {}
    for name, value in parameters.items():
        if quantized and is_quantized(name):
            value = fake_quantize(value)
        value = value.to(torch.bfloat16)
        weights[name] = value.float() if dtype == torch.float32 else value
    return weights


def points_loss(patches, point_head, labels):
    """What lies under the points: those on things first, most others see the ground."""
    labels = labels.flatten(0, 1)
    count = min(len(labels), 28 * len(patches))  # a fixed number: oneDNN compiles a kernel for every shape it meets
    rows = ((labels > 0).any(-1).float() + torch.rand(len(labels)) * 1.2).topk(count).indices
    states = F.layer_norm(patches.flatten(0, 1)[rows], patches.shape[-1:])
    guesses = F.linear(states, point_head.to(states.dtype)).float().view(-1, scenes.POINT_CLASSES)
    return F.cross_entropy(guesses, labels[rows].flatten())


def caption_loss(forward, weights, batch: data.Batch, features, levels):
    hidden = forward.read(weights, batch.ids, features, levels, batch.start, *batch.grid)
    rows = (batch.targets >= 0).flatten().nonzero()[:, 0]
    rows = F.pad(rows, (0, -len(rows) % 128))
    targets = batch.targets.flatten()[rows]
    return F.cross_entropy(forward.logits(weights, hidden.flatten(0, 1)[rows]), targets)


def losses(forward, weights, point_head, batch: data.Batch, reading: bool, detached: bool):
    """(caption loss or 0, points loss)."""
    pixels = data.normalise(batch.pixels)
    if not reading:
        return torch.zeros(()), points_loss(forward.see(weights, pixels, merged=False), point_head, batch.points)
    features, levels, patches = forward.see(weights, pixels, detached=detached)
    return caption_loss(forward, weights, batch, features, levels), points_loss(patches, point_head, batch.points)


def optimizers(parameters: dict, point_head, options):
    blocks = {n for n, p in parameters.items() if p.ndim == 2 and ("blocks." in n or ".layers." in n)}
    rest = {n: p for n, p in parameters.items() if n not in blocks}
    pixels = [p for n, p in rest.items() if "patch_embed" in n]  # hundreds of inputs that rise and fall together
    wide = [p for n, p in rest.items() if "merger" in n and p.ndim > 1]
    tables = [p for n, p in rest.items() if "embed_tokens" in n or "pos_embed" in n]
    plain = [p for n, p in rest.items() if p.ndim == 1 and "patch_embed" not in n] + [point_head]
    groups = [(pixels, 0.03, 0.0), (wide, 0.4, 0.02), (tables, 1.0, 0.02), (plain, 1.0, 0.0)]
    adam = torch.optim.AdamW(
        [{"params": p, "weight_decay": decay, "share": share} for p, share, decay in groups],
        lr=options.lr, betas=(0.9, 0.98), eps=1e-8, fused=True,
    )  # fmt: skip
    muon = Muon([parameters[n] for n in sorted(blocks)], lr=options.muon_lr, weight_decay=0.02, momentum=0.95)
    return adam, muon


def save(state: dict, file: Path):
    """The file is whole at every moment."""
    torch.save(state, file.with_suffix(".tmp"))
    file.with_suffix(".tmp").replace(file)


def main():
    options = parse()
    options.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    words = tokenizer.build()
    chat, config = data.Chat(words), make_config(words)
    model = make_model(config)
    start_local(model)
    start_white(model, chat, options.seed)
    print(f"forward differs from transformers by {check_forward(model, VisionText(config)):.1e}", flush=True)
    parameters = dict(model.named_parameters())
    point_head = torch.nn.Parameter(torch.randn(2 * scenes.POINT_CLASSES, config.vision_config.hidden_size) * 0.02)
    adam, muon = optimizers(parameters, point_head, options)
    dtype = product_dtype()
    first, last_file = 0, options.out / "last.pt"
    if last_file.exists():
        state = torch.load(last_file)
        model.load_state_dict(state["model"], strict=False)
        point_head.data.copy_(state["point_head"])
        adam.load_state_dict(state["adam"])
        muon.load_state_dict(state["muon"])
        first = state["step"]
    forward = VisionText(config)
    tests = evaluate.held_out(seed=1, count=20)
    last = min(options.steps, options.stop_at or options.steps)
    switch = round(options.steps * (1 - options.last_part))
    started, sums, seen = time.time(), torch.zeros(2), 0
    stream = data.batches(options.seed, first, last, options.batch, options.workers, options.early)
    waited = 0.0
    for step in range(first, last):
        before = time.time()
        batch = next(stream)
        waited += time.time() - before
        torch.manual_seed(options.seed * 1_000_003 + step)
        falling = min(1.0, (options.steps - step) / (options.steps - switch))
        factor = min(1.0, (step + 1) / options.warmup) * falling
        for group in adam.param_groups:
            group["lr"] = options.lr * factor * group["share"]
        for group in muon.param_groups:
            group["lr"] = options.muon_lr * factor
        # Points teach the eye faster than captions do, and cost less: no captions in the beginning.
        reading = step >= options.early
        used = parameters if reading else {n: p for n, p in parameters.items() if "visual" in n}
        weights = prepared(used, quantized=step >= switch, dtype=dtype)
        caption, points = losses(forward, weights, point_head, batch, reading, detached=step < options.early + 300)
        (caption + 2.0 * falling * points).backward()
        torch.nn.utils.clip_grad_norm_([*parameters.values(), point_head], 1.0)
        for optimizer in (adam, muon):
            optimizer.step()
            optimizer.zero_grad()
        sums += torch.tensor([caption.item(), points.item()])
        seen += 1
        if (step + 1) % 50 == 0:
            speed = seen * options.batch / (time.time() - started)
            print(
                f"step {step + 1} caption {sums[0] / seen:.4f} points {sums[1] / seen:.4f} "
                f"{speed:.0f} pictures/s waited {waited:.0f} s", flush=True,
            )  # fmt: skip
            started, seen, waited, sums = time.time(), 0, 0.0, torch.zeros(2)
        if (step + 1) % options.every == 0 or step + 1 == last:
            if reading:
                with torch.no_grad():
                    exported = prepared(parameters, quantized=step + 1 >= switch, dtype=torch.float32)
                    result = evaluate.score(tests, evaluate.answer(forward, exported, chat, tests))
                shown = ", ".join(f"{k} {r}/{n}" for k, (r, n) in result.items() if k[0] != " ")
                print("  held out: " + shown, flush=True)
            state = {
                "step": step + 1, "model": model.state_dict(), "point_head": point_head.data,
                "adam": adam.state_dict(), "muon": muon.state_dict(),
            }  # fmt: skip
            save(state, last_file)
            started = time.time()


if __name__ == "__main__":
    main()
