"""Root-mean-square normalisation, alone or together with the residual addition before it."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.kernels import torch_ops


class RMSNorm:
    """x / sqrt(mean(x²) + eps) · weight over the last dimension, computed in float32."""

    def __init__(self, weight: Tensor, eps: float) -> None:
        """weight: (width,); kept in float32."""
        self.weight = weight.float().contiguous()
        self.eps = eps
        width = self.weight.numel()
        self._scaled_weight = self.weight * width**0.5
        self._floor = torch.tensor((eps * width) ** 0.5, device=self.weight.device)

    @property
    def num_parameters(self) -> int:
        return self.weight.numel()

    @property
    def nbytes(self) -> int:
        return self.weight.nbytes

    def __call__(self, x: Tensor) -> Tensor:
        """x (..., width) → same shape and dtype."""
        if torch_ops.takes(x):
            return torch_ops.rms_norm(x, self.weight, self.eps)
        wide = x.float()
        length = torch.hypot(torch.linalg.vector_norm(wide, dim=-1, keepdim=True), self._floor)
        return (wide / length * self._scaled_weight).to(x.dtype)  # √n · x / √(Σ x² + n · eps): few operations

    def add(self, x: Tensor, residual: Tensor) -> tuple[Tensor, Tensor]:
        """(normalised sum, sum) of `x` and `residual`, each (T, width); neither is modified."""
        if torch_ops.takes(x, residual):
            return torch_ops.add_rms_norm(x, residual, self.weight, self.eps)
        total = x + residual
        return self(total), total
