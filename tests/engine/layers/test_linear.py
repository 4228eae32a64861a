"""Linear layers and embeddings over plain and packed weights, native or not."""

from __future__ import annotations

import pytest
import torch

from engine.kernels import has_bfloat_products, native
from engine.layers.linear import Embedding, Linear
from engine.quant.base import GGMLType, PackedTensor
from tests.engine.packing import random_packed

SIXTEEN_BITS = 5e-5
"""Relative error of activations rounded to sixteen bits beside quantised weights."""
EIGHT_BITS = 1e-2


def expected(x: torch.Tensor, weight: torch.Tensor | PackedTensor, bias: torch.Tensor | None = None) -> torch.Tensor:
    dense = (weight.dequantize() if isinstance(weight, PackedTensor) else weight).double()
    out = x.double() @ dense.T
    return out if bias is None else out + bias.double()


def relative_error(ours: torch.Tensor, reference: torch.Tensor) -> float:
    return float((ours.double() - reference).norm() / reference.norm())


@pytest.mark.parametrize("type", list(GGMLType), ids=lambda t: t.name)
@pytest.mark.parametrize("tokens", [1, 3, 8, 13, 70])
def test_packed_weights_multiply_like_their_decoded_values(type: GGMLType, tokens: int) -> None:
    torch.manual_seed(0)
    weight, bias = random_packed(type, rows=75, columns=512, seed=5), torch.randn(75)
    layer = Linear(weight, bias, matmul_dtype=torch.float32)
    x = torch.randn(tokens, 512)
    out = layer(x)
    assert out.shape == (tokens, 75)
    assert out.dtype == torch.float32
    assert relative_error(out, expected(x, weight, bias)) < SIXTEEN_BITS


@pytest.mark.parametrize("columns", [32, 96, 576])
@pytest.mark.parametrize("type", [GGMLType.Q4_0, GGMLType.Q4_1, GGMLType.Q5_0, GGMLType.Q8_0], ids=lambda t: t.name)
def test_widths_that_are_odd_numbers_of_blocks(type: GGMLType, columns: int) -> None:
    weight = random_packed(type, rows=33, columns=columns, seed=2)
    x = torch.randn(2, columns)
    assert relative_error(Linear(weight)(x), expected(x, weight)) < SIXTEEN_BITS


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("tokens", [1, 5, 40])
def test_plain_weights_of_any_dtype(dtype: torch.dtype, tokens: int) -> None:
    weight = (torch.randn(48, 40) / 6).to(dtype)
    x = torch.randn(tokens, 40)
    assert relative_error(Linear(weight, matmul_dtype=torch.float32)(x), expected(x, weight)) < 2e-6


def test_a_low_matmul_dtype_is_used_for_many_tokens_and_stays_close() -> None:
    weight = random_packed(GGMLType.Q4_K, rows=64, columns=512, seed=5)
    x = torch.randn(128, 512)
    out = Linear(weight, matmul_dtype=torch.bfloat16)(x)
    assert out.dtype == torch.float32
    assert relative_error(out, expected(x, weight)) < 8e-3


@pytest.mark.parametrize("type", [type for type in GGMLType if type.name.startswith("Q")], ids=lambda t: t.name)
def test_int8_products_are_those_of_rounded_activations(type: GGMLType) -> None:
    torch.manual_seed(0)
    weight = random_packed(type, rows=75, columns=512, seed=5)
    x = torch.randn(70, 512)
    runs = x.view(70, -1, 32)
    scale = runs.abs().amax(-1, keepdim=True) / 127
    rounded = ((runs / scale).round() * scale).view(70, 512)
    out = Linear(weight, matmul_dtype=torch.int8)(x)
    assert relative_error(out, expected(x, weight)) < EIGHT_BITS
    if native() is not None:
        assert relative_error(out, expected(rounded, weight)) < SIXTEEN_BITS


@pytest.mark.parametrize("type", [GGMLType.Q4_0, GGMLType.Q4_K, GGMLType.Q6_K, GGMLType.Q8_0], ids=lambda t: t.name)
@pytest.mark.parametrize("dtype", [torch.int8, torch.float32])
def test_what_a_token_gives_does_not_depend_on_the_others(type: GGMLType, dtype: torch.dtype) -> None:
    if native() is None:
        pytest.skip("torch chooses its own order of sums")
    layer = Linear(random_packed(type, rows=75, columns=512, seed=5), matmul_dtype=dtype)
    x = torch.randn(70, 512)
    together = layer(x)
    for tokens in (1, 2, 3, 8, 9, 25, 69):
        assert torch.equal(layer(x[:tokens]), together[:tokens])


def test_bfloat_weights_are_multiplied_in_bfloat_for_int8_whatever_the_batch() -> None:
    if not has_bfloat_products():
        pytest.skip("this instruction set multiplies bfloat weights as floats")
    weight, x = torch.randn(75, 80).bfloat16(), torch.randn(70, 80)
    layer = Linear(weight, matmul_dtype=torch.int8)
    together = layer(x)
    assert relative_error(together, expected(x.bfloat16().float(), weight)) < 2e-6
    for tokens in (1, 3, 8, 9, 69):
        assert torch.equal(layer(x[:tokens]), together[:tokens])


@pytest.mark.parametrize("dtype", [torch.int8, torch.float32])
@pytest.mark.parametrize("wrong", [torch.nan, torch.inf])
def test_activations_that_are_no_numbers_stay_in_their_row(dtype: torch.dtype, wrong: float) -> None:
    x = torch.randn(3, 512)
    x[1, 100] = wrong
    out = Linear(random_packed(GGMLType.Q4_0, rows=32, columns=512, seed=5), matmul_dtype=dtype)(x)
    assert not out[1].isfinite().any()
    assert out[[0, 2]].isfinite().all()


def test_the_result_has_the_dtype_of_the_activations() -> None:
    weight = random_packed(GGMLType.Q8_0, rows=32, columns=64, seed=5)
    x = torch.randn(2, 64).bfloat16()
    out = Linear(weight)(x)
    assert out.dtype == torch.bfloat16
    assert relative_error(out, expected(x, weight)) < 8e-3


def test_activations_may_be_a_strided_view() -> None:
    weight = random_packed(GGMLType.Q4_1, rows=32, columns=64, seed=5)
    x = torch.randn(3, 128)[:, 64:]
    assert relative_error(Linear(weight)(x), expected(x, weight)) < SIXTEEN_BITS


def test_no_tokens_give_no_rows() -> None:
    weight = random_packed(GGMLType.Q4_1, rows=32, columns=64, seed=5)
    assert Linear(weight)(torch.empty(0, 64)).shape == (0, 32)


def test_fused_layers_give_their_outputs_side_by_side() -> None:
    parts = [Linear(random_packed(GGMLType.Q4_1, rows, 64, seed=rows), torch.randn(rows)) for rows in (32, 16, 16)]
    x = torch.randn(2, 64)
    separate = torch.cat([part(x) for part in parts], -1)
    fused = Linear.fused(
        [
            Linear(random_packed(GGMLType.Q4_1, rows, 64, seed=rows), part.bias)
            for rows, part in zip((32, 16, 16), parts, strict=True)
        ]
    )
    assert fused is not None
    assert fused.out_features == 64
    assert torch.allclose(fused(x), separate, atol=1e-6)


def test_layers_of_different_formats_do_not_fuse() -> None:
    q4, q8 = (Linear(random_packed(type, 32, 64, seed=1)) for type in (GGMLType.Q4_0, GGMLType.Q8_0))
    assert Linear.fused([q4, q8]) is None
    assert Linear.fused([q4, Linear(torch.randn(32, 64))]) is None
    assert Linear.fused([q4, Linear(random_packed(GGMLType.Q4_0, 32, 64, seed=1), torch.zeros(32))]) is None
    assert Linear.fused([Linear(torch.randn(3, 8)), Linear(torch.randn(2, 8))]) is not None


def test_size_is_that_of_the_packed_blocks_until_torch_alone_has_to_unpack_them() -> None:
    layer = Linear(random_packed(GGMLType.Q4_0, rows=64, columns=64, seed=1), torch.zeros(64))
    before = layer.nbytes
    layer(torch.randn(1, 64))
    assert before == 64 * 2 * 18 + 64 * 4
    assert layer.nbytes == (before if native() is not None else 64 * 64 * 4 + 64 * 4)
    assert layer.num_parameters == 64 * 64 + 64


@pytest.mark.parametrize("type", [GGMLType.Q8_0, GGMLType.Q6_K, GGMLType.F16, GGMLType.Q2_K], ids=lambda t: t.name)
def test_a_tied_head_and_its_embedding_share_one_table(type: GGMLType) -> None:
    weight = random_packed(type, rows=50, columns=256, seed=9)
    dense = weight.dequantize()
    embedding = Embedding(weight, torch.float32)
    head = embedding.as_linear()
    ids = torch.tensor([49, 0, 17, 17])
    assert torch.equal(embedding(ids), dense[ids])
    x = torch.randn(1, 256)
    assert relative_error(head(x), expected(x, dense)) < SIXTEEN_BITS
    assert torch.equal(embedding(ids), dense[ids]), "still right after the head was used"
    assert embedding.nbytes == (weight.nbytes if native() is not None else dense.nbytes)


def test_plain_embedding_converts_to_the_asked_dtype() -> None:
    table = torch.randn(10, 4).half()
    embedded = Embedding(table, torch.float32)(torch.tensor([3, 9]))
    assert torch.equal(embedded, table[[3, 9]].float())
