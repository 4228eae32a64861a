"""Torch's own packed kernels, which serve a machine without the native library."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from engine import kernels
from engine.kernels import torch_matrix as module
from engine.kernels.torch_matrix import FourBitMatrix, HalfMatrix, torch_matrix
from engine.layers.linear import Embedding, Linear
from engine.quant.base import GGMLType, PackedTensor
from engine.quant.ggml import FOUR_BITS, four_bits
from tests.engine.packing import random_packed

pytestmark = pytest.mark.skipif(
    torch_matrix(torch.zeros(1, 1)) is None, reason="torch has no fast kernels for this processor"
)
PACKED = [type for type in GGMLType if type.block_elements > 1]


@pytest.fixture
def without_library() -> Iterator[None]:
    before = "torch" if kernels.native() is None else kernels.native().name().decode()
    kernels.select("torch")
    yield
    kernels.select(before)


def relative_error(ours: torch.Tensor, weight: torch.Tensor | PackedTensor, x: torch.Tensor) -> float:
    dense = weight.dequantize() if isinstance(weight, PackedTensor) else weight
    exact = x.double() @ dense.double().T
    assert ours.shape == exact.shape and ours.dtype is torch.float32
    return float((ours - exact).norm() / exact.norm())


@pytest.mark.parametrize("type", FOUR_BITS, ids=lambda type: type.name)
def test_four_bit_formats_are_codes_scales_and_offsets(type: GGMLType) -> None:
    weight = random_packed(type, 5, 512, seed=1)
    codes, scales, offsets = (part.view(5, 16, -1).float() for part in four_bits(weight.data, type))
    assert codes.max() == 15 and codes.min() == 0
    torch.testing.assert_close((scales * (codes - 8) + offsets).view(5, 512), weight.dequantize(), rtol=0, atol=1e-5)


@pytest.mark.parametrize("tokens", [1, 3, 8, 40])
@pytest.mark.parametrize(("rows", "columns"), [(64, 256), (75, 512), (1, 256), (200, 768)])
@pytest.mark.parametrize("type", FOUR_BITS, ids=lambda type: type.name)
def test_four_bit_products_err_by_the_rounding_of_bfloat_only(
    type: GGMLType, rows: int, columns: int, tokens: int
) -> None:
    torch.manual_seed(0)
    weight, x = random_packed(type, rows, columns, seed=rows), torch.randn(tokens, columns)
    matrix = torch_matrix(weight)
    assert isinstance(matrix, FourBitMatrix)
    assert relative_error(matrix.linear(x), weight, x) < 8e-3


@pytest.mark.parametrize("tokens", [1, 3, 8, 40])
@pytest.mark.parametrize("type", [type for type in GGMLType if type not in FOUR_BITS], ids=lambda type: type.name)
def test_other_formats_err_by_the_rounding_of_weights_to_half_only(type: GGMLType, tokens: int) -> None:
    weight, x = random_packed(type, 75, 512, seed=2), torch.randn(tokens, 512)
    matrix = torch_matrix(weight)
    assert isinstance(matrix, HalfMatrix)
    assert relative_error(matrix.linear(x), weight, x) < 3e-4


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_plain_weights_of_odd_sizes(dtype: torch.dtype) -> None:
    weight, x = (torch.randn(33, 13) / 4).to(dtype), torch.randn(2, 13)
    matrix = torch_matrix(weight)
    assert matrix is not None
    assert relative_error(matrix.linear(x), weight, x) < 5e-4


@pytest.mark.parametrize("type", [GGMLType.Q4_0, GGMLType.Q8_0], ids=lambda type: type.name)
def test_a_matrix_converted_in_pieces_is_the_same(type: GGMLType, monkeypatch: pytest.MonkeyPatch) -> None:
    weight, x = random_packed(type, 300, 128, seed=3), torch.randn(2, 128)
    whole = torch_matrix(weight)
    monkeypatch.setattr(module, "_PIECE_ELEMENTS", 1 << 13)
    pieces = torch_matrix(weight)
    assert whole is not None and pieces is not None
    assert torch.equal(whole.linear(x), pieces.linear(x))


@pytest.mark.usefixtures("without_library")
@pytest.mark.parametrize("rounded", [torch.int8, torch.bfloat16])
def test_a_linear_layer_keeps_its_weight_in_that_form_alone(rounded: torch.dtype) -> None:
    weight, bias, x = random_packed(GGMLType.Q4_K, 64, 512, seed=4), torch.randn(64), torch.randn(3, 512)
    layer = Linear(weight, bias, matmul_dtype=rounded)
    assert relative_error(layer(x) - bias, weight, x) < 8e-3
    assert layer.nbytes == 64 * 512 * 5 // 8 + bias.nbytes, "four bits a code, 32 a group of 32"


@pytest.mark.usefixtures("without_library")
def test_products_asked_for_in_float32_stay_exact() -> None:
    weight, x = random_packed(GGMLType.Q4_K, 64, 512, seed=4), torch.randn(3, 512)
    assert relative_error(Linear(weight, matmul_dtype=torch.float32)(x), weight, x) < 2e-6


@pytest.mark.usefixtures("without_library")
@pytest.mark.parametrize("type", PACKED, ids=lambda type: type.name)
def test_a_table_that_is_the_head_too_gives_exact_rows(type: GGMLType) -> None:
    weight, x = random_packed(type, 50, 256, seed=5), torch.randn(2, 256)
    embedding = Embedding(weight, torch.float32)
    head = embedding.as_linear(torch.int8)
    assert relative_error(head(x), weight, x) < 8e-3
    ids = torch.tensor([49, 0, 17, 17])
    assert torch.equal(embedding(ids), weight.dequantize()[ids])
    assert embedding.nbytes > weight.nbytes


@pytest.mark.usefixtures("without_library")
def test_a_processor_without_those_kernels_unpacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_has_four_bit_kernel", lambda: False)
    monkeypatch.setattr(module, "_has_half_kernel", lambda: False)
    weight, x = random_packed(GGMLType.Q4_0, 64, 64, seed=6), torch.randn(3, 64)
    assert relative_error(Linear(weight, matmul_dtype=torch.int8)(x), weight, x) < 2e-6
