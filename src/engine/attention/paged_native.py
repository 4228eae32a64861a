"""Paged attention by the native library: one call writes the cache and attends for the whole ragged batch."""

from __future__ import annotations

from torch import Tensor

from engine.attention.base import Step
from engine.kernels import native, torch_ops
from engine.kernels.library import AttentionArguments


def paged_attention_native(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    cache: Tensor,
    step: Step,
    scale: float,
    sliding_window: int | None,
    soft_cap: float | None,
    sinks: Tensor | None,
) -> Tensor | None:
    """As `paged_attention`; None, with nothing done, when the library is missing or does not take these tensors."""
    if native() is None or query.device.type != "cpu" or not _is_readable(cache):
        return None
    sinks = None if sinks is None else sinks.float()
    places = step.query_starts, step.context_lens, step.block_tables, step.slots
    options = sinks, scale, sliding_window or 0, soft_cap or 0.0
    out = torch_ops.paged_attention(query.float(), key.float(), value.float(), cache, *places, *options)
    return out.to(query.dtype)


def shared_arguments(
    cache: Tensor, step: Step, heads: int, scale: float, soft_cap: float | None
) -> AttentionArguments | None:
    """What all layers of a step share whose caches are shaped like `cache`; None: the library cannot read those."""
    if not _is_readable(cache):
        return None
    places = step.query_starts, step.context_lens, step.block_tables, step.slots
    return torch_ops.attention_arguments(cache, *places, heads, scale, soft_cap or 0.0)


def _is_readable(cache: Tensor) -> bool:
    return cache.dtype in torch_ops.CACHE_FORMATS and cache.is_contiguous()
