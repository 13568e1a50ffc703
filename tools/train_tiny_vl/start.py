"""The weights before the first step. A vision transformer begins as a weak, slow learner: this gives it the two
things a convolutional network has for nothing, decorrelated pixels and a view of the neighbourhood."""

import torch

import data
from model import PATCH, VISION


@torch.no_grad()
def start_white(model, chat: data.Chat, seed: int):
    """Patch embedding = whitened principal components of training patches, so that no direction (least of all the
    brightness of the ground) drowns the strokes of a letter."""
    patches = []
    for index in range(24):
        pixels = data.normalise(data.make_batch(chat, seed, -1 - index, 16, early=0).pixels)
        tiles = pixels.unfold(2, PATCH, PATCH).unfold(3, PATCH, PATCH)
        patches.append(tiles.permute(0, 2, 3, 1, 4, 5).reshape(-1, 3 * PATCH * PATCH))
    rows = torch.cat(patches)
    mean = rows.mean(0)
    rows = rows - mean
    values, vectors = torch.linalg.eigh(rows.T @ rows / len(rows))
    values, vectors = values.flip(0), vectors.flip(1)
    width = VISION["hidden_size"]
    kernel = vectors[:, :width].T / (values[:width] + 0.02).sqrt()[:, None]
    turn = torch.linalg.qr(torch.randn(width, width))[0]  # no channel is louder than another
    kernel = turn @ kernel
    projection = model.model.visual.patch_embed.proj
    projection.weight.copy_(kernel.view(width, 3, 1, PATCH, PATCH).expand(-1, -1, 2, -1, -1) / 2)
    projection.bias.copy_(-kernel @ mean)


@torch.no_grad()
def start_local(model, layers: int = 4, sharpness: float = 4.0):
    """A beginning like a convolution's: the heads of the first vision layers look at a patch's neighbours.

    With constant query and key biases the rotary score depends on the offset alone and peaks where the query's
    bias is turned to: left, right, up, down and the patch itself. Training may change all of it.
    """
    for name, parameter in model.named_parameters():
        if parameter.ndim == 2 and ("blocks." in name or ".layers." in name or "linear_fc" in name):
            gain = (
                0.4
                if name.endswith(("attn.proj.weight", "o_proj.weight", "down_proj.weight", "mlp.linear_fc2.weight"))
                else 0.8
            )
            torch.nn.init.normal_(parameter, std=gain * parameter.shape[1] ** -0.5)
    heads, dim = VISION["num_heads"], VISION["hidden_size"] // VISION["num_heads"]
    quarter = dim // 4
    frequency = 10000.0 ** (-torch.arange(quarter).float() / quarter)
    strength = sharpness * frequency**0.25
    for layer in range(layers):
        bias = torch.zeros(3, heads, dim)
        for head, (rows, columns) in enumerate(((0, -1), (0, 1), (-1, 0), (1, 0), (0, 0))):
            turn = torch.cat((rows * frequency, columns * frequency))
            size = strength.repeat(2) * (1.0 if head < 4 else 0.5)
            bias[0, head] = torch.cat((size * turn.cos(), size * turn.sin()))
            bias[1, head, : dim // 2] = size
        model.model.visual.blocks[layer].attn.qkv.bias.copy_(bias.flatten())
