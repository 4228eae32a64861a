"""What a decoder layer tells attention, and what one step looks like to a model.

Tokens of all sequences of a step lie one behind the other ("ragged"), decodes and prefill chunks mixed:

    tokens       [ a0 a1 a2 | b7 | c4 c5 ]        T = 6
    query_starts [ 0        , 3  , 4      , 6 ]    S + 1
    context_lens [ 3        , 8  , 6 ]             S, positions known after this step, this step's included
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor


@dataclass(frozen=True, slots=True)
class Step:
    """Where the tokens of one step are and where their keys and values go. All tensors on the model's device."""

    positions: Tensor
    """(T,) int64, absolute position of each token in its sequence."""
    query_starts: Tensor
    """(S + 1,) int32, first token of each sequence within this step; last entry is T."""
    context_lens: Tensor
    """(S,) int32, tokens of each sequence after this step."""
    block_tables: Tensor
    """(S, max_blocks) int32, block ids in token order; entries that nothing needs name any block."""
    slots: Tensor
    """(T,) int64, flat cache position of each token: block id * block size + offset."""
    query_lens: tuple[int, ...]
    """The same as `query_starts` differences, on the host."""
    context_lens_host: tuple[int, ...]
    """`context_lens` on the host."""

    @property
    def is_decode(self) -> bool:
        """Every sequence adds exactly one token."""
        return len(self.query_lens) == int(self.positions.shape[0])


@dataclass(frozen=True, slots=True)
class LayerCacheSpec:
    """What one attention layer keeps per token."""

    num_kv_heads: int
    head_dim: int
    sliding_window: int | None = None
    """Positions a query sees, itself included; None: all."""


class KVCacheView(Protocol):
    """The paged cache as a model sees it: one tensor a layer."""

    block_size: int

    def layer(self, index: int) -> Tensor:
        """(2, num_blocks, num_kv_heads, block_size, head_dim): keys at [0], values at [1]."""
        ...


class Attention(Protocol):
    """Writes this step's keys and values into the cache and attends over everything cached."""

    def __call__(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        cache: Tensor,
        step: Step,
        *,
        scale: float,
        sliding_window: int | None = None,
        soft_cap: float | None = None,
        sinks: Tensor | None = None,
    ) -> Tensor:
        """query (T, H, D), key and value (T, KV, D), cache as from `KVCacheView.layer` (modified).

        Head h reads KV head h // (H // KV). Causal within a sequence. `sinks` is (H,), one extra logit a head.
        Returns (T, H, D) in the dtype of `query`.
        """
        ...
