"""Teaches an exported model to use OCR text in its prompt: python train_blocks.py MODEL_DIR --seed 1 --out WORK_DIR

The vision tower stays as it is; the language model trains on under MLX's 4-bit rounding. Each of --processes has
its own pictures (blocks.py), and their gradients are summed: on shared cores that is faster than threads, which
wait for each other at every product. A run that was stopped continues from WORK_DIR/last.pt with the same command.
"""

import argparse
import os
import random
import time
from collections import defaultdict
from pathlib import Path

os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "16384")

import numpy as np
import torch
import torch.nn.functional as F

import blocks
import data
import evaluate
import export
from model import TEXT
from muon import Muon
from train import caption_loss, prepared, save


# The batches of a step (blocks.make_step) and their weights.
NAMES = ("no block", "block", "small print", "longer")
WEIGHTS = (1.0, 1.0, 0.5, 0.5)


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="where to begin: an exported folder")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=3200)
    parser.add_argument("--lr", type=float, default=1.5e-3)
    parser.add_argument("--muon-lr", type=float, default=2e-3)
    parser.add_argument("--copying", type=int, default=400, help="steps of nothing but copying at the start")
    parser.add_argument("--warmup", type=int, default=50)
    parser.add_argument("--last-part", type=float, default=0.6, help="share of the steps with a falling rate")
    parser.add_argument("--processes", type=int, default=2, help="of one thread each; part of the recipe, as --seed is")
    parser.add_argument("--every", type=int, default=200, help="steps between checks on held-out pictures")
    parser.add_argument("--stop-at", type=int, help="stop early, for a trial")
    return parser.parse_args()


def optimizers(parameters: dict, options):
    tables = [p for p in parameters.values() if p.ndim == 2 and p.shape[0] > 900]
    plain = [p for p in parameters.values() if p.ndim == 1]
    known = {id(p) for p in (*tables, *plain)}
    adam = torch.optim.AdamW(
        [{"params": tables, "weight_decay": 0.02}, {"params": plain, "weight_decay": 0.0}],
        lr=options.lr, betas=(0.9, 0.98), eps=1e-8, fused=True,
    )  # fmt: skip
    matrices = [parameters[n] for n in sorted(parameters) if id(parameters[n]) not in known]
    return adam, Muon(matrices, lr=options.muon_lr, weight_decay=0.02, momentum=0.95)


def step_losses(forward, frozen: dict, parameters: dict, batches) -> torch.Tensor:
    """Losses of the step's batches; the parameters' gradients are their sum over all processes."""
    quantized = len(batches) > 1
    rounded = {n: w.detach().requires_grad_() for n, w in prepared(parameters, quantized, torch.float32).items()}
    shown = []
    for batch, weight in zip(batches, WEIGHTS):
        with torch.no_grad():
            if batch.grid == (0, 0):
                features, levels = torch.zeros(len(batch.ids), 0, TEXT["hidden_size"]), []
            else:
                features, levels, _ = forward.see(frozen, data.normalise(batch.pixels))
        loss = caption_loss(forward, rounded, batch, features, levels)
        (weight * loss).backward()
        shown.append(loss.detach())
    gradients = torch.cat([w.grad.flatten() for w in rounded.values()] + [torch.stack(shown)])
    torch.distributed.all_reduce(gradients)
    gradients /= torch.distributed.get_world_size()
    sizes = [w.numel() for w in rounded.values()]
    for parameter, gradient in zip(parameters.values(), gradients.split([*sizes, len(shown)])):
        parameter.grad = gradient.view_as(parameter)
    return F.pad(gradients[-len(shown) :], (0, len(WEIGHTS) - len(shown)))


@torch.no_grad()
def check(forward, weights: dict, chat):
    """Held-out pictures: answers exactly right, and of small print, whose answers are long, the tokens too."""
    for with_blocks in (False, True):
        exact, tokens = defaultdict(list), []
        for item in evaluate.held_out(1, 30, with_blocks):
            right = foreseen(forward, weights, chat, item)
            exact[f"{item['class']} {item['lang']}"].append(right.all().item())
            tokens.append(right if item["class"] == "small print" else right[:0])
        shown = ", ".join(f"{name} {sum(rights)}/{len(rights)}" for name, rights in exact.items())
        share = 100 * torch.cat(tokens).float().mean()
        print(f"  {'with' if with_blocks else 'no'} block: {shown}, {share:.2f} % of its tokens", flush=True)


def foreseen(forward, weights: dict, chat, item: dict) -> torch.Tensor:
    """For every token of the expected answer: True if the model says it after those before it."""
    row = item.get("block", "") + item["prompt"], item["expected"]
    batch = data.pack(chat, chat.head(), [row], [np.asarray(data.preprocess(item["picture"]))])
    features, levels, _ = forward.see(weights, data.normalise(batch.pixels))
    hidden = forward.read(weights, batch.ids, features, levels, batch.start, *batch.grid)
    wanted = batch.targets >= 0
    return forward.logits(weights, hidden[wanted]).argmax(-1) == batch.targets[wanted]


def resume(file: Path, parameters: dict, adam, muon) -> int:
    """The step to go on from."""
    if not file.exists():
        return 0
    state = torch.load(file)
    for name, parameter in parameters.items():
        parameter.data.copy_(state["model"][name])
    adam.load_state_dict(state["adam"])
    muon.load_state_dict(state["muon"])
    return state["step"]


def set_rates(options, step: int, adam, muon):
    falling = min(1.0, (options.steps - step) / (options.steps * options.last_part))
    factor = min(1.0, (step + 1) / options.warmup) * falling
    for optimizer, peak in ((adam, options.lr), (muon, options.muon_lr)):
        for group in optimizer.param_groups:
            group["lr"] = peak * factor


def run(rank: int, options):
    torch.set_num_threads(1)
    meeting = f"file://{(options.out / 'meeting').absolute()}"
    torch.distributed.init_process_group("gloo", init_method=meeting, rank=rank, world_size=options.processes)
    forward, frozen, chat = export.load(options.model)
    parameters = {n: torch.nn.Parameter(v) for n, v in frozen.items() if n.startswith("model.language_model")}
    adam, muon = optimizers(parameters, options)
    last_file = options.out / "last.pt"
    first, last = resume(last_file, parameters, adam, muon), min(options.steps, options.stop_at or options.steps)
    started, sums, seen = time.time(), torch.zeros(len(WEIGHTS)), 0
    for step in range(first, last):
        set_rates(options, step, adam, muon)
        if step < options.copying:
            rng = random.Random(f"copying/{options.seed}/{step}/{rank}")
            batches = [blocks.make_copying(rng, chat, rng.randint(6, 20 + 100 * step // options.copying))]
        else:
            batches = blocks.make_step(chat, options.seed, step, rank)
        sums += step_losses(forward, frozen, parameters, batches)
        torch.nn.utils.clip_grad_norm_(list(parameters.values()), 1.0)
        for optimizer in (adam, muon):
            optimizer.step()
        seen += 1
        if rank == 0 and (step + 1) % 25 == 0:
            losses = "  ".join(f"{name} {loss:.4f}" for name, loss in zip(NAMES, sums / seen))
            print(f"step {step + 1} {losses}  {(time.time() - started) / seen:.2f} s a step", flush=True)
            started, seen, sums = time.time(), 0, torch.zeros(len(WEIGHTS))
        if rank == 0 and ((step + 1) % options.every == 0 or step + 1 == last):
            model = {**frozen, **{n: p.data for n, p in parameters.items()}}
            save({"step": step + 1, "model": model, "adam": adam.state_dict(), "muon": muon.state_dict()}, last_file)
            if step >= options.copying:
                check(forward, {**frozen, **prepared(parameters, True, torch.float32)}, chat)
            started = time.time()


def main():
    options = parse()
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "meeting").unlink(missing_ok=True)
    torch.multiprocessing.spawn(run, (options,), nprocs=options.processes)


if __name__ == "__main__":
    main()
