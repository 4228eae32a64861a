"""Gated activations over a fused projection whose first half is the gate and second half the value."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def silu_mul(gate_up: Tensor) -> Tensor:
    """gate_up (T, 2I) → silu(gate) · up, (T, I)."""
    gate, up = gate_up.chunk(2, -1)
    return functional.silu(gate) * up


def gelu_tanh_mul(gate_up: Tensor) -> Tensor:
    """gate_up (T, 2I) → gelu(gate) · up with the tanh approximation, (T, I)."""
    gate, up = gate_up.chunk(2, -1)
    return functional.gelu(gate, approximate="tanh") * up
