"""Muon (Jordan 2024) as torch.optim.Muon has it, but in float32 and with matrices of one shape together.

torch's computes in bfloat16, one matrix at a time: without instructions for bfloat16 that takes longer than the
whole forward pass of this small model.
"""

from collections import defaultdict

import torch

COEFFICIENTS, STEPS = (3.4445, -4.775, 2.0315), 5


def orthogonalised(matrices: torch.Tensor) -> torch.Tensor:
    """(n, rows, columns) -> the same shape, singular values brought near 1 by Newton-Schulz steps."""
    a, b, c = COEFFICIENTS
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if tall else matrices
    x = x / x.flatten(1).norm(dim=1).clamp(min=1e-7)[:, None, None]
    for _ in range(STEPS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.mT if tall else x


class Muon(torch.optim.Optimizer):
    """Step sizes match AdamW's: an update has a root mean square of about 0.2 * lr."""

    def __init__(self, matrices, lr: float, weight_decay: float, momentum: float):
        super().__init__(matrices, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            shapes = defaultdict(list)
            for matrix in group["params"]:
                if matrix.grad is not None:
                    shapes[tuple(matrix.shape)].append(matrix)
            for (rows, columns), matrices in shapes.items():
                updates = torch.stack([self._nesterov(matrix, group["momentum"]) for matrix in matrices])
                size = 0.2 * max(rows, columns) ** 0.5
                for matrix, update in zip(matrices, orthogonalised(updates)):
                    matrix.mul_(1 - group["lr"] * group["weight_decay"])
                    matrix.add_(update, alpha=-group["lr"] * size)

    def _nesterov(self, matrix, momentum: float) -> torch.Tensor:
        state = self.state[matrix]
        if not state:
            state["momentum"] = torch.zeros_like(matrix)
        state["momentum"].lerp_(matrix.grad, 1 - momentum)
        return matrix.grad.lerp(state["momentum"], momentum)
