"""A checkpoint as a model folder in the layout of mlx-community's Qwen3-VL-4B-Instruct-4bit.

python export.py WORK_DIR/last.pt MODEL_DIR       writes the folder
python export.py --verify MODEL_DIR               loads it with mlx-vlm and compares logits and greedy answers
"""

import json
import sys
from pathlib import Path

import mlx.core as mx
import numpy as np
import torch

import data
import safetensors_writer
import tokenizer as tokenizer_module
from model import ROPE, ROPE_THETA, TEXT, VISION, VisionText, make_config, make_model
from quantize import BITS, GROUP, is_quantized

QUANTIZATION = {"group_size": GROUP, "bits": BITS, "mode": "affine"}
PREFIXES = (("model.language_model.", "language_model.model."), ("model.visual.", "vision_tower."))


def mlx_name(name: str) -> str:
    for torch_prefix, mlx_prefix in PREFIXES:
        if name.startswith(torch_prefix):
            return mlx_prefix + name.removeprefix(torch_prefix)
    raise ValueError(f"{name}: not a weight of the language model or the vision tower")


def torch_name(name: str) -> str:
    for torch_prefix, mlx_prefix in PREFIXES:
        if name.startswith(mlx_prefix):
            return torch_prefix + name.removeprefix(mlx_prefix)
    raise ValueError(f"{name}: unknown prefix")


def write_json(path: Path, content: dict):
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def configuration(config, chat: data.Chat) -> dict:
    text = {
        **TEXT, "model_type": "qwen3_vl_text", "vocab_size": config.text_config.vocab_size, "dtype": "bfloat16",
        "bos_token_id": chat.pad, "eos_token_id": chat.end, "tie_word_embeddings": True, "rope_theta": ROPE_THETA,
        "rope_scaling": dict(ROPE), "rope_parameters": {**ROPE, "rope_theta": ROPE_THETA},
    }  # fmt: skip
    return {
        "architectures": ["Qwen3VLForConditionalGeneration"], "model_type": "qwen3_vl", "dtype": "bfloat16",
        "image_token_id": config.image_token_id, "video_token_id": config.video_token_id,
        "vision_start_token_id": config.vision_start_token_id, "vision_end_token_id": config.vision_end_token_id,
        "eos_token_id": [chat.end, chat.pad], "pad_token_id": chat.pad, "tie_word_embeddings": True,
        "quantization": QUANTIZATION, "quantization_config": QUANTIZATION, "text_config": text,
        "vision_config": {**VISION, "model_type": "qwen3_vl"},
    }  # fmt: skip


def save(state: dict, folder: Path):
    """state: parameters by their transformers names, float32."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = tokenizer_module.build()
    tokenizer_module.save(tokenizer, folder)
    chat, config = data.Chat(tokenizer), make_config(tokenizer)
    arrays = {}
    for name, value in state.items():
        if name.startswith("lm_head"):
            continue  # tied to the embedding
        array = mx.array(value.numpy()).astype(mx.bfloat16)
        if name.endswith("patch_embed.proj.weight"):
            array = array.transpose(0, 2, 3, 4, 1)
        name = mlx_name(name)
        if is_quantized(torch_name(name)):
            codes, scales, biases = mx.quantize(array, group_size=GROUP, bits=BITS)
            stem = name.removesuffix(".weight")
            arrays |= {name: codes, stem + ".scales": scales, stem + ".biases": biases}
        else:
            arrays[name] = array
    safetensors_writer.save(folder / "model.safetensors", arrays, {"format": "mlx"})
    index = {name: "model.safetensors" for name in sorted(arrays)}
    total = sum(array.nbytes for array in arrays.values())
    write_json(folder / "model.safetensors.index.json", {"metadata": {"total_size": total}, "weight_map": index})
    write_json(folder / "config.json", configuration(config, chat))
    write_json(folder / "preprocessor_config.json", {
        "image_processor_type": "Qwen2VLImageProcessorFast", "processor_class": "Qwen3VLProcessor",
        "size": {"shortest_edge": data.MIN_PIXELS, "longest_edge": data.MAX_PIXELS}, "patch_size": VISION["patch_size"],
        "temporal_patch_size": VISION["temporal_patch_size"], "merge_size": VISION["spatial_merge_size"],
        "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5], "do_convert_rgb": True, "do_resize": True,
        "do_rescale": True, "do_normalize": True, "rescale_factor": 1 / 255, "resample": 3,
    })  # fmt: skip
    write_json(folder / "generation_config.json", {
        "bos_token_id": chat.pad, "eos_token_id": [chat.end, chat.pad], "pad_token_id": chat.pad, "do_sample": False,
        "temperature": 0.0, "max_new_tokens": 64,
    })  # fmt: skip


def load(folder: Path):
    """(forward, weights in float32 by transformers names, chat) of an exported folder."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    arrays = mx.load(str(folder / "model.safetensors"))
    weights = {}
    for name, array in arrays.items():
        stem, _, last = name.rpartition(".")
        if last in ("scales", "biases"):
            continue
        if array.dtype == mx.uint32:
            scales, biases = (arrays[f"{stem}.{part}"].astype(mx.float32) for part in ("scales", "biases"))
            array = mx.dequantize(array, scales, biases, group_size=GROUP, bits=BITS)
        if name.endswith("patch_embed.proj.weight"):
            array = array.transpose(0, 4, 1, 2, 3)
        weights[torch_name(name)] = torch.from_numpy(np.array(array.astype(mx.float32)))
    return VisionText(make_config(tokenizer)), weights, data.Chat(tokenizer)


def verify(folder: Path):
    """The folder against mlx-vlm's own classes, and our forward pass against transformers, on held-out pictures."""
    from mlx_vlm.utils import load_model

    import evaluate
    from model import check_forward

    forward, weights, chat = load(folder)
    reference = make_model(forward.config)
    reference.load_state_dict({**weights, "lm_head.weight": weights["model.language_model.embed_tokens.weight"]})
    print(f"our forward pass against transformers, dequantized weights: {check_forward(reference.eval(), forward):.2e}")
    model = load_model(folder, lazy=False, strict=True)
    exact = load_model(folder, lazy=False, strict=True)
    exact.update(dict_to_float(exact.parameters()))
    items = evaluate.held_out(seed=77, count=3) + evaluate.held_out(seed=78, count=2, with_blocks=True)
    ours = evaluate.answer(forward, weights, chat, items)
    for label, candidate in (("bfloat16", model), ("float32", exact)):
        same = sum(mlx_agrees(candidate, chat, item, text) for item, text in zip(items, ours))
        print(f"mlx-vlm in {label}: {same} of {len(items)} greedy answers equal ours", flush=True)


def dict_to_float(tree):
    """bfloat16 leaves of a parameter tree as float32; codes stay codes."""
    if isinstance(tree, dict):
        return {k: dict_to_float(v) for k, v in tree.items()}
    if isinstance(tree, list):
        return [dict_to_float(v) for v in tree]
    return tree.astype(mx.float32) if tree.dtype == mx.bfloat16 else tree


def mlx_agrees(model, chat: data.Chat, item: dict, text: str) -> bool:
    """True where an mlx-vlm model, asked after every token of `text`, would say the next one greedily."""
    picture = data.preprocess(item["picture"])
    pixels = data.normalise(torch.from_numpy(np.array(picture)[None]))
    height, width = pixels.shape[2:]
    p = VISION["patch_size"]
    rows, columns = height // p, width // p
    flat = pixels.view(3, rows // 2, 2, p, columns // 2, 2, p).permute(1, 4, 2, 5, 0, 3, 6)
    flat = flat.reshape(rows * columns, 3, 1, p, p).expand(-1, -1, 2, -1, -1).reshape(rows * columns, -1)
    question = item.get("block", "") + item["prompt"]
    prefix, spoken = chat.head() + [chat.image] * (rows * columns // 4) + chat.tail(question), chat.answer(text)
    grid = mx.array([[1, rows, columns]])
    output = model(mx.array([prefix + spoken]), mx.array(flat.numpy()), image_grid_thw=grid)
    said = mx.argmax(output.logits[0, len(prefix) - 1 : -1], axis=-1).tolist()
    return said == spoken


if __name__ == "__main__":
    if sys.argv[1] == "--verify":
        verify(Path(sys.argv[2]))
    else:
        checkpoint = torch.load(sys.argv[1], map_location="cpu")
        save(checkpoint["model"], Path(sys.argv[2]))
        size = sum(f.stat().st_size for f in Path(sys.argv[2]).iterdir())
        print(f"step {checkpoint['step']}, {size / 1e6:.2f} MB")
