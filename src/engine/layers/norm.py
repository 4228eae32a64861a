"""Root-mean-square normalisation, alone or together with the residual addition before it."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.kernels import native


class RMSNorm:
    """x / sqrt(mean(x²) + eps) · weight over the last dimension, computed in float32."""

    def __init__(self, weight: Tensor, eps: float) -> None:
        """weight: (width,); kept in float32."""
        self.weight = weight.float().contiguous()
        self._address = self.weight.data_ptr()
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
        library = native() if x.dtype is torch.float32 and x.device.type == "cpu" and x.dim() <= 3 else None
        if library is None:
            wide = x.float()
            length = torch.hypot(torch.linalg.vector_norm(wide, dim=-1, keepdim=True), self._floor)
            return (wide / length * self._scaled_weight).to(x.dtype)  # √n · x / √(Σ x² + n · eps): few operations
        if x.dim() == 1 or x.stride(-1) != 1 or (x.dim() == 3 and x.stride(1) != x.shape[2]):
            x = x.contiguous()
        out = torch.empty(x.shape)
        rows, width, groups = x.shape[0] if x.dim() > 1 else 1, x.shape[-1], x.shape[1] if x.dim() == 3 else 1
        library.rms_norm(
            x.data_ptr(), None, self._address, None, out.data_ptr(), rows, groups, width, x.stride(0), self.eps
        )
        return out

    def add(self, x: Tensor, residual: Tensor) -> tuple[Tensor, Tensor]:
        """(normalised sum, sum) of `x` and `residual`, each (T, width); neither is modified."""
        library = native() if x.dtype is residual.dtype is torch.float32 and x.device.type == "cpu" else None
        if library is None:
            total = x + residual
            return self(total), total
        x, residual = x.contiguous(), residual.contiguous()
        normed, total = torch.empty(x.shape), torch.empty(x.shape)
        rows, width = x.shape
        library.rms_norm(
            x.data_ptr(),
            residual.data_ptr(),
            self._address,
            total.data_ptr(),
            normed.data_ptr(),
            rows,
            1,
            width,
            width,
            self.eps,
        )
        return normed, total
