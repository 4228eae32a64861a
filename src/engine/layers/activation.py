"""Gated activations over a fused projection whose first half is the gate and second half the value."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor
from torch.nn import functional

from engine.kernels import torch_ops

SILU, GELU_TANH = 0, 1


def silu_mul(gate_up: Tensor) -> Tensor:
    """gate_up (T, 2I) → silu(gate) · up, (T, I)."""
    if torch_ops.takes(gate_up):
        return torch_ops.gated(gate_up, SILU)
    gate, up = gate_up.chunk(2, -1)
    return functional.silu(gate) * up


def gelu_tanh_mul(gate_up: Tensor) -> Tensor:
    """gate_up (T, 2I) → gelu(gate) · up with the tanh approximation, (T, I)."""
    if torch_ops.takes(gate_up):
        return torch_ops.gated(gate_up, GELU_TANH)
    gate, up = gate_up.chunk(2, -1)
    return functional.gelu(gate, approximate="tanh") * up


CODES: dict[Callable[[Tensor], Tensor], int] = {silu_mul: SILU, gelu_tanh_mul: GELU_TANH}
"""What the native library calls them."""
