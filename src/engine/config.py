"""The decided configuration of one engine: no field is optional, nothing changes after the engine starts."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from engine.adapters.asked import AdapterLimits


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """What `engine.plan` decided. Sizes are in tokens or blocks."""

    device: torch.device
    cache_dtype: torch.dtype
    context_tokens: int
    """Longest sequence, prompt and reply together."""
    block_size: int
    num_blocks: int
    max_seqs: int
    """Sequences that may take part in one step."""
    max_batched_tokens: int
    """Token budget of one step: decodes first, prefill chunks with what is left."""
    max_prompt_tokens: int | None
    """Most tokens of one prompt in a step; None: whatever the budget leaves."""
    window: int | None
    """Positions a token sees in the layer that sees farthest, itself included: cache blocks behind it are given up.
    None: all, in some layer at least."""
    prefix_cache: bool
    recompute: bool
    """Throw the cached keys and values away after each token (`--no-kv-cache`)."""
    max_waiting: int
    """Replies that may wait while `max_seqs` run."""
    seed: int | None
    adapter_limits: AdapterLimits = field(default_factory=AdapterLimits)
    default_adapter: str | None = None
    """Alias of the adapter for requests that name none."""

    def __post_init__(self) -> None:
        assert self.num_blocks * self.block_size >= self.context_tokens, "the cache must hold one whole context"
