"""What the runner needs of a model, whichever path built it, and what a model is built for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

import torch
from torch import Tensor

from engine.attention.base import KVCacheView, LayerCacheSpec, Step

if TYPE_CHECKING:
    from engine.adapters.layers import AdapterSites


@dataclass(frozen=True, slots=True)
class BuildConfig:
    """How the weights are to be held and computed with."""

    dtype: torch.dtype
    """Of activations, and of weights that did not come packed."""
    matmul_dtype: torch.dtype | None
    """What many tokens at once are multiplied in; None: the dtype of the activations."""
    device: torch.device
    arch: str | None = None
    """Run as this architecture; `transformers` forces the broad path, None: what the model's config says."""
    context_tokens: int | None = None
    """Context the engine will serve, where it is less than what the model was trained for."""


class Decoder(Protocol):
    """A causal language model over a paged KV cache. Native families and the transformers path both look like this."""

    @property
    def architecture(self) -> str:
        """Class name in the model's config, such as `LlamaForCausalLM`."""
        ...

    @property
    def path(self) -> Literal["native", "transformers"]: ...

    @property
    def path_reason(self) -> str:
        """Why this path was taken, for the start-up log."""
        ...

    @property
    def quantization(self) -> str:
        """Formats of the packed weights, most bytes first, such as `Q4_1 + Q8_0`; `none` when all are plain."""
        ...

    @property
    def cache_layers(self) -> Sequence[LayerCacheSpec]:
        """One entry per attention layer, in order; the cache is built from it."""
        ...

    @property
    def sites(self) -> AdapterSites:
        """The layers that adapters can add to."""
        ...

    @property
    def vocab_size(self) -> int: ...

    @property
    def weight_bytes(self) -> int:
        """Bytes the weights hold in memory, packed as they are."""
        ...

    @property
    def num_parameters(self) -> int: ...

    def forward(self, token_ids: Tensor, step: Step, cache: KVCacheView, wanted: Tensor | None = None) -> Tensor:
        """token_ids (T,) int64 → final normalised hidden states (T, hidden), or with `wanted` (W,) int64, ascending,
        those rows of them; writes keys and values into `cache`.
        """
        ...

    def logits(self, hidden: Tensor) -> Tensor:
        """(N, hidden) → (N, vocab) float32, soft cap and logit scale applied."""
        ...
