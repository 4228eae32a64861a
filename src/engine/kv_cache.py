"""The tensors behind the block ids: one tensor per attention layer, all layers with the same blocks."""

from __future__ import annotations

import contextlib
import mmap
import sys
from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor

from engine.attention.base import LayerCacheSpec


def bytes_per_token(layers: Sequence[LayerCacheSpec], dtype: torch.dtype) -> int:
    """Keys and values of one position over all layers."""
    return sum(2 * layer.num_kv_heads * layer.head_dim for layer in layers) * dtype.itemsize


class PagedKVCache:
    """Keys and values of all sequences. Untouched pages cost address space only, not memory."""

    def __init__(
        self,
        layers: Sequence[LayerCacheSpec],
        num_blocks: int,
        block_size: int,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        self.block_size = block_size
        self.num_blocks = num_blocks
        # an odd number: keys and values a power of two apart would fight for the same cache sets and memory banks
        shapes = [(2, num_blocks | 1, layer.num_kv_heads, block_size, layer.head_dim) for layer in layers]
        self._layers = [_lazy_zeros(s, dtype) if device.type == "cpu" else _zeros(s, dtype, device) for s in shapes]

    def layer(self, index: int) -> Tensor:
        """(2, num_blocks, num_kv_heads, block_size, head_dim): keys at [0], values at [1]."""
        return self._layers[index]

    def copy_block(self, source: int, target: int) -> None:
        """Give one block the content of another, in every layer."""
        for layer in self._layers:
            layer[:, target].copy_(layer[:, source])

    def wipe_block(self, block_id: int) -> None:
        """Put zeros into a block, so that nothing it held can spread."""
        for layer in self._layers:
            layer[:, block_id].zero_()

    @property
    def nbytes(self) -> int:
        return sum(layer.nbytes for layer in self._layers)


def _zeros(shape: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    return torch.zeros(shape, dtype=dtype, device=device)


def _lazy_zeros(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """Zeros whose pages the system hands out when they are first written; `torch.zeros` would write them all.

    Huge ones where it has them: of the small ones a long prompt would take tens of thousands.
    """
    length = prod(shape) * dtype.itemsize
    if sys.platform == "win32":
        return torch.frombuffer(mmap.mmap(-1, length), dtype=dtype).view(shape)
    pages = mmap.mmap(-1, length, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)  # shared ones are never huge
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with contextlib.suppress(OSError):  # a kernel without huge pages
            pages.madvise(mmap.MADV_HUGEPAGE)
    return torch.frombuffer(pages, dtype=dtype).view(shape)
