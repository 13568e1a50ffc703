"""Goldens of Qwen3-VL: transformers in f32 on the recipe's random weights, mlx-vlm as second opinion.

    python3 qwen3_vl_golden.py --out ../../tests/models/data            writes the goldens
    python3 qwen3_vl_golden.py --search 20                              greedy margins of seeds 1..20, writes nothing

Needs torch, transformers 5, mlx, mlx-vlm, pillow, safetensors (CPU is enough; the largest case takes 3 GB).
Refuses to write where the two implementations differ by more than 2e-4 of the largest value of a stage,
in any position id or greedy token, or where a greedy step is decided by less than 1e-2.
README.md next to this file lists the contents of a golden.
"""

import argparse
import copy
import pathlib

import mlx.core as mx
import mlx.nn as nn
import mlx_vlm.models.qwen3_vl as mlx_qwen3_vl
import mlx_vlm.models.qwen3_vl.vision as mlx_vision
import numpy as np
import torch
from mlx_vlm.models.cache import KVCache
from PIL import Image
from safetensors.numpy import save
from transformers import Qwen3VLConfig, Qwen3VLForConditionalGeneration
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

import recipe

TOLERANCE = 2e-4
MINIMUM_MARGIN = 1e-2
GREEDY_STEPS = 16

# Chosen with --search: no greedy step is nearly a tie, and the tokens are not all the same.
SEEDS = {"qwen3-vl-small-f32": 12, "qwen3-vl-small-4bit": 12, "qwen3-vl-4b-2layer": 3}

# A prompt is a list of text lengths (tokens) and picture sizes (width, height).
# Strides keep every n-th column of a stage; stages that no stride names are stored whole.
CASES = {
    "qwen3_vl_small_f32_text": dict(shape="qwen3-vl-small-f32", prompt=[20], strides={}),
    "qwen3_vl_small_f32_picture": dict(shape="qwen3-vl-small-f32", prompt=[5, (96, 64), 8], strides={}),
    "qwen3_vl_small_f32_two_pictures": dict(
        shape="qwen3-vl-small-f32", prompt=[3, (64, 64), 4, (160, 96), 7], strides={"pixel_values": 41}),
    "qwen3_vl_small_4bit_two_pictures": dict(
        shape="qwen3-vl-small-4bit", prompt=[3, (64, 64), 4, (160, 96), 7],
        strides={"pixel_values": 41, "vision.layer": 3, "vision.embedded": 3, "vision.patch_embed": 3, "logits": 3}),
    "qwen3_vl_4b_2layer_picture": dict(
        shape="qwen3-vl-4b-2layer", prompt=[5, (128, 96), 8],
        strides={"pixel_values": 41, "vision.layer": 37, "vision.embedded": 37, "vision.patch_embed": 37,
                 "vision.merged": 37, "vision.deepstack": 37, "text": 37, "logits": 0}),
}


def make_inputs(case):
    """input_ids, mm_token_type_ids, pixel_values, grid_thw (the last two None where there is no picture)."""
    shape = case["shape"]
    ids, kinds, pictures = [], [], []
    for part in case["prompt"]:
        if isinstance(part, int):
            count = len(ids)
            ids += [int(h % 900) for h in recipe.hashes("input_ids", 1, count, count + part)]
            kinds += [0] * part
            continue
        width, height = part
        pads = (width // 32) * (height // 32)
        ids += [recipe.special_id(shape, "<|vision_start|>")]
        ids += [recipe.special_id(shape, "<|image_pad|>")] * pads
        ids += [recipe.special_id(shape, "<|vision_end|>")]
        kinds += [0] + [1] * pads + [0]
        pictures.append(Image.fromarray(recipe.picture(width, height, len(pictures))))
    if not pictures:
        return np.array(ids), np.array(kinds), None, None
    processor = Qwen2VLImageProcessorPil(
        size=dict(shortest_edge=recipe.SHAPES[shape]["min_pixels"], longest_edge=16777216), patch_size=16,
        temporal_patch_size=2, merge_size=2, image_mean=[0.5] * 3, image_std=[0.5] * 3)
    features = processor(images=pictures, return_tensors="np")
    return np.array(ids), np.array(kinds), features["pixel_values"].astype(np.float32), features["image_grid_thw"]


# --- transformers -----------------------------------------------------------------------------


def dense_weights(shape, seed):
    """(name, f32 array) of every weight in the checkpoint's names; packed layers are dequantized."""
    by_name = {t.name: t for t in recipe.tensors(shape)}
    for name, tensor in by_name.items():
        if tensor.kind == "codes":
            path = name.removesuffix(".weight")
            yield name, recipe.dequantize(
                tensor.stored(seed), by_name[path + ".scales"].values(seed), by_name[path + ".biases"].values(seed),
                tensor.bits)
        elif tensor.kind not in ("scales", "offsets"):
            yield name, tensor.values(seed)


def make_transformers_model(shape, seed):
    config = recipe.make_config(shape)
    config.pop("quantization", None)
    config.pop("quantization_config", None)
    config = Qwen3VLConfig.from_dict(config)
    config._attn_implementation = "eager"
    model = Qwen3VLForConditionalGeneration(config).float().eval()
    state = {}
    for name, values in dense_weights(shape, seed):
        if name == "vision_tower.patch_embed.proj.weight":
            values = np.ascontiguousarray(values.transpose(0, 4, 1, 2, 3))
        name = name.replace("language_model.model.", "model.language_model.", 1)
        name = name.replace("vision_tower.", "model.visual.", 1)
        state[name] = torch.from_numpy(values)
    missing, unexpected = model.load_state_dict(state, strict=False, assign=True)
    model.tie_weights()
    assert missing == ["lm_head.weight"] and not unexpected, (missing, unexpected)
    return model


class Recorder:
    """Keeps what passes the hooked modules of a transformers model."""

    def __init__(self, model):
        self.stages, self.handles = {}, []
        visual, text = model.model.visual, model.model.language_model
        self._output(visual.patch_embed, "vision.patch_embed")
        self._input(visual.blocks[0], "vision.embedded")
        for i, block in enumerate(visual.blocks):
            self._output(block, f"vision.layer.{i}")
        self._output(visual.merger, "vision.merged")
        for i, merger in enumerate(visual.deepstack_merger_list):
            self._output(merger, f"vision.deepstack.{i}")
        self._input(text.layers[0], "text.embedded")
        for i, layer in enumerate(text.layers[1:]):
            self._input(layer, f"text.layer.{i}")
        self._input(text.norm, f"text.layer.{len(text.layers) - 1}")
        self._output(text.norm, "text.normed")

    def _keep(self, name, value):
        self.stages[name] = value.detach().reshape(-1, value.shape[-1]).numpy().copy()

    def _input(self, module, name):
        self.handles.append(module.register_forward_pre_hook(
            lambda _, args, kwargs: self._keep(name, args[0] if args else kwargs["hidden_states"]),
            with_kwargs=True))

    def _output(self, module, name):
        self.handles.append(module.register_forward_hook(lambda _, args, output: self._keep(name, output)))

    def close(self):
        for handle in self.handles:
            handle.remove()


@torch.no_grad()
def run_transformers(model, ids, kinds, pixels, grid):
    inputs = dict(input_ids=torch.from_numpy(ids)[None], mm_token_type_ids=torch.from_numpy(kinds)[None])
    if pixels is not None:
        inputs |= dict(pixel_values=torch.from_numpy(pixels), image_grid_thw=torch.from_numpy(grid))
    model.model.rope_deltas = None
    recorder = Recorder(model)
    output = model(**inputs, use_cache=True)
    recorder.close()
    stages = recorder.stages
    stages["logits"] = output.logits[0].numpy().copy()
    if pixels is None:
        positions, delta = np.tile(np.arange(len(ids)), (3, 1)), 0
    else:
        positions, delta = model.model.get_rope_index(
            inputs["input_ids"], mm_token_type_ids=inputs["mm_token_type_ids"], image_grid_thw=inputs["image_grid_thw"])
        positions, delta = positions[:, 0].numpy(), int(delta)
    tokens, margins, tops = [], [], []
    logits = output.logits[0, -1]
    for _ in range(GREEDY_STEPS):
        top = torch.topk(logits, 2)
        tokens.append(int(top.indices[0]))
        tops.append(float(top.values[0]))
        margins.append(float(top.values[0] - top.values[1]))
        output = model(input_ids=torch.tensor([[tokens[-1]]]), past_key_values=output.past_key_values, use_cache=True)
        logits = output.logits[0, -1]
    greedy = dict(tokens=np.array(tokens), margins=np.array(margins), logits=np.array(tops))
    return stages, positions, delta, greedy


# --- mlx-vlm ----------------------------------------------------------------------------------


def make_mlx_model(shape, seed):
    """mlx-vlm's model with the packed layers left packed; scales and dense weights widened to f32."""
    config = copy.deepcopy(recipe.make_config(shape))
    quantization = config.pop("quantization", None)
    config.pop("quantization_config", None)
    model = mlx_qwen3_vl.Model(mlx_qwen3_vl.ModelConfig.from_dict(config))
    all_tensors = recipe.tensors(shape)
    if quantization is not None:
        packed = {t.name.removesuffix(".weight") for t in all_tensors if t.kind == "codes"}
        nn.quantize(model, quantization["group_size"], quantization["bits"],
                    class_predicate=lambda path, _: path in packed and quantization.get(path, True))
    weights = {t.name: mx.array(t.stored(seed) if t.kind == "codes" else t.values(seed)) for t in all_tensors}
    weights = model.vision_tower.sanitize(model.sanitize(weights))
    model.load_weights(list(weights.items()), strict=True)
    mx.eval(model.parameters())
    return model


def run_mlx(model, ids, kinds, pixels, grid):
    input_ids = mx.array(ids.astype(np.int32))[None]
    stages, blocks = {}, []
    keep = lambda name, value: stages.update({name: np.array(value.astype(mx.float32)).reshape(-1, value.shape[-1])})
    block_type = mlx_vision.Qwen3VLMoEVisionBlock
    original = block_type.__call__

    def recorded(self, hidden_states, *args, **kwargs):
        if not blocks:
            keep("vision.embedded", hidden_states)
        output = original(self, hidden_states, *args, **kwargs)
        keep(f"vision.layer.{len(blocks)}", output)
        blocks.append(output)
        return output

    pixel_array, arguments = None, {}
    if pixels is not None:
        pixel_array, arguments = mx.array(pixels), dict(image_grid_thw=mx.array(grid.astype(np.int32)))
        keep("vision.patch_embed", model.vision_tower.patch_embed(pixel_array))
        block_type.__call__ = recorded
        merged, deepstack = model.vision_tower(pixel_array, arguments["image_grid_thw"])
        block_type.__call__ = original
        keep("vision.merged", merged)
        for i, level in enumerate(deepstack):
            keep(f"vision.deepstack.{i}", level)
    features = model.get_input_embeddings(input_ids, pixel_array, **arguments)
    keep("text.embedded", features.inputs_embeds)
    text = model.language_model.model
    common = dict(
        inputs_embeds=features.inputs_embeds, position_ids=features.position_ids,
        visual_pos_masks=features.visual_pos_masks, deepstack_visual_embeds=features.deepstack_visual_embeds)
    for i in range(len(text.layers)):
        keep(f"text.layer.{i}", text(input_ids, **common, stop_after_layer=i + 1, apply_final_norm=False))
    keep("text.normed", text(input_ids, **common))
    cache = [KVCache() for _ in text.layers]
    logits = model(input_ids, pixel_array, cache=cache, **arguments).logits[0]
    keep("logits", logits)
    delta = 0 if features.rope_deltas is None else int(np.array(features.rope_deltas).reshape(-1)[0])
    positions = np.array(features.position_ids).reshape(-1, len(ids))
    tokens = []
    for _ in range(GREEDY_STEPS):
        tokens.append(int(mx.argmax(logits[-1])))
        logits = model.language_model(mx.array([[tokens[-1]]]), cache=cache, rope_deltas=features.rope_deltas).logits[0]
    return stages, np.broadcast_to(positions, (3, len(ids))), delta, np.array(tokens)


# --- comparison and goldens -------------------------------------------------------------------


def compare(reference, other):
    """Prints the differences of every stage; the worst, relative to the largest value of its stage."""
    worst = 0.0
    for name, expected in reference.items():
        absolute = float(np.abs(expected - other[name]).max())
        relative = absolute / float(np.abs(expected).max())
        worst = max(worst, relative)
        print(f"  {name:24} {str(expected.shape):14} largest {np.abs(expected).max():9.4f}"
              f"  max abs {absolute:.2e}  relative {relative:.2e}")
    return worst


def sampled(name, values, strides):
    """`values` with the stride of the longest prefix of `name`; stride 0 keeps the last row only."""
    matches = [key for key in strides if name == key or name.startswith(key + ".")]
    if not matches:
        return values
    stride = strides[max(matches, key=len)]
    return values[-1:] if stride == 0 else values[:, ::stride]


def golden(case, seed, inputs, stages, positions, delta, greedy):
    ids, _, pixels, grid = inputs
    out = {
        "seed": np.array([seed], np.int32),
        "input_ids": ids.astype(np.int32),
        "position_ids": positions.astype(np.int32),
        "rope_delta": np.array([delta], np.int32),
        "greedy.tokens": greedy["tokens"].astype(np.int32),
        "greedy.margins": greedy["margins"].astype(np.float32),
        "greedy.logits": greedy["logits"].astype(np.float32),
    }
    if pixels is not None:
        out["grid_thw"] = grid.astype(np.int32)
        stages = dict(stages, pixel_values=pixels)
    for name, values in stages.items():
        out[name] = np.ascontiguousarray(sampled(name, values, case["strides"]), np.float32)
    return out


def search(shapes, seeds):
    """Smallest greedy margin of every case for each seed."""
    for seed in seeds:
        for shape in shapes:
            model = make_transformers_model(shape, seed)
            for name, case in CASES.items():
                if case["shape"] == shape:
                    _, _, _, greedy = run_transformers(model, *make_inputs(case))
                    print(f"seed {seed:3} {name:34} smallest margin {greedy['margins'].min():.4f}"
                          f"  different tokens {len(set(greedy['tokens'].tolist()))}", flush=True)


def write_goldens(folder, shapes):
    folder.mkdir(parents=True, exist_ok=True)
    for shape in shapes:
        seed = SEEDS[shape]
        ours = make_transformers_model(shape, seed)
        theirs = make_mlx_model(shape, seed)
        for name, case in CASES.items():
            if case["shape"] != shape:
                continue
            inputs = make_inputs(case)
            stages, positions, delta, greedy = run_transformers(ours, *inputs)
            mlx_stages, mlx_positions, mlx_delta, mlx_tokens = run_mlx(theirs, *inputs)
            print(f"{name}: seed {seed}, {len(inputs[0])} tokens, rope delta {delta}, transformers against mlx-vlm")
            worst = compare(stages, mlx_stages)
            print("  greedy tokens ", greedy["tokens"].tolist())
            print("  greedy margins", [round(m, 4) for m in greedy["margins"].tolist()])
            if worst > TOLERANCE:
                raise SystemExit(f"{name}: the implementations differ by {worst:.1e}, more than {TOLERANCE}")
            if not np.array_equal(positions, mlx_positions) or delta != mlx_delta:
                raise SystemExit(f"{name}: the position ids differ")
            if greedy["tokens"].tolist() != mlx_tokens.tolist():
                raise SystemExit(f"{name}: the greedy tokens differ: {mlx_tokens.tolist()}")
            if greedy["margins"].min() < MINIMUM_MARGIN:
                raise SystemExit(f"{name}: a greedy step is decided by {greedy['margins'].min():.1e}: take another seed")
            path = folder / f"{name}.safetensors"
            path.write_bytes(save(golden(case, seed, inputs, stages, positions, delta, greedy)))
            print(f"  {path.name}: {path.stat().st_size} bytes", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, help="folder of the goldens")
    parser.add_argument("--search", type=int, metavar="N", help="print the greedy margins of seeds 1..N")
    parser.add_argument("--shapes", nargs="*", choices=list(SEEDS), default=list(SEEDS))
    arguments = parser.parse_args()
    if arguments.search:
        search(arguments.shapes, range(1, arguments.search + 1))
    elif arguments.out:
        write_goldens(arguments.out, arguments.shapes)
    else:
        parser.error("give --out or --search")
