"""The tensors behind the block ids: one tensor per attention layer, all layers with the same blocks."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor

from engine.attention.base import LayerCacheSpec
from engine.pages import lazy_zeros


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
        self._layers = [_zeros(shape, dtype, device) for shape in shapes]

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
    if device.type == "cpu":
        return lazy_zeros(prod(shape) * dtype.itemsize).view(dtype).view(shape)
    return torch.zeros(shape, dtype=dtype, device=device)
