"""Attention over the paged cache for a ragged batch of decodes and prefill chunks."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from engine.attention.base import Step
from engine.attention.paged_native import paged_attention_native

_QUERY_TILE = 256
"""Tokens of a prefill chunk that attend at once: bounds the score matrix."""


def paged_attention(
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
    """The `Attention` protocol: writes keys and values at `step.slots`, then attends over everything cached."""
    options = (scale, sliding_window, soft_cap, sinks)
    if (out := paged_attention_native(query, key, value, cache, step, *options)) is not None:
        return out
    _write(cache, key, value, step.slots)
    out = torch.empty_like(query)
    start = 0
    for index, (length, context) in enumerate(zip(step.query_lens, step.context_lens_host, strict=True)):
        if length == 1 and soft_cap is None and sinks is None:
            first = max(0, context - sliding_window) if sliding_window is not None else 0
            out[start] = _attend_to_all(query[start], cache, step.block_tables[index], range(first, context), scale)
            start += 1
            continue
        keys, values = _gather(cache, step.block_tables[index], context, query.dtype)
        for offset in range(0, length, _QUERY_TILE):
            rows = slice(start + offset, start + min(offset + _QUERY_TILE, length))
            positions = step.positions[rows]
            visible = _visible(positions, context, sliding_window)
            out[rows] = _attend(query[rows], keys, values, visible, scale, soft_cap, sinks)
        start += length
    return out


def _write(cache: Tensor, key: Tensor, value: Tensor, slots: Tensor) -> None:
    block_size = cache.shape[3]
    if len(slots) == 1 and cache.device.type == "cpu":  # a decode step: plain copies cost a third of an indexed write
        block, offset = divmod(int(slots), block_size)
        cache[0, block, :, offset] = key[0]
        cache[1, block, :, offset] = value[0]
        return
    blocks, offsets = slots // block_size, slots % block_size
    cache[0][blocks, :, offsets] = key.to(cache.dtype)
    cache[1][blocks, :, offsets] = value.to(cache.dtype)


def _attend_to_all(query: Tensor, cache: Tensor, block_table: Tensor, seen: range, scale: float) -> Tensor:
    """One token's query (H, D) over the cached positions `seen`, none of them masked → (H, D).

    The heads of a group are folded into rows, which makes it several times faster on a CPU.
    """
    _, _, num_kv_heads, block_size, head_dim = cache.shape
    first, last = seen.start // block_size, -(-seen.stop // block_size)
    both = cache.transpose(1, 2).index_select(2, block_table[first:last]).view(2, 1, num_kv_heads, -1, head_dim)
    keys, values = both[:, :, :, seen.start - first * block_size : seen.stop - first * block_size].to(query.dtype)
    folded = query.reshape(1, num_kv_heads, -1, head_dim)
    return scaled_dot_product_attention(folded, keys, values, scale=scale).view(query.shape)


def _gather(cache: Tensor, block_table: Tensor, context: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Keys and values of one sequence, each (KV, context, D)."""
    _, _, num_kv_heads, block_size, head_dim = cache.shape
    blocks = block_table[: -(-context // block_size)].long()
    both = cache[:, blocks].permute(0, 2, 1, 3, 4).reshape(2, num_kv_heads, -1, head_dim)[:, :, :context]
    keys, values = both.to(dtype)
    return keys, values


def _visible(positions: Tensor, context: int, sliding_window: int | None) -> Tensor:
    """(L, context) bool: which cached positions each query sees."""
    cached = torch.arange(context, device=positions.device)
    distance = positions.unsqueeze(-1) - cached
    seen = distance >= 0
    return seen if sliding_window is None else seen & (distance < sliding_window)


def _attend(
    query: Tensor,
    keys: Tensor,
    values: Tensor,
    visible: Tensor,
    scale: float,
    soft_cap: float | None,
    sinks: Tensor | None,
) -> Tensor:
    """query (L, H, D) over keys and values (KV, C, D) → (L, H, D). The heads of a group are folded into rows."""
    length, num_heads, head_dim = query.shape
    num_kv_heads = keys.shape[0]
    folded = query.transpose(0, 1).reshape(num_kv_heads, -1, head_dim)  # (KV, group * L, D)
    scores = (folded @ keys.transpose(1, 2)).float() * scale
    if soft_cap is not None:
        scores = soft_cap * torch.tanh(scores / soft_cap)
    scores = scores.view(num_heads, length, -1).masked_fill_(~visible, -torch.inf)
    if sinks is not None:
        column = sinks.float().view(-1, 1, 1).expand(-1, length, 1)
        weights = torch.cat([scores, column], -1).softmax(-1)[..., :-1]
    else:
        weights = scores.softmax(-1)
    weights = weights.to(values.dtype).view(num_kv_heads, -1, keys.shape[1])
    return (weights @ values).view(num_heads, length, head_dim).transpose(0, 1)
