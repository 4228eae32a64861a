"""A weight matrix in the layout of the native kernels: sixteen rows interleaved, exactly as large as in the file."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor

from engine.kernels import native, torch_ops
from engine.kernels.library import MatrixArguments
from engine.pages import lazy_zeros
from engine.quant.base import GGMLType, PackedTensor

_LANES = 16
_ALIGNMENT = 64
_PIECE_BYTES = 64 << 20
_PLAIN = {torch.float32: GGMLType.F32, torch.float16: GGMLType.F16, torch.bfloat16: GGMLType.BF16}


class _Arena:
    """Zeroed memory for weights, cut from large pieces; one is given back when the last matrix in it is gone."""

    def __init__(self) -> None:
        self._free = torch.empty(0, dtype=torch.uint8)

    def take(self, count: int) -> Tensor:
        """`count` bytes, 64-byte aligned."""
        rounded = -(-count // _ALIGNMENT) * _ALIGNMENT
        if rounded > self._free.numel():
            fresh = lazy_zeros(max(rounded, _PIECE_BYTES))
            if rounded >= _PIECE_BYTES:
                return fresh[:count]
            self._free = fresh
        taken, self._free = self._free[:count], self._free[rounded:]
        return taken


_shared_arena = _Arena()
_arena: ContextVar[_Arena] = ContextVar("arena")


@contextmanager
def memory_of_its_own() -> Generator[None]:
    """Matrices made inside share no memory with others: all of it is given back when they are gone."""
    token = _arena.set(_Arena())
    try:
        yield
    finally:
        _arena.reset(token)


class NativeMatrix:
    """(rows, columns) of one format, for `linear` and `rows`."""

    def __init__(self, data: Tensor, type: GGMLType, rows: int, columns: int) -> None:
        self.data = data
        self.type = type
        self.shape = (rows, columns)

    @classmethod
    def of(cls, weight: Tensor | PackedTensor) -> NativeMatrix | None:
        """Interleave a copy of `weight`; None when it has to stay with torch (no library, CUDA, odd shape or dtype)."""
        library = native()
        packed = weight if isinstance(weight, PackedTensor) else _as_packed(weight)
        if library is None or packed is None or packed.data.device.type != "cpu" or len(packed.shape) != 2:
            return None
        rows, columns = packed.shape
        if columns % max(_LANES, packed.type.block_elements):
            return None
        source = packed.data.contiguous()
        padded_rows = -(-rows // _LANES) * _LANES
        data = _arena.get(_shared_arena).take(padded_rows * source.shape[1])
        library.interleave(packed.type.file_id, source.data_ptr(), data.data_ptr(), rows, source.shape[1])
        return cls(data, packed.type, rows, columns)

    @property
    def nbytes(self) -> int:
        """Bytes of the rows there are, without padding."""
        rows, columns = self.shape
        return rows * columns // self.type.block_elements * self.type.block_bytes

    def arguments(self, bias: Tensor | None) -> MatrixArguments:
        """What the library needs to know; `bias` (rows,) float32 must live as long as the result."""
        return MatrixArguments(
            data=self.data.data_ptr(),
            bias=None if bias is None else bias.data_ptr(),
            rows=self.shape[0],
            columns=self.shape[1],
            format=self.type.file_id,
        )

    def linear(self, x: Tensor, bias: Tensor | None, precision: int) -> Tensor:
        """x (T, columns) float32, bias (rows,) float32 → (T, rows) float32; `precision` is `engine::Precision`."""
        return torch_ops.linear(x, self.data, bias, self.shape[0], self.type.file_id, precision)

    def rows(self, ids: Tensor) -> Tensor:
        """ids (N,) int64 → (N, columns) float32.

        Raises:
            IndexError: an id is no row.
        """
        return torch_ops.look_up(ids.long(), self.data, *self.shape, self.type.file_id)


def _as_packed(weight: Tensor) -> PackedTensor | None:
    type = _PLAIN.get(weight.dtype)
    if type is None or weight.dim() != 2:
        return None
    rows = weight.detach().contiguous()
    return PackedTensor(type, rows.view(torch.uint8).view(rows.shape[0], -1), tuple(weight.shape))
