"""Weight matrices in the forms that torch itself multiplies fast on a CPU: what serves without the native library.

For one token `functional.linear` reads dense weights at a third of the memory's speed. Two kernels of torch read at
nearly all of it: 4-bit codes with a scale and an offset for every 32 columns (activations, scales and results in
bfloat16, sums in float32), and float16 (activations and results in float32). Block formats of four bits become the
former, which loses nothing but the rounding of their scales; everything else becomes float16.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import functional

from engine.quant.base import PackedTensor
from engine.quant.ggml import FOUR_BITS, dequantize, four_bits

_GROUP = 32
_ROWS_MULTIPLE = 16
"""Of the 4-bit kernel."""
_PIECE_ROWS = 64
"""The 4-bit layout can be made in pieces of a multiple of so many rows."""
_PIECE_ELEMENTS = 1 << 24
"""Weights converted at once: bounds the temporaries to about 100 MB."""


class TorchMatrix(Protocol):
    """(rows, columns) to multiply with."""

    @property
    def nbytes(self) -> int: ...

    def linear(self, x: Tensor) -> Tensor:
        """x (T, columns) float32 → (T, rows) float32."""
        ...


def torch_matrix(weight: Tensor | PackedTensor) -> TorchMatrix | None:
    """A copy of `weight` for the fast kernels; None where this machine's torch has none for it."""
    if isinstance(weight, PackedTensor) and weight.type in FOUR_BITS and _has_four_bit_kernel():
        return FourBitMatrix(weight)
    return HalfMatrix(weight) if _has_half_kernel() else None


def _has_four_bit_kernel() -> bool:
    """Elsewhere torch has a reference loop only, a hundred times slower."""
    return torch.backends.cpu.get_cpu_capability() in ("AVX2", "AVX512")


def _has_half_kernel() -> bool:
    return torch.backends.quantized.engine in ("x86", "fbgemm")


class FourBitMatrix:
    """Codes packed two a byte, and (scale, offset) a group: weight = scale · (code - 8) + offset."""

    def __init__(self, weight: PackedTensor) -> None:
        self._rows, columns = weight.shape
        padded = -(-self._rows // _ROWS_MULTIPLE) * _ROWS_MULTIPLE
        self._codes = torch.empty(padded, columns // 2, dtype=torch.uint8)
        self._scales = torch.empty(columns // _GROUP, padded, 2, dtype=torch.bfloat16)
        for piece in _pieces(padded, columns):
            parts = four_bits(weight.data[piece], weight.type)
            missing = piece.stop - piece.start - parts[0].shape[0]
            codes, scales, offsets = (functional.pad(part, (0, 0, 0, missing)) for part in parts)
            self._codes[piece] = torch.ops.aten._convert_weight_to_int4pack_for_cpu(codes.int(), 1)
            self._scales[:, piece] = torch.stack([scales, offsets], -1).transpose(0, 1)

    @property
    def nbytes(self) -> int:
        return self._codes.nbytes + self._scales.nbytes

    def linear(self, x: Tensor) -> Tensor:
        """x (T, columns) float32 → (T, rows) float32."""
        out = torch.ops.aten._weight_int4pack_mm_for_cpu(x.bfloat16(), self._codes, _GROUP, self._scales)
        return out[:, : self._rows].float()


class HalfMatrix:
    """Float16 in a layout of its own."""

    def __init__(self, weight: Tensor | PackedTensor) -> None:
        rows, columns = weight.shape[0], weight.shape[1]
        self.nbytes = 2 * rows * columns
        self._pieces: Sequence[Any] = [
            torch.ops.quantized.linear_prepack_fp16(_dense(weight, piece), None) for piece in _pieces(rows, columns)
        ]

    def linear(self, x: Tensor) -> Tensor:
        """x (T, columns) float32 → (T, rows) float32."""
        parts = [torch.ops.quantized.linear_dynamic_fp16(x, piece) for piece in self._pieces]
        return parts[0] if len(parts) == 1 else torch.cat(parts, -1)


def _dense(weight: Tensor | PackedTensor, rows: slice) -> Tensor:
    return weight[rows].float() if isinstance(weight, Tensor) else dequantize(weight.data[rows], weight.type)


def _pieces(rows: int, columns: int) -> list[slice]:
    step = max(1, _PIECE_ELEMENTS // (columns * _PIECE_ROWS)) * _PIECE_ROWS
    return [slice(start, min(start + step, rows)) for start in range(0, rows, step)]
