"""Gated activations over a fused projection whose first half is the gate and second half the value."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from engine.kernels import native

SILU, GELU_TANH = 0, 1


def silu_mul(gate_up: Tensor) -> Tensor:
    """gate_up (T, 2I) → silu(gate) · up, (T, I)."""
    if (out := _native(gate_up, SILU)) is not None:
        return out
    gate, up = gate_up.chunk(2, -1)
    return functional.silu(gate) * up


def gelu_tanh_mul(gate_up: Tensor) -> Tensor:
    """gate_up (T, 2I) → gelu(gate) · up with the tanh approximation, (T, I)."""
    if (out := _native(gate_up, GELU_TANH)) is not None:
        return out
    gate, up = gate_up.chunk(2, -1)
    return functional.gelu(gate, approximate="tanh") * up


def _native(gate_up: Tensor, activation: int) -> Tensor | None:
    library = native()
    if (
        library is None
        or gate_up.device.type != "cpu"
        or gate_up.dtype is not torch.float32
        or not gate_up.is_contiguous()
    ):
        return None
    tokens, width = gate_up.shape[0], gate_up.shape[1] // 2
    out = torch.empty(tokens, width)
    library.gated(gate_up.data_ptr(), out.data_ptr(), tokens, width, activation)
    return out
