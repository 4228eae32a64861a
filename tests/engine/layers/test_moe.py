"""Mixtures of experts against every expert computed for every token, in double precision."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch

from engine.layers import moe
from engine.layers.activation import gelu_tanh_mul, silu_mul
from engine.layers.linear import Linear, LinearGroup
from engine.layers.moe import MixtureOfExperts
from engine.models.blocks import FeedForward
from engine.quant.base import GGMLType, PackedTensor
from tests.engine.packing import random_packed

Matrix = torch.Tensor | PackedTensor


@dataclass
class Case:
    """Weights of a mixture: a router, and gate, up and down projections."""

    router: torch.Tensor
    experts: list[tuple[Matrix, Matrix, Matrix]]

    def reference(self, x: torch.Tensor, per_token: int, normalize: bool, gelu: bool = False) -> torch.Tensor:
        shares = (x.double() @ self.router.double().T).softmax(-1)
        best = shares.topk(per_token, -1)
        shares = torch.zeros_like(shares).scatter(-1, best.indices, best.values)
        if normalize:
            shares = shares / shares.sum(-1, keepdim=True)
        out = torch.zeros_like(x, dtype=torch.float64)
        for index, weights in enumerate(self.experts):
            gate, up, down = (dense(weight) for weight in weights)
            gated = x.double() @ gate.T
            gated = torch.nn.functional.gelu(gated, approximate="tanh") if gelu else torch.nn.functional.silu(gated)
            out += shares[:, index, None] * ((gated * (x.double() @ up.T)) @ down.T)
        return out

    def mixture(self, per_token: int, normalize: bool, gelu: bool = False) -> MixtureOfExperts:
        def linear(weight: Matrix) -> Linear:
            return Linear(weight, matmul_dtype=None if isinstance(weight, torch.Tensor) else torch.float32)

        activation = gelu_tanh_mul if gelu else silu_mul
        blocks = [
            FeedForward(LinearGroup.of([linear(gate), linear(up)]), linear(down), activation)
            for gate, up, down in self.experts
        ]
        return MixtureOfExperts(linear(self.router), blocks, per_token, normalize=normalize)


def dense(weight: Matrix) -> torch.Tensor:
    return (weight.dequantize() if isinstance(weight, PackedTensor) else weight).double()


def plain(experts: int, hidden: int, inner: int, dtype: torch.dtype = torch.float32) -> Case:
    torch.manual_seed(experts + inner)
    shapes = (inner, hidden), (inner, hidden), (hidden, inner)
    weights = [tuple((torch.randn(shape) / 4).to(dtype) for shape in shapes) for _ in range(experts)]
    return Case((torch.randn(experts, hidden) / 4).to(dtype), weights)  # pyright: ignore[reportArgumentType]


def assert_close(ours: torch.Tensor, reference: torch.Tensor, tolerance: float) -> None:
    assert ours.shape == reference.shape
    assert float((ours.double() - reference).norm() / reference.norm()) < tolerance


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("tokens", [1, 3, 40])
@pytest.mark.parametrize(("experts", "per_token", "hidden", "inner"), [(6, 2, 64, 48), (9, 4, 32, 16), (3, 1, 20, 13)])
def test_every_token_gets_its_experts_by_weight(
    experts: int, per_token: int, hidden: int, inner: int, tokens: int, normalize: bool
) -> None:
    case, x = plain(experts, hidden, inner), torch.randn(tokens, hidden)
    out = case.mixture(per_token, normalize)(x)
    assert out.dtype is torch.float32
    assert_close(out, case.reference(x, per_token, normalize), 2e-6)


@pytest.mark.parametrize("tokens", [1, 20])
@pytest.mark.parametrize("up", [GGMLType.Q4_K, GGMLType.Q8_0], ids=["together", "apart"])
def test_packed_experts_whose_gate_and_up_are_of_one_format_or_two(up: GGMLType, tokens: int) -> None:
    case = plain(5, 256, 64)
    case.experts = [
        (
            random_packed(GGMLType.Q4_K, 64, 256, seed=index),
            random_packed(up, 64, 256, seed=10 + index),
            random_packed(GGMLType.Q8_0, 256, 64, seed=20 + index),
        )
        for index in range(5)
    ]
    x = torch.randn(tokens, 256)
    assert_close(case.mixture(2, True, gelu=True)(x), case.reference(x, 2, True, gelu=True), 2e-4)


def test_no_token_and_numbers_that_are_none_do_no_harm(implementation: str) -> None:
    case, x = plain(6, 64, 48), torch.randn(3, 64)
    mixture = case.mixture(2, True)
    assert mixture(torch.empty(0, 64)).shape == (0, 64)
    x[1] = torch.nan
    out = mixture(x)
    assert out[1].isnan().all()
    assert_close(out[[0, 2]], case.reference(x[[0, 2]], 2, True), 2e-6)


def test_the_answer_of_a_token_does_not_depend_on_its_neighbours() -> None:
    mixture, x = plain(6, 64, 48).mixture(2, True), torch.randn(20, 64)
    together = mixture(x)
    torch.testing.assert_close(torch.cat([mixture(row) for row in x.split(1)]), together, rtol=1e-4, atol=2e-5)


def has_rows(rows: torch.Tensor) -> bool:
    return len(rows) > 0


def test_grouped_products_of_plain_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moe, "_has_grouped_products", has_rows)
    case, x = plain(6, 64, 48, torch.bfloat16), torch.randn(9, 64).bfloat16()
    mixture = case.mixture(2, True)
    out = mixture(x)
    assert out.dtype is torch.bfloat16
    assert_close(out, case.reference(x, 2, True), 2e-2)
    assert_close(mixture(x[:1]), case.reference(x[:1], 2, True), 2e-2)
    assert all(linear.nbytes for linear in mixture.linears)
