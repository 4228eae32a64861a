"""Root-mean-square normalisation, alone or together with the residual addition before it."""

from __future__ import annotations

import torch
from torch import Tensor


class RMSNorm:
    """x / sqrt(mean(x²) + eps) · weight over the last dimension, computed in float32."""

    def __init__(self, weight: Tensor, eps: float) -> None:
        """weight: (width,); kept in float32."""
        self.weight = weight.float()
        self.eps = eps

    @property
    def num_parameters(self) -> int:
        return self.weight.numel()

    @property
    def nbytes(self) -> int:
        return self.weight.nbytes

    def __call__(self, x: Tensor) -> Tensor:
        """x (..., width) → same shape and dtype."""
        wide = x.float()
        return (wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + self.eps) * self.weight).to(x.dtype)

    def add(self, x: Tensor, residual: Tensor) -> tuple[Tensor, Tensor]:
        """(normalised sum, sum) of `x` and `residual`; neither is modified."""
        total = x + residual
        return self(total), total
