"""The small layers against double-precision formulas."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from engine.layers.activation import gelu_tanh_mul, silu_mul
from engine.layers.norm import RMSNorm
from engine.layers.rotary import RotaryEmbedding

TOLERANCE = {torch.float32: 3e-6, torch.bfloat16: 2e-2}


def formula(x: torch.Tensor, weight: torch.Tensor, eps: float) -> torch.Tensor:
    wide = x.double()
    return wide / (wide.square().mean(-1, keepdim=True) + eps).sqrt() * weight.double()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("shape", [(1, 576), (5, 64), (3, 9, 40), (2, 7), (0, 16)])
def test_norm_divides_by_the_root_of_the_mean_square(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    x, weight = torch.randn(shape).to(dtype), torch.rand(shape[-1]) + 0.5
    out = RMSNorm(weight, 1e-5)(x)
    assert out.dtype == dtype
    assert torch.allclose(out.double(), formula(x, weight, 1e-5), atol=TOLERANCE[dtype], rtol=TOLERANCE[dtype])


def test_norm_of_heads_inside_a_fused_projection() -> None:
    heads = torch.randn(4, 6 * 16)[:, : 2 * 16].view(4, 2, 16)
    weight = torch.rand(16)
    assert torch.allclose(RMSNorm(weight, 1e-6)(heads).double(), formula(heads, weight, 1e-6), atol=3e-6)


def test_norm_add_returns_the_normalised_sum_and_the_sum() -> None:
    x, residual, weight = torch.randn(3, 48), torch.randn(3, 48), torch.rand(48)
    before = (x.clone(), residual.clone())
    normed, total = RMSNorm(weight, 1e-6).add(x, residual)
    assert torch.equal(total, x + residual)
    assert torch.allclose(normed.double(), formula(x + residual, weight, 1e-6), atol=3e-6)
    assert torch.equal(x, before[0])
    assert torch.equal(residual, before[1])


@pytest.mark.parametrize("rotary_dim", [32, 12])
@pytest.mark.parametrize("factor", [1.0, 1.3])
def test_rotation_turns_pairs_half_a_rotary_width_apart(rotary_dim: int, factor: float) -> None:
    inv_freq = 10_000.0 ** (-torch.arange(0, rotary_dim, 2).float() / rotary_dim)
    positions = torch.tensor([0, 1, 77, 5000])
    fused = torch.randn(4, (3 + 2) * 32)
    query, key = fused[:, :96].view(4, 3, 32), fused[:, 96:].view(4, 2, 32)
    original = fused.clone()
    turned_query, turned_key = RotaryEmbedding(inv_freq, factor)(query, key, positions)
    assert torch.equal(fused, original), "the inputs are not modified"
    for x, turned in ((query, turned_query), (key, turned_key)):
        for t, position in enumerate(positions.tolist()):
            for i in range(rotary_dim // 2):
                # angles are float32 products, as in the models' own code
                angle = float(torch.tensor(float(position)) * inv_freq[i])
                a, b = x[t, :, i].double(), x[t, :, i + rotary_dim // 2].double()
                cosine, sine = math.cos(angle) * factor, math.sin(angle) * factor
                assert torch.allclose(turned[t, :, i].double(), a * cosine - b * sine, atol=1e-5)
                assert torch.allclose(turned[t, :, i + rotary_dim // 2].double(), b * cosine + a * sine, atol=1e-5)
        assert torch.equal(turned[..., rotary_dim:], x[..., rotary_dim:])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("width", [16, 1536, 5])
def test_gated_activations(width: int, dtype: torch.dtype) -> None:
    gate_up = (torch.randn(3, 2 * width) * 4).to(dtype)
    gate, up = gate_up.double().chunk(2, -1)
    for ours, reference in (
        (silu_mul(gate_up), functional.silu(gate) * up),
        (gelu_tanh_mul(gate_up), functional.gelu(gate, approximate="tanh") * up),
    ):
        assert ours.dtype == dtype
        assert torch.allclose(
            ours.double(), reference, atol=TOLERANCE[dtype], rtol=2e-2 if dtype != torch.float32 else 1e-5
        )


def test_activations_survive_extreme_gates() -> None:
    gate_up = torch.tensor([[-1e4, -90.0, 0.0, 90.0, 1e4, 1.0, 1.0, 1.0, 1.0, 1.0]])
    assert torch.allclose(silu_mul(gate_up), torch.tensor([[0.0, 0.0, 0.0, 90.0, 1e4]]))
    assert torch.allclose(gelu_tanh_mul(gate_up), torch.tensor([[0.0, 0.0, 0.0, 90.0, 1e4]]))
