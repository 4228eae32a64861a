"""What the runner needs of a model, whichever path built it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor

from engine.attention.base import KVCacheView, LayerCacheSpec, Step


class Decoder(Protocol):
    """A causal language model over a paged KV cache. Native families and the transformers path both look like this."""

    @property
    def cache_layers(self) -> Sequence[LayerCacheSpec]:
        """One entry per attention layer, in order; the cache is built from it."""
        ...

    @property
    def vocab_size(self) -> int: ...

    @property
    def weight_bytes(self) -> int:
        """Bytes the weights hold in memory, packed as they are."""
        ...

    @property
    def num_parameters(self) -> int: ...

    def forward(self, token_ids: Tensor, step: Step, cache: KVCacheView) -> Tensor:
        """token_ids (T,) int64 → final normalised hidden states (T, hidden); writes keys and values into `cache`."""
        ...

    def logits(self, hidden: Tensor) -> Tensor:
        """(N, hidden) → (N, vocab) float32, soft cap and logit scale applied."""
        ...
