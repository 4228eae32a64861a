"""Quantising gives the blocks of ggml to the last bit, natively and with torch alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import gguf
import numpy as np
import pytest
import torch

from engine import kernels
from engine.quant.base import GGMLType
from engine.quant.quantize import quantize
from tests.engine.quant.inputs import Floats, inputs

HASHES = json.loads((Path(__file__).parent / "data" / "ggml_blocks.json").read_text())
SIMPLE = [GGMLType.Q4_0, GGMLType.Q4_1, GGMLType.Q5_0, GGMLType.Q5_1, GGMLType.Q8_0]
INPUTS = inputs()


@pytest.fixture(params=["avx512", "avx2", "baseline", "torch"])
def implementation(request: pytest.FixtureRequest) -> Iterator[str]:
    if not kernels.select(request.param):
        pytest.skip(f"{request.param} does not run here")
    yield request.param
    for name in ("avx512", "avx2", "baseline", "torch"):
        if kernels.select(name):
            break


def blocks_of(values: Floats, type: GGMLType, dtype: torch.dtype = torch.float32) -> bytes:
    return quantize(torch.from_numpy(values).to(dtype), type).data.numpy().tobytes()


@pytest.mark.usefixtures("implementation")
@pytest.mark.parametrize("type", HASHES)
def test_blocks_are_those_of_ggml(type: str) -> None:
    found = {name: hashlib.sha256(blocks_of(values, GGMLType[type])).hexdigest() for name, values in INPUTS.items()}
    assert found == HASHES[type]


@pytest.mark.usefixtures("implementation")
@pytest.mark.parametrize("type", SIMPLE, ids=lambda t: t.name)
@pytest.mark.parametrize("name", ["bell", "outliers", "steps"])
def test_simple_formats_are_those_of_the_gguf_package(type: GGMLType, name: str) -> None:
    expected = gguf.quantize(INPUTS[name], gguf.GGMLQuantizationType[type.name])
    assert blocks_of(INPUTS[name], type) == expected.tobytes()


@pytest.mark.usefixtures("implementation")
@pytest.mark.parametrize("type", [GGMLType.FP8, GGMLType.Q4_0, GGMLType.Q5_K, GGMLType.Q6_K], ids=lambda t: t.name)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_short_numbers_are_quantised_as_the_floats_they_stand_for(type: GGMLType, dtype: torch.dtype) -> None:
    rounded = torch.from_numpy(INPUTS["bell"]).to(dtype).float().numpy()
    assert blocks_of(INPUTS["bell"], type, dtype) == blocks_of(rounded, type)


@pytest.mark.usefixtures("implementation")
@pytest.mark.parametrize("name", INPUTS)
def test_fp8_codes_are_those_of_torch_under_the_largest_of_each_block(name: str) -> None:
    values = torch.from_numpy(INPUTS[name]).view(-1, 32)
    if name == "huge":
        values = values / 2.0**80  # the scale is a float16
    scale = (values.abs().amax(1, keepdim=True) / 448).half()
    inverse = torch.where(scale > 0, torch.tensor(1.0) / scale.float(), 0.0)
    codes = (values * inverse).clamp(-448, 448).to(torch.float8_e4m3fn)
    packed = quantize(values, GGMLType.FP8)
    assert torch.equal(packed.data[:, :2], scale.view(torch.uint8).view(-1, 2))
    assert torch.equal(packed.data[:, 2:], codes.view(torch.uint8))
    assert torch.equal(packed.dequantize(), codes.float() * scale.float())


@pytest.mark.parametrize(
    ("type", "limit"),
    [("Q8_0", 0.006), ("FP8", 0.03), ("Q6_K", 0.02), ("Q5_K", 0.04), ("Q4_K", 0.08), ("Q3_K", 0.16), ("Q2_K", 0.31)],
)
def test_what_comes_back_is_close(type: str, limit: float) -> None:
    values = torch.from_numpy(INPUTS["bell"])
    back = quantize(values, GGMLType[type]).dequantize()
    assert float((back - values).norm() / values.norm()) < limit


@pytest.mark.usefixtures("implementation")
@pytest.mark.parametrize("rows", [1, 2, 3, 100])
def test_any_number_of_rows(rows: int) -> None:
    values = np.tile(INPUTS["bell"], (12, 1))[:rows, :256]
    for type in (GGMLType.Q4_0, GGMLType.Q3_K, GGMLType.Q4_K):
        packed = quantize(torch.from_numpy(values), type)
        assert packed.data.shape == (rows, 256 // type.block_elements * type.block_bytes)
        last = quantize(torch.from_numpy(values[-1:]), type)
        assert torch.equal(packed.data[-1:], last.data)


@pytest.mark.usefixtures("implementation")
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_what_is_no_finite_number_is_refused(bad: float) -> None:
    values = INPUTS["bell"].copy()
    values[-1, -1] = bad
    with pytest.raises(ValueError, match="infinite or not a number"):
        quantize(torch.from_numpy(values), GGMLType.Q4_K)


def test_a_row_that_ends_inside_a_block_is_refused() -> None:
    with pytest.raises(ValueError, match="A row of 576 elements is no whole number of Q4_K blocks"):
        quantize(torch.zeros(2, 576), GGMLType.Q4_K)
