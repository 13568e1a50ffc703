"""The configuration, and a fast forward pass for batches of equal pictures.

`VisionText` computes what transformers' Qwen3VLForConditionalGeneration computes, from the same parameters
(checked by `check_forward`), but without its per-picture Python: all pictures of a batch have one size.
"""

import math

import torch
import torch.nn.functional as F
from transformers import Qwen3VLConfig, Qwen3VLForConditionalGeneration

MERGE, PATCH = 2, 16
VISION = {
    "depth": 6, "hidden_size": 160, "hidden_act": "gelu_pytorch_tanh", "intermediate_size": 480, "num_heads": 5,
    "in_channels": 3, "patch_size": PATCH, "spatial_merge_size": MERGE, "temporal_patch_size": 2,
    "out_hidden_size": 192, "num_position_embeddings": 144, "deepstack_visual_indexes": [1, 3],
    "initializer_range": 0.02,
}  # fmt: skip
TEXT = {
    "hidden_size": 192, "intermediate_size": 384, "num_hidden_layers": 4, "num_attention_heads": 6,
    "num_key_value_heads": 2, "head_dim": 32, "hidden_act": "silu", "max_position_embeddings": 4096,
    "rms_norm_eps": 1e-6, "attention_bias": False, "attention_dropout": 0.0, "initializer_range": 0.02,
    "use_cache": True,
}  # fmt: skip
ROPE = {"rope_type": "default", "mrope_section": [6, 5, 5], "mrope_interleaved": True}
ROPE_THETA = 10000.0


def make_config(tokenizer) -> Qwen3VLConfig:
    token = tokenizer.token_to_id
    vocab = math.ceil(tokenizer.get_vocab_size() / 64) * 64
    return Qwen3VLConfig(
        text_config={**TEXT, "vocab_size": vocab, "tie_word_embeddings": True, "rope_parameters": {**ROPE, "rope_theta": ROPE_THETA}},
        vision_config=dict(VISION), tie_word_embeddings=True,
        image_token_id=token("<|image_pad|>"), video_token_id=token("<|video_pad|>"),
        vision_start_token_id=token("<|vision_start|>"), vision_end_token_id=token("<|vision_end|>"),
    )  # fmt: skip


def make_model(config) -> Qwen3VLForConditionalGeneration:
    return Qwen3VLForConditionalGeneration._from_config(config, attn_implementation="eager")


def _swap(x):
    return x.unflatten(-1, (2, -1)).flip(-2).flatten(-2)


class _Rotate(torch.autograd.Function):
    """x * cos + (-x2, x1) * sin, in three passes over memory; sin carries the sign in its first half."""

    @staticmethod
    def forward(context, x, cos, sin):
        context.save_for_backward(cos, sin)
        return torch.addcmul(x * cos, _swap(x), sin)

    @staticmethod
    def backward(context, g):
        cos, sin = context.saved_tensors
        return torch.addcmul(g * cos, _swap(g), _swap(sin)), None, None


def _signed(sin):
    half = sin.shape[-1] // 2
    return torch.cat((-sin[..., :half], sin[..., half:]), -1)


class _RmsNorm(torch.autograd.Function):
    """Qwen3VLTextRMSNorm with one pass for the norm; the result has x's type."""

    @staticmethod
    def forward(context, x, weight):
        scale = torch.linalg.vector_norm(x, dim=-1, keepdim=True, dtype=torch.float32)
        scale = (scale.square() / x.shape[-1] + 1e-6).rsqrt()
        unit = x * scale.to(x.dtype) if x.dtype == torch.float32 else (x * scale).to(x.dtype)
        context.save_for_backward(unit, scale, weight)
        return unit * weight.to(x.dtype)

    @staticmethod
    def backward(context, g):
        unit, scale, weight = context.saved_tensors
        product = g * unit
        grad_weight = product.flatten(0, -2).sum(0, dtype=torch.float32)
        inner = (product @ weight.to(g.dtype))[..., None] / g.shape[-1]
        return torch.addcmul(g * weight.to(g.dtype), unit, inner, value=-1).mul_(scale.to(g.dtype)), grad_weight.to(
            weight.dtype
        )


def rms(x, weight):
    return _RmsNorm.apply(x, weight)


def _attend(q, k, v, mask=None):
    """q comes scaled. The softmax computes in float32 for input of any type."""
    scores = q @ k.transpose(-1, -2)
    if mask is not None:
        scores = scores + mask.to(scores.dtype)
    return torch.softmax(scores, -1) @ v


def vision_block(x, cos, sin, heads: int, n1w, n1b, qkvw, qkvb, pw, pb, n2w, n2b, f1w, f1b, f2w, f2b):
    """cos, sin: (patches, head size), sin signed as _Rotate wants it."""
    batch, length, width = x.shape
    h = F.layer_norm(x, (width,), n1w, n1b, 1e-6)
    qkv = F.linear(h, qkvw, qkvb).view(batch, length, 3, heads, width // heads)
    qk = _Rotate.apply(qkv[:, :, :2], cos[:, None, None], sin[:, None, None])
    q, k, v = (t.transpose(1, 2) for t in (qk[:, :, 0] * (width // heads) ** -0.5, qk[:, :, 1], qkv[:, :, 2]))
    out = _attend(q, k, v).transpose(1, 2).reshape(batch, length, width)
    x = x + F.linear(out, pw, pb)
    h = F.layer_norm(x, (width,), n2w, n2b, 1e-6)
    h = F.gelu(F.linear(h, f1w, f1b), approximate="tanh")
    return x + F.linear(h, f2w, f2b)


def text_block(x, cos, sin, mask, heads: int, groups: int, n1, qw, kw, vw, ow, qn, kn, n2, gw, uw, dw):
    batch, length, _ = x.shape
    dim = qw.shape[0] // heads
    h = rms(x, n1)
    cos, sin = cos[:, None], sin[:, None]
    q = _Rotate.apply(rms(F.linear(h, qw).view(batch, length, heads, dim), qn), cos, sin).transpose(1, 2)
    k = _Rotate.apply(rms(F.linear(h, kw).view(batch, length, groups, dim), kn), cos, sin).transpose(1, 2)
    v = F.linear(h, vw).view(batch, length, groups, dim).transpose(1, 2)
    if length > 128:  # as below, without the table of all pairs of tokens
        out = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
    else:
        # The query heads of one key head stand below each other: one product a group, nothing repeated.
        q = (q * dim**-0.5).reshape(batch, groups, heads // groups * length, dim)
        out = _attend(q, k, v, mask).view(batch, heads, length, dim)
    out = out.transpose(1, 2).reshape(batch, length, heads * dim)
    x = x + F.linear(out, ow)
    h = rms(x, n2)
    h = F.silu(F.linear(h, gw)) * F.linear(h, uw)
    return x + F.linear(h, dw)


def merger(x, after: bool, nw, nb, f1w, f1b, f2w, f2b):
    batch, length, width = x.shape
    wide = width * MERGE**2
    if after:
        h = F.layer_norm(x.reshape(batch, length // MERGE**2, wide), (wide,), nw, nb, 1e-6)
    else:
        h = F.layer_norm(x, (width,), nw, nb, 1e-6).reshape(batch, length // MERGE**2, wide)
    return F.linear(F.gelu(F.linear(h, f1w, f1b)), f2w, f2b)


VISION_NAMES = (
    "norm1.weight", "norm1.bias", "attn.qkv.weight", "attn.qkv.bias", "attn.proj.weight", "attn.proj.bias", "norm2.weight",
    "norm2.bias", "mlp.linear_fc1.weight", "mlp.linear_fc1.bias", "mlp.linear_fc2.weight", "mlp.linear_fc2.bias",
)  # fmt: skip
TEXT_NAMES = (
    "input_layernorm.weight", "self_attn.q_proj.weight", "self_attn.k_proj.weight", "self_attn.v_proj.weight",
    "self_attn.o_proj.weight", "self_attn.q_norm.weight", "self_attn.k_norm.weight", "post_attention_layernorm.weight",
    "mlp.gate_proj.weight", "mlp.up_proj.weight", "mlp.down_proj.weight",
)  # fmt: skip
MERGER_NAMES = (
    "norm.weight",
    "norm.bias",
    "linear_fc1.weight",
    "linear_fc1.bias",
    "linear_fc2.weight",
    "linear_fc2.bias",
)


def patch_order(rows: int, columns: int) -> torch.Tensor:
    """(rows*columns, 2): row and column of every patch, in the order the model takes them (2 by 2)."""
    grid = torch.stack(torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij"), -1)
    grid = grid.view(rows // MERGE, MERGE, columns // MERGE, MERGE, 2).permute(0, 2, 1, 3, 4)
    return grid.reshape(-1, 2)


class VisionText:
    """Forward pass over a dictionary of parameters named as in the transformers model."""

    def __init__(self, config):
        self.config, self.vision, self.text = config, config.vision_config, config.text_config
        self._places: dict = {}

    def _vision_places(self, rows, columns):
        """Rotary cosines and sines, and bilinear indices and weights into the position table."""
        key = (rows, columns)
        if key not in self._places:
            order = patch_order(rows, columns)
            dim = self.vision.hidden_size // self.vision.num_heads // 2
            inverse = 1.0 / 10000.0 ** (torch.arange(0, dim, 2).float() / dim)
            angles = (order[:, :, None].float() * inverse).flatten(1)
            angles = torch.cat((angles, angles), -1)
            side = int(self.vision.num_position_embeddings**0.5)
            r, c = torch.linspace(0, side - 1, rows)[order[:, 0]], torch.linspace(0, side - 1, columns)[order[:, 1]]
            r0, c0 = r.long(), c.long()
            r1, c1 = (r0 + 1).clamp(max=side - 1), (c0 + 1).clamp(max=side - 1)
            fr, fc = r - r0, c - c0
            indices = torch.stack((r0 * side + c0, r0 * side + c1, r1 * side + c0, r1 * side + c1))
            weights = torch.stack(((1 - fr) * (1 - fc), (1 - fr) * fc, fr * (1 - fc), fr * fc))
            self._places[key] = angles.cos(), _signed(angles.sin()), indices, weights[:, :, None]
        return self._places[key]

    def see(self, w: dict, pixels: torch.Tensor, merged: bool = True, detached: bool = False):
        """pixels (B, 3, H, W) in -1..1. Returns merged features, DeepStack features, and patch states before the
        merger; merged=False: the last alone; detached: no gradient from the mergers to the blocks."""
        aside = torch.Tensor.detach if detached else (lambda x: x)
        batch, channels, height, width = pixels.shape
        rows, columns = height // PATCH, width // PATCH
        patches = pixels.view(batch, channels, rows // 2, 2, PATCH, columns // 2, 2, PATCH)
        patches = patches.permute(0, 2, 5, 3, 6, 1, 4, 7).reshape(batch, rows * columns, -1)
        kernel = w["model.visual.patch_embed.proj.weight"].sum(2).flatten(1)  # both frames are this picture
        x = F.linear(patches.to(kernel.dtype), kernel, w["model.visual.patch_embed.proj.bias"])
        cos, sin, indices, weights = self._vision_places(rows, columns)
        x = x + (w["model.visual.pos_embed.weight"].float()[indices] * weights).sum(0).to(x.dtype)
        cos, sin = cos.to(x.dtype), sin.to(x.dtype)
        levels = []
        for i in range(self.vision.depth):
            x = vision_block(
                x, cos, sin, self.vision.num_heads, *(w[f"model.visual.blocks.{i}.{n}"] for n in VISION_NAMES)
            )
            if merged and i in self.vision.deepstack_visual_indexes:
                name = f"model.visual.deepstack_merger_list.{len(levels)}."
                levels.append(merger(aside(x), True, *(w[name + n] for n in MERGER_NAMES)))
        if not merged:
            return x
        return merger(aside(x), False, *(w["model.visual.merger." + n] for n in MERGER_NAMES)), levels, x

    def _text_places(self, length, start, rows, columns):
        """Rotary tables of a sequence whose picture begins at `start` (merged grid rows x columns)."""
        key = ("text", length, start, rows, columns)
        if key not in self._places:
            count = rows * columns
            places = torch.arange(length).expand(3, -1).clone()
            places[0, start : start + count] = start
            places[1, start : start + count] = start + torch.arange(count) // columns
            places[2, start : start + count] = start + torch.arange(count) % columns
            places[:, start + count :] = torch.arange(length - start - count) + start + max(rows, columns)
            inverse = 1.0 / ROPE_THETA ** (torch.arange(0, self.text.head_dim, 2).float() / self.text.head_dim)
            angles = places[:, :, None].float() * inverse
            mixed = angles[0].clone()
            for axis in (1, 2):
                chosen = slice(axis, ROPE["mrope_section"][axis] * 3, 3)
                mixed[:, chosen] = angles[axis][:, chosen]
            mixed = torch.cat((mixed, mixed), -1)
            ratio = self.text.num_attention_heads // self.text.num_key_value_heads
            mask = torch.full((length, length), -1e9).triu(1).repeat(ratio, 1)
            self._places[key] = mixed.cos(), _signed(mixed.sin()), mask
        return self._places[key]

    def read(self, w: dict, ids, features, levels, start, rows, columns):
        """ids (B, L) with the picture's tokens at `start`; returns hidden states after the last norm."""
        count = rows * columns
        x = w["model.language_model.embed_tokens.weight"][ids]
        x = torch.cat((x[:, :start], features, x[:, start + count :]), 1)
        cos, sin, mask = self._text_places(ids.shape[1], start, rows, columns)
        cos, sin, mask = (t.to(x.dtype) for t in (cos, sin, mask))
        for i in range(self.text.num_hidden_layers):
            weights = (w[f"model.language_model.layers.{i}.{n}"] for n in TEXT_NAMES)
            x = text_block(x, cos, sin, mask, self.text.num_attention_heads, self.text.num_key_value_heads, *weights)
            if i < len(levels):
                x = torch.cat((x[:, :start], x[:, start : start + count] + levels[i], x[:, start + count :]), 1)
        return rms(x, w["model.language_model.norm.weight"])

    def logits(self, w: dict, hidden):
        head = w["model.language_model.embed_tokens.weight"]
        return F.linear(hidden.to(head.dtype), head).float()


def check_forward(model, forward: VisionText) -> float:
    """Largest difference of logits from transformers on one random picture."""
    config, (height, width) = model.config, (96, 160)
    generator = torch.Generator().manual_seed(0)
    pixels = torch.rand(1, 3, height, width, generator=generator) * 2 - 1
    rows, columns = height // PATCH, width // PATCH
    merged = rows * columns // 4
    ids = torch.cat((torch.arange(4), torch.full((merged,), config.image_token_id), torch.arange(20, 40)))[None]
    flat = pixels.view(3, rows // 2, 2, PATCH, columns // 2, 2, PATCH).permute(1, 4, 2, 5, 0, 3, 6)
    flat = flat.reshape(rows * columns, 3, 1, PATCH, PATCH).expand(-1, -1, 2, -1, -1).reshape(rows * columns, -1)
    weights = dict(model.named_parameters())
    with torch.no_grad():
        expected = model(
            input_ids=ids, pixel_values=flat, image_grid_thw=torch.tensor([[1, rows, columns]]),
            mm_token_type_ids=(ids == config.image_token_id).int(),
        ).logits  # fmt: skip
        features, levels, _ = forward.see(weights, pixels)
        hidden = forward.read(weights, ids, features, levels, 4, rows // 2, columns // 2)
        return (forward.logits(weights, hidden) - expected).abs().max().item()
