"""Paged attention by the native library: one call writes the cache and attends for the whole ragged batch."""

from __future__ import annotations

import ctypes

import torch
from torch import Tensor

from engine.attention.base import Step
from engine.kernels import native
from engine.kernels.library import AttentionArguments
from engine.quant.base import GGMLType

_CACHE_FORMATS = {torch.float32: GGMLType.F32, torch.float16: GGMLType.F16, torch.bfloat16: GGMLType.BF16}


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
    library = native()
    if library is None or query.device.type != "cpu":
        return None
    arguments = shared_arguments(cache, step, query.shape[1], scale, soft_cap)
    if arguments is None:
        return None
    dtype = query.dtype
    query, key, value = (_dense_heads(x) for x in (query, key, value))
    sinks = None if sinks is None else sinks.float().contiguous()
    out = torch.empty(query.shape)
    arguments.query, arguments.query_stride = query.data_ptr(), query.stride(0)
    arguments.key, arguments.key_stride = key.data_ptr(), key.stride(0)
    arguments.value, arguments.value_stride = value.data_ptr(), value.stride(0)
    arguments.out = out.data_ptr()
    arguments.cache = cache.data_ptr()
    arguments.sinks = None if sinks is None else sinks.data_ptr()
    arguments.window = sliding_window or 0
    library.attention(ctypes.byref(arguments))
    return out.to(dtype)


def shared_arguments(
    cache: Tensor, step: Step, heads: int, scale: float, soft_cap: float | None
) -> AttentionArguments | None:
    """What all layers of a step share whose caches are shaped like `cache`; None: the library cannot read those."""
    cache_format = _CACHE_FORMATS.get(cache.dtype)
    if cache_format is None or not cache.is_contiguous():
        return None
    _, blocks, kv_heads, block_size, head_dim = cache.shape
    return AttentionArguments(
        query_starts=step.query_starts.data_ptr(),
        context_lens=step.context_lens.data_ptr(),
        block_tables=step.block_tables.data_ptr(),
        slots=step.slots.data_ptr(),
        tokens=step.positions.shape[0],
        sequences=len(step.query_lens),
        table_stride=step.block_tables.stride(0),
        blocks=blocks,
        heads=heads,
        kv_heads=kv_heads,
        head_dim=head_dim,
        block_size=block_size,
        scale=scale,
        soft_cap=soft_cap or 0.0,
        format=cache_format.file_id,
    )


def _dense_heads(x: Tensor) -> Tensor:
    """float32, heads of a token one behind the other; tokens may lie apart."""
    x = x.float()
    return x if x.stride(2) == 1 and x.stride(1) == x.shape[2] else x.contiguous()
