"""MLX's affine quantization in torch: the same groups, scales, biases and rounding; gradients pass straight through."""

import torch

GROUP, BITS = 64, 4


def affine_parts(weight: torch.Tensor):
    """(codes, scales, biases) of weight (out, in); scales and biases as bfloat16 values in float32."""
    groups = weight.detach().to(torch.bfloat16).float().unflatten(-1, (-1, GROUP))
    low, high = groups.amin(-1, keepdim=True), groups.amax(-1, keepdim=True)
    bins = 2**BITS - 1
    scale = ((high - low) / bins).clamp(min=1e-7)
    from_low = low.abs() > high.abs()
    scale = torch.where(from_low, scale, -scale)
    edge = torch.where(from_low, low, high)
    zero = torch.round(edge / scale)
    scale = torch.where(zero != 0, edge / zero, scale)
    bias = torch.where(zero != 0, edge, torch.zeros_like(edge))
    codes = torch.round((groups - bias) / scale).clamp(0, bins)
    return codes, scale.to(torch.bfloat16).float(), bias.to(torch.bfloat16).float()


def fake_quantize(weight: torch.Tensor) -> torch.Tensor:
    codes, scale, bias = affine_parts(weight)
    rounded = (codes * scale + bias).flatten(-2)
    return weight + (rounded - weight).detach()


def is_quantized(name: str) -> bool:
    """True for the text model's linear layers and the embedding, which the export stores in 4 bits."""
    return name.startswith("model.language_model") and ("_proj." in name or "embed_tokens" in name)
