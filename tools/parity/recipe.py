"""The recipe of the random Qwen3-VL models: the same bits here and in testing/random_model.cpp.

README.md next to this file has the formulas. Commands (in an environment with numpy):

    python3 recipe.py                 prints the fingerprints that tests/hub/random_model_test.cpp holds
    python3 recipe.py --check FOLDER  compares a checkpoint written by oko with the recipe, bit by bit
"""

import argparse
import json
import math
import pathlib
import struct

import numpy as np

GOLDEN_GAMMA = 0x9E3779B97F4A7C15
MASK64 = (1 << 64) - 1
GROUP_SIZE = 64
CHUNK = 1 << 22

# Qwen3's added tokens, in the order of their ids.
SPECIAL_TOKENS = [
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>",
    "<|box_start|>", "<|box_end|>", "<|quad_start|>", "<|quad_end|>", "<|vision_start|>",
    "<|vision_end|>", "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>", "<tool_call>",
    "</tool_call>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>",
    "<|repo_name|>", "<|file_sep|>", "<tool_response>", "</tool_response>", "<think>", "</think>",
]


def fnv1a64(text):
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = ((value ^ byte) * 0x100000001B3) & MASK64
    return value


def hashes(name, seed, begin, end):
    """The 64-bit hashes of elements [begin, end) of tensor `name`."""
    base = fnv1a64(name) ^ ((seed * GOLDEN_GAMMA) & MASK64)
    with np.errstate(over="ignore"):
        h = np.arange(begin + 1, end + 1, dtype=np.uint64) * np.uint64(GOLDEN_GAMMA)
        h += np.uint64(base)
        h = (h ^ (h >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        h = (h ^ (h >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return h ^ (h >> np.uint64(31))


def units(name, seed, begin, end):
    """f32 multiples of 2^-23 in [-1, 1)."""
    k = (hashes(name, seed, begin, end) >> np.uint64(40)).astype(np.int32) - (1 << 23)
    return k.astype(np.float32) * np.float32(2.0**-23)


def to_bf16(values):
    """f32 -> the upper 16 bits, to nearest, ties to even."""
    bits = values.astype(np.float32).view(np.uint32)
    return ((bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16)).astype(np.uint16)


def from_bf16(bits):
    return (bits.astype(np.uint32) << np.uint32(16)).view(np.float32)


class Tensor:
    """One tensor of a checkpoint. kind: linear, norm, bias, positions, codes, scales, offsets."""

    def __init__(self, name, dtype, shape, kind, fan_in=0, bits=0):
        self.name, self.dtype, self.shape, self.kind = name, dtype, tuple(shape), kind
        self.fan_in, self.bits = fan_in, bits

    def size(self):
        return math.prod(self.shape)

    def _values(self, seed, begin, end):
        u = units(self.name, seed, begin, end)
        if self.kind == "linear":
            return u * np.float32(math.sqrt(3.0 / self.fan_in))
        if self.kind == "norm":
            return np.float32(1) + np.float32(0.125) * u
        if self.kind == "bias":
            return np.float32(0.0625) * u
        if self.kind == "positions":
            return np.float32(0.5) * u
        step = 1.0 / ((4.6 if self.bits == 4 else 73.9) * math.sqrt(self.fan_in))
        if self.kind == "scales":
            return np.float32(step) * (np.float32(1) + np.float32(0.25) * u)
        middle = -(2**self.bits - 1) / 2.0 * step
        return np.float32(middle) * (np.float32(1) + np.float32(0.125) * u)

    def stored(self, seed, limit=None):
        """The elements as the file holds them: f32, bf16 bits as u16, or u32."""
        size = self.size() if limit is None else min(limit, self.size())
        out = np.empty(size, {"F32": np.float32, "BF16": np.uint16, "U32": np.uint32}[self.dtype])
        for begin in range(0, size, CHUNK):
            end = min(size, begin + CHUNK)
            if self.dtype == "U32":
                out[begin:end] = hashes(self.name, seed, begin, end) >> np.uint64(32)
            else:
                values = self._values(seed, begin, end)
                out[begin:end] = values if self.dtype == "F32" else to_bf16(values)
        return out.reshape(self.shape) if limit is None else out

    def values(self, seed):
        """The elements as f32."""
        stored = self.stored(seed)
        return from_bf16(stored) if self.dtype == "BF16" else stored


TEXT_4B = dict(
    hidden_size=2560, num_hidden_layers=36, num_attention_heads=32, num_key_value_heads=8, head_dim=128,
    intermediate_size=9728, vocab_size=151936, mrope_section=[24, 20, 20], rope_theta=5000000,
    max_position_embeddings=262144)
VISION_4B = dict(
    depth=24, hidden_size=1024, num_heads=16, intermediate_size=4096, num_position_embeddings=2304,
    deepstack_visual_indexes=[5, 11, 17])
# A low rope_theta, so that a few positions suffice to tell the sections of the slow frequencies apart.
TEXT_SMALL = dict(
    hidden_size=128, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=2, head_dim=32,
    intermediate_size=256, vocab_size=1024, mrope_section=[8, 4, 4], rope_theta=1000,
    max_position_embeddings=4096)
VISION_SMALL = dict(
    depth=4, hidden_size=64, num_heads=4, intermediate_size=128, num_position_embeddings=64,
    deepstack_visual_indexes=[1, 2])

# first_special: id of <|endoftext|>. layers: how the layers that differ from 4 bits are stored.
SHAPES = {
    "qwen3-vl-4b": dict(
        text=TEXT_4B, vision=VISION_4B, quantized=True, layers={}, first_special=151643, min_pixels=65536),
    "qwen3-vl-4b-2layer": dict(
        text=dict(TEXT_4B, num_hidden_layers=2, vocab_size=8192),
        vision=dict(VISION_4B, depth=2, deepstack_visual_indexes=[0]),
        quantized=True, layers={}, first_special=8192 - 26, min_pixels=1024),
    "qwen3-vl-small-f32": dict(
        text=TEXT_SMALL, vision=VISION_SMALL, quantized=False, layers={}, first_special=1024 - 26, min_pixels=1024),
    "qwen3-vl-small-4bit": dict(
        text=TEXT_SMALL, vision=VISION_SMALL, quantized=True, first_special=1024 - 26, min_pixels=1024,
        layers={
            "language_model.model.layers.1.mlp.down_proj": False,
            "language_model.model.layers.2.mlp.down_proj": dict(group_size=64, bits=8),
        }),
}


def special_id(shape, token):
    return SHAPES[shape]["first_special"] + SPECIAL_TOKENS.index(token)


def make_config(shape):
    """The config.json of the checkpoint: readable by transformers 5 and by mlx-vlm."""
    s = SHAPES[shape]
    text = {k: v for k, v in s["text"].items() if k != "mrope_section"}
    config = dict(
        architectures=["Qwen3VLForConditionalGeneration"],
        model_type="qwen3_vl",
        image_token_id=special_id(shape, "<|image_pad|>"),
        video_token_id=special_id(shape, "<|video_pad|>"),
        vision_start_token_id=special_id(shape, "<|vision_start|>"),
        vision_end_token_id=special_id(shape, "<|vision_end|>"),
        tie_word_embeddings=True,
        text_config=dict(
            text, model_type="qwen3_vl_text", attention_bias=False, attention_dropout=0.0, hidden_act="silu",
            initializer_range=0.02, rms_norm_eps=1e-6, tie_word_embeddings=True, use_cache=True,
            bos_token_id=s["first_special"], eos_token_id=special_id(shape, "<|im_end|>"),
            dtype="bfloat16" if s["quantized"] else "float32",
            rope_scaling=dict(
                mrope_interleaved=True, mrope_section=s["text"]["mrope_section"], rope_type="default")),
        vision_config=dict(
            s["vision"], model_type="qwen3_vl", hidden_act="gelu_pytorch_tanh", in_channels=3,
            initializer_range=0.02, out_hidden_size=s["text"]["hidden_size"], patch_size=16, spatial_merge_size=2,
            temporal_patch_size=2),
    )
    if s["quantized"]:
        config["quantization"] = dict(group_size=GROUP_SIZE, bits=4, mode="affine", **s["layers"])
        config["quantization_config"] = config["quantization"]
    return config


def tensors(shape):
    """Every tensor of the checkpoint."""
    s = SHAPES[shape]
    text, vision = s["text"], s["vision"]
    dense = "BF16" if s["quantized"] else "F32"
    out = []

    def add_text_linear(path, rows, columns):
        how = s["layers"].get(path, dict(group_size=GROUP_SIZE, bits=4)) if s["quantized"] else False
        if how is False:
            out.append(Tensor(path + ".weight", dense, (rows, columns), "linear", columns))
            return
        bits, groups = how["bits"], columns // how["group_size"]
        out.append(Tensor(path + ".weight", "U32", (rows, columns * bits // 32), "codes", columns, bits))
        out.append(Tensor(path + ".scales", "BF16", (rows, groups), "scales", columns, bits))
        out.append(Tensor(path + ".biases", "BF16", (rows, groups), "offsets", columns, bits))

    def add_norm(path, size, bias):
        out.append(Tensor(path + ".weight", dense, (size,), "norm"))
        if bias:
            out.append(Tensor(path + ".bias", dense, (size,), "bias"))

    def add_vision_linear(path, rows, columns):
        out.append(Tensor(path + ".weight", dense, (rows, columns), "linear", columns))
        out.append(Tensor(path + ".bias", dense, (rows,), "bias"))

    hidden, head_dim = text["hidden_size"], text["head_dim"]
    add_text_linear("language_model.model.embed_tokens", text["vocab_size"], hidden)
    for i in range(text["num_hidden_layers"]):
        layer = f"language_model.model.layers.{i}."
        add_norm(layer + "input_layernorm", hidden, False)
        add_text_linear(layer + "self_attn.q_proj", text["num_attention_heads"] * head_dim, hidden)
        add_text_linear(layer + "self_attn.k_proj", text["num_key_value_heads"] * head_dim, hidden)
        add_text_linear(layer + "self_attn.v_proj", text["num_key_value_heads"] * head_dim, hidden)
        add_text_linear(layer + "self_attn.o_proj", hidden, text["num_attention_heads"] * head_dim)
        add_norm(layer + "self_attn.q_norm", head_dim, False)
        add_norm(layer + "self_attn.k_norm", head_dim, False)
        add_norm(layer + "post_attention_layernorm", hidden, False)
        add_text_linear(layer + "mlp.gate_proj", text["intermediate_size"], hidden)
        add_text_linear(layer + "mlp.up_proj", text["intermediate_size"], hidden)
        add_text_linear(layer + "mlp.down_proj", hidden, text["intermediate_size"])
    add_norm("language_model.model.norm", hidden, False)

    width = vision["hidden_size"]
    patch = (width, 2, 16, 16, 3)
    out.append(Tensor("vision_tower.patch_embed.proj.weight", dense, patch, "linear", 1536))
    out.append(Tensor("vision_tower.patch_embed.proj.bias", dense, (width,), "bias"))
    out.append(Tensor("vision_tower.pos_embed.weight", dense,
                      (vision["num_position_embeddings"], width), "positions"))
    for i in range(vision["depth"]):
        block = f"vision_tower.blocks.{i}."
        add_norm(block + "norm1", width, True)
        add_vision_linear(block + "attn.qkv", 3 * width, width)
        add_vision_linear(block + "attn.proj", width, width)
        add_norm(block + "norm2", width, True)
        add_vision_linear(block + "mlp.linear_fc1", vision["intermediate_size"], width)
        add_vision_linear(block + "mlp.linear_fc2", width, vision["intermediate_size"])
    mergers = [("vision_tower.merger.", width)]
    mergers += [(f"vision_tower.deepstack_merger_list.{i}.", 4 * width)
                for i in range(len(vision["deepstack_visual_indexes"]))]
    for merger, norm_width in mergers:
        add_norm(merger + "norm", norm_width, True)
        add_vision_linear(merger + "linear_fc1", 4 * width, 4 * width)
        add_vision_linear(merger + "linear_fc2", hidden, 4 * width)
    return out


def unpack(words, bits):
    """u32 words [rows, n] -> codes [rows, n * 32 / bits]: element 0 in the lowest bits."""
    shifts = np.arange(0, 32, bits, dtype=np.uint32)
    codes = (words[:, :, None] >> shifts) & np.uint32(2**bits - 1)
    return codes.reshape(words.shape[0], -1)


def dequantize(words, scales, biases, bits):
    """scale * code + bias in f32."""
    codes = unpack(words, bits).astype(np.float32).reshape(*scales.shape, -1)
    return (scales[..., None] * codes + biases[..., None]).reshape(scales.shape[0], -1)


def picture(width, height, index=0):
    """The test picture: uint8 [height, width, 3]."""
    x = np.arange(width, dtype=np.int64)[None, :]
    y = np.arange(height, dtype=np.int64)[:, None]
    red = x * 7 + y * 3 + index * 50
    green = x * x + y * 5 + index * 31
    blue = x * y + x * 13 + index * 17
    return np.stack([red & 255, green & 255, blue & 255], axis=-1).astype(np.uint8)


def fnv1a64_bytes(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) & MASK64
    return value


def read_safetensors(folder):
    """name -> (dtype, shape, memory-mapped bytes) of every shard in `folder`."""
    found = {}
    for path in sorted(pathlib.Path(folder).glob("model*.safetensors")):
        data = np.memmap(path, dtype=np.uint8, mode="r")
        (length,) = struct.unpack("<Q", data[:8].tobytes())
        header = json.loads(data[8 : 8 + length].tobytes())
        for name, info in header.items():
            if name != "__metadata__":
                begin, end = info["data_offsets"]
                found[name] = (info["dtype"], tuple(info["shape"]), data[8 + length + begin : 8 + length + end])
    return found


def check(folder, seed):
    folder = pathlib.Path(folder)
    config = json.loads((folder / "config.json").read_text())
    shape = next((name for name in SHAPES if make_config(name) == config), None)
    if shape is None:
        raise SystemExit(f"{folder}/config.json is not that of any shape")
    found = read_safetensors(folder)
    expected = tensors(shape)
    if set(found) != {t.name for t in expected}:
        raise SystemExit(f"other tensors: {set(found) ^ {t.name for t in expected}}")
    for t in expected:
        dtype, tensor_shape, data = found[t.name]
        if (dtype, tensor_shape) != (t.dtype, t.shape):
            raise SystemExit(f"{t.name}: {dtype} {tensor_shape}, not {t.dtype} {t.shape}")
        if not np.array_equal(np.asarray(data), t.stored(seed).reshape(-1).view(np.uint8)):
            raise SystemExit(f"{t.name}: other bits")
    print(f"{folder}: {shape}, seed {seed}: {len(expected)} tensors equal the recipe")


def print_fingerprints():
    """FNV-1a of the first 64 KiB of one tensor of each kind."""
    wanted = [
        ("qwen3-vl-small-f32", "language_model.model.embed_tokens.weight"),
        ("qwen3-vl-small-f32", "language_model.model.layers.3.self_attn.q_norm.weight"),
        ("qwen3-vl-small-f32", "vision_tower.patch_embed.proj.weight"),
        ("qwen3-vl-small-f32", "vision_tower.pos_embed.weight"),
        ("qwen3-vl-small-f32", "vision_tower.deepstack_merger_list.1.norm.bias"),
        ("qwen3-vl-small-4bit", "language_model.model.embed_tokens.scales"),
        ("qwen3-vl-small-4bit", "language_model.model.layers.0.mlp.down_proj.weight"),
        ("qwen3-vl-small-4bit", "language_model.model.layers.0.mlp.down_proj.biases"),
        ("qwen3-vl-small-4bit", "language_model.model.layers.1.mlp.down_proj.weight"),
        ("qwen3-vl-small-4bit", "language_model.model.layers.2.mlp.down_proj.weight"),
        ("qwen3-vl-small-4bit", "language_model.model.layers.2.mlp.down_proj.biases"),
        ("qwen3-vl-small-4bit", "vision_tower.blocks.3.attn.qkv.weight"),
    ]
    for shape, name in wanted:
        tensor = next(t for t in tensors(shape) if t.name == name)
        data = tensor.stored(1).reshape(-1).view(np.uint8)[:65536].tobytes()
        print(f'{{"{shape}", "{name}", 0x{fnv1a64_bytes(data):016x}}},')


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", metavar="FOLDER")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    if arguments.check:
        check(arguments.check, arguments.seed)
    else:
        print_fingerprints()
