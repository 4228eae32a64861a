"""Attention over the paged cache for a ragged batch of decodes and prefill chunks."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from engine.attention.base import Step
from engine.attention.paged_native import paged_attention_native

_QUERY_TILE = 256
"""Tokens of a prefill chunk that attend at once: bounds the score matrix."""
GATHERED_TOKENS = {"cpu": 0, "cuda": 1 << 17}
"""Positions that decoding sequences gather at once, each as many as the longest of them: bounds the copies. A GPU waits
for calls, not for padding; a CPU reads a sequence faster by itself."""


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
    for run in _runs(step, GATHERED_TOKENS[query.device.type]):
        count, length = len(run), step.query_lens[run.start]
        contexts = step.context_lens_host[run.start : run.stop]
        first = 0 if sliding_window is None else max(0, min(contexts) - length + 1 - sliding_window)
        seen = range(first, max(contexts))
        keys, values = _gather(cache, step.block_tables[run.start : run.stop], seen, query.dtype)
        end = start + count * length
        for offset in range(start, end, max(count, _QUERY_TILE)):
            rows = slice(offset, min(offset + max(count, _QUERY_TILE), end))
            visible = None
            if count > 1 or length > 1:
                visible = _visible(step.positions[rows].view(count, -1, 1), seen, sliding_window)  # (S, L, C)
            if count > 1 and visible is not None:  # beside a short one lies anything, even what is no number
                values = values.masked_fill(~visible.transpose(1, 2), 0)
            out[rows] = _attend(query[rows], keys, values, visible, scale, soft_cap, sinks)
        start = end
    return out


def _runs(step: Step, bound: int) -> Iterator[range]:
    """Neighbouring sequences that attend together: decodes, as many as fit into the bound, or one prefill chunk."""
    first, last = 0, len(step.query_lens)
    while first < last:
        stop, longest = first + 1, step.context_lens_host[first]
        while stop < last and step.query_lens[first] == step.query_lens[stop] == 1:
            longest = max(longest, step.context_lens_host[stop])
            if longest * (stop + 1 - first) > bound:
                break
            stop += 1
        yield range(first, stop)
        first = stop


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


def _gather(cache: Tensor, block_tables: Tensor, seen: range, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Keys and values (KV, S, C, D) of S sequences, of the C positions `seen` of each."""
    _, _, num_kv_heads, block_size, head_dim = cache.shape
    first, last = seen.start // block_size, -(-seen.stop // block_size)
    blocks = block_tables[:, first:last]
    both = cache.transpose(1, 2).index_select(2, blocks.flatten())
    both = both.view(2, num_kv_heads, blocks.shape[0], -1, head_dim)
    keys, values = both[:, :, :, seen.start - first * block_size : seen.stop - first * block_size].to(dtype)
    return keys, values


def _visible(positions: Tensor, seen: range, sliding_window: int | None) -> Tensor:
    """positions (S, L, 1) → (S, L, C) bool: which of the positions `seen` each query sees."""
    distance = positions - torch.arange(seen.start, seen.stop, device=positions.device)
    visible = distance >= 0
    return visible if sliding_window is None else visible & (distance < sliding_window)


def _attend(
    query: Tensor,
    keys: Tensor,
    values: Tensor,
    visible: Tensor | None,
    scale: float,
    soft_cap: float | None,
    sinks: Tensor | None,
) -> Tensor:
    """query (S · L, H, D) over keys and values (KV, S, C, D) → as `query`; `visible` (S, L, C), None: everything.

    The heads of a group are folded into rows, which makes it several times faster on a CPU.
    """
    num_heads, head_dim = query.shape[1:]
    num_kv_heads, count, context, _ = keys.shape
    group = num_heads // num_kv_heads
    folded = query.reshape(count, -1, num_kv_heads, group, head_dim).permute(2, 0, 3, 1, 4)  # (KV, S, G, L, D)
    rows = folded.reshape(num_kv_heads, count, -1, head_dim)  # (KV, S, G · L, D)
    if visible is None and soft_cap is None and sinks is None:  # one token, so that G is all there is
        return scaled_dot_product_attention(
            rows.transpose(0, 1), keys.transpose(0, 1), values.transpose(0, 1), scale=scale
        ).reshape(query.shape)
    scores = (rows @ keys.transpose(2, 3)).float().mul_(scale)
    if soft_cap is not None:
        scores = soft_cap * torch.tanh(scores / soft_cap)
    scores = scores.view(*folded.shape[:4], context)
    if visible is not None:
        scores = scores.masked_fill_(~visible.unsqueeze(1), -torch.inf)
    if sinks is not None:
        column = sinks.float().view(num_kv_heads, 1, -1, 1, 1).expand(*scores.shape[:4], 1)
        weights = torch.cat([scores, column], -1).softmax(-1)[..., :-1]
    else:
        weights = scores.softmax(-1)
    out = weights.to(values.dtype).reshape(*rows.shape[:3], context) @ values
    return out.view(folded.shape).permute(1, 3, 0, 2, 4).reshape(query.shape)
