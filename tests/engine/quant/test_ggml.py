"""Every block format against the `gguf` package's own decoder."""

from __future__ import annotations

import gguf
import numpy as np
import pytest
import torch

from engine.quant.base import GGMLType, PackedTensor
from engine.quant.ggml import dequantize
from tests.engine.packing import HALVES, random_packed


@pytest.mark.parametrize("type", [type for type in GGMLType if type is not GGMLType.FP8], ids=lambda t: t.name)
def test_equal_to_the_reference_decoder_in_every_bit(type: GGMLType) -> None:
    packed = random_packed(type, rows=7, columns=512, seed=3)
    reference = gguf.dequantize(packed.data.numpy(), gguf.GGMLQuantizationType[type.name])
    ours = dequantize(packed.data, type)
    assert ours.shape == (7, 512)
    assert np.array_equal(ours.numpy().view(np.int32), np.asarray(reference, np.float32).view(np.int32))


def test_every_packed_format_is_covered() -> None:
    assert set(HALVES) == {type for type in GGMLType if type.block_elements > 1}


def test_a_large_matrix_decodes_like_its_rows() -> None:
    packed = random_packed(GGMLType.Q4_0, rows=40_000, columns=256, seed=1)
    whole = dequantize(packed.data, GGMLType.Q4_0, torch.bfloat16)
    assert torch.equal(whole[39_990:], dequantize(packed.data[39_990:], GGMLType.Q4_0).bfloat16())


def test_packed_tensor_decodes_to_its_logical_shape() -> None:
    packed = random_packed(GGMLType.Q8_0, rows=1, columns=64, seed=1)
    vector = PackedTensor(GGMLType.Q8_0, packed.data, (64,))
    assert vector.dequantize(torch.float16).shape == (64,)
    assert vector.nbytes == 68


def test_a_row_that_ends_inside_a_block_is_refused() -> None:
    with pytest.raises(ValueError, match="33 bytes is no whole number of Q8_0 blocks of 34"):
        dequantize(torch.zeros(2, 33, dtype=torch.uint8), GGMLType.Q8_0)
