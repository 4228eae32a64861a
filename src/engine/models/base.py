"""What the runner needs of a model, whichever path built it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

from torch import Tensor

from engine.attention.base import KVCacheView, LayerCacheSpec, Step


class Decoder(Protocol):
    """A causal language model over a paged KV cache. Native families and the transformers path both look like this."""

    @property
    def cache_layers(self) -> Sequence[LayerCacheSpec]:
        """One entry per attention layer, in order; the cache is built from it."""
        ...

    @property
    def architecture(self) -> str:
        """Class name in the model's config, such as `LlamaForCausalLM`."""
        ...

    @property
    def path(self) -> Literal["native", "transformers"]:
        """Which way of running it was chosen, and in `path_reason` why."""
        ...

    @property
    def path_reason(self) -> str: ...

    @property
    def quantization(self) -> str:
        """Block formats of the weights, such as `Q4_1 + Q8_0`, or `none`."""
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
