"""Weights that stay packed: raw blocks of a quantised format plus what is needed to compute with them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import torch
from torch import Tensor


class GGMLType(Enum):
    """Block formats: name = (id in a GGUF file, elements a block, bytes a block). Source: the GGUF format doc.

    FP8 is ours and in no file: a float16 scale, then 32 codes E4M3.
    """

    F32 = (0, 1, 4)
    F16 = (1, 1, 2)
    Q4_0 = (2, 32, 18)
    Q4_1 = (3, 32, 20)
    Q5_0 = (6, 32, 22)
    Q5_1 = (7, 32, 24)
    Q8_0 = (8, 32, 34)
    Q2_K = (10, 256, 84)
    Q3_K = (11, 256, 110)
    Q4_K = (12, 256, 144)
    Q5_K = (13, 256, 176)
    Q6_K = (14, 256, 210)
    BF16 = (30, 1, 2)
    FP8 = (256, 32, 34)

    @property
    def file_id(self) -> int:
        return self.value[0]

    @property
    def block_elements(self) -> int:
        return self.value[1]

    @property
    def block_bytes(self) -> int:
        return self.value[2]


@dataclass(frozen=True, slots=True)
class PackedTensor:
    """A matrix (or vector) as rows of quantised blocks, exactly as the file holds them.

    Whole rows may be permuted, sliced or concatenated by indexing `data`; a row's blocks stay together.
    """

    type: GGMLType
    data: Tensor
    """(rows, bytes per row) uint8, contiguous; may be a view of a memory-mapped file."""
    shape: tuple[int, ...]
    """Logical shape, (rows, columns) for a matrix."""

    @property
    def nbytes(self) -> int:
        return self.data.numel()

    def dequantize(self, dtype: torch.dtype = torch.float32) -> Tensor:
        """The tensor in `dtype`, in logical shape."""
        from engine.quant.ggml import dequantize  # noqa: PLC0415 - the formats import this module

        return dequantize(self.data, self.type, dtype).view(self.shape)
