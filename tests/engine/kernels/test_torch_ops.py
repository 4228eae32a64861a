"""The native library's operations as operators of torch: checked by torch, traced without values, compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.library import opcheck

from engine import kernels
from engine.attention.base import Step
from engine.attention.paged import paged_attention
from engine.kernels import torch_ops
from engine.kernels.matrix import NativeMatrix
from engine.layers.activation import SILU, silu_mul
from engine.layers.linear import Linear
from engine.layers.norm import RMSNorm
from engine.layers.rotary import RotaryEmbedding
from engine.quant.base import GGMLType
from tests.engine.packing import random_packed

pytestmark = pytest.mark.skipif(kernels.native() is None, reason="the native library was not built")

STEP = Step(
    positions=torch.tensor([4, 0, 1]),
    query_starts=torch.tensor([0, 1, 3], dtype=torch.int32),
    context_lens=torch.tensor([5, 2], dtype=torch.int32),
    block_tables=torch.tensor([[3, 1], [0, 0]], dtype=torch.int32),
    slots=torch.tensor([4, 0, 1]),
    query_lens=(1, 2),
    context_lens_host=(5, 2),
)


def linear() -> tuple[Any, ...]:
    matrix = NativeMatrix.of(random_packed(GGMLType.Q4_K, 20, 256, seed=1))
    assert matrix is not None
    return torch.randn(3, 256), matrix.data, torch.randn(20), 20, GGMLType.Q4_K.file_id, 2


def look_up() -> tuple[Any, ...]:
    return torch.tensor([19, 0]), linear()[1], 20, 256, GGMLType.Q4_K.file_id


def heads() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Query, key and value as views of one projection: 4 and 2 heads of 8."""
    query, key, value = torch.randn(3, 8, 8).split([4, 2, 2], 1)
    return query, key, value


def attention() -> tuple[Any, ...]:
    places = STEP.query_starts, STEP.context_lens, STEP.block_tables, STEP.slots
    return *heads(), torch.randn(2, 4, 2, 4, 8), *places, torch.randn(4), 0.3, 4, 20.0


CALLS: dict[str, tuple[Callable[..., Any], Callable[[], tuple[Any, ...]]]] = {
    "linear": (torch_ops.linear, linear),
    "look_up": (torch_ops.look_up, look_up),
    "rms_norm": (torch_ops.rms_norm, lambda: (torch.randn(3, 16), torch.rand(16), 1e-6)),
    "rms_norm of heads": (torch_ops.rms_norm, lambda: (heads()[0], torch.rand(8), 1e-6)),
    "add_rms_norm": (torch_ops.add_rms_norm, lambda: (torch.randn(3, 8), torch.randn(3, 8), torch.rand(8), 1e-6)),
    "rotary": (torch_ops.rotary, lambda: (*heads()[:2], STEP.positions, torch.randn(6, 2, 3))),
    "gated": (torch_ops.gated, lambda: (torch.randn(3, 10), SILU)),
    "paged_attention": (torch_ops.paged_attention, attention),
}


@pytest.mark.parametrize("name", CALLS)
def test_torch_finds_nothing_wrong_with_an_operator(name: str) -> None:
    operator, arguments = CALLS[name]
    opcheck(operator, arguments())


@pytest.mark.parametrize("name", CALLS)
def test_an_operator_says_shapes_without_values(name: str) -> None:
    operator, arguments = CALLS[name]
    real = arguments()
    expected = operator(*real)
    with FakeTensorMode() as mode:
        fake = [mode.from_tensor(x) if isinstance(x, torch.Tensor) else x for x in real]
        told = operator(*fake)
    for one, other in zip(*((x if isinstance(x, tuple) else (x,)) for x in (told, expected)), strict=True):
        assert isinstance(one, FakeTensor)
        assert one.shape == other.shape and one.stride() == other.stride() and one.dtype == other.dtype


def test_wrong_ids_and_positions_are_refused() -> None:
    with pytest.raises(IndexError, match=r"outside 0 … 19"):
        torch_ops.look_up(torch.tensor([20]), *look_up()[1:])
    with pytest.raises(IndexError, match="outside the rotary table of 4"):
        torch_ops.rotary(*heads()[:2], STEP.positions, torch.randn(4, 2, 3))


def test_a_layer_compiles_whole_with_the_operators_in_it() -> None:
    qkv = Linear(random_packed(GGMLType.Q8_0, 64, 32, seed=1), torch.randn(64), matmul_dtype=torch.int8)
    gate_up, norm = Linear(random_packed(GGMLType.Q4_0, 64, 32, seed=2)), RMSNorm(torch.rand(32), 1e-6)
    rotary, cache = RotaryEmbedding(torch.rand(4)), torch.randn(2, 4, 2, 4, 8)
    rotary.table(8)
    used: list[str] = []

    def layer(x: torch.Tensor, cache: torch.Tensor) -> torch.Tensor:
        query, key, value = qkv(norm(x)).view(3, 8, 8).split([4, 2, 2], 1)
        query, key = rotary(query, key, STEP.positions)
        x, residual = norm.add(paged_attention(query, key, value, cache, STEP, scale=0.3).reshape(3, 32), x)
        return silu_mul(gate_up(x)) + residual

    def backend(graph: torch.fx.GraphModule, _: Any) -> Callable[..., Any]:
        used.extend(str(node.target) for node in graph.graph.nodes if "mistralrs" in str(node.target))
        return graph.forward

    x, other_cache = torch.randn(3, 32), cache.clone()
    expected = layer(x, other_cache)  # weights take the library's layout when they are first used
    compiled = torch.compile(layer, backend=backend, fullgraph=True)
    assert torch.equal(compiled(x, cache), expected)
    assert torch.equal(cache, other_cache)
    names = "linear", "rms_norm", "add_rms_norm", "rotary", "gated", "paged_attention"
    assert {f"mistralrs.{name}.default" for name in names} == set(used)
