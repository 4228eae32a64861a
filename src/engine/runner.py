"""A batch becomes tensors, tensors become logits."""

from __future__ import annotations

from collections.abc import Sequence as Items
from itertools import accumulate

import torch
from torch import Tensor

from engine.attention.base import Step
from engine.kv_cache import PagedKVCache
from engine.models.base import Decoder
from engine.scheduler import Chunk


class Runner:
    """Runs one step of a model over the paged cache."""

    def __init__(self, model: Decoder, cache: PagedKVCache, device: torch.device) -> None:
        self._model = model
        self._cache = cache
        self._device = device

    @torch.inference_mode()
    def run(self, batch: Items[Chunk]) -> Tensor:
        """Compute a step. Returns (N, vocab) float32 logits, one row per chunk that `completes`, in order."""
        token_ids, step, last = self._inputs(batch)
        hidden = self._model.forward(token_ids, step, self._cache)
        return self._model.logits(hidden[last])

    def _inputs(self, batch: Items[Chunk]) -> tuple[Tensor, Step, Tensor]:
        size = self._cache.block_size
        tokens: list[int] = []
        positions: list[int] = []
        slots: list[int] = []
        contexts: list[int] = []
        for chunk in batch:
            sequence = chunk.sequence
            span = range(sequence.num_computed, sequence.num_computed + chunk.num_tokens)
            tokens += sequence.token_ids[span.start : span.stop]
            positions += span
            slots += [sequence.blocks[p // size] * size + p % size for p in span]
            contexts.append(span.stop)
        lens = tuple(chunk.num_tokens for chunk in batch)
        starts = [0, *accumulate(lens)]
        used = [-(-context // size) for context in contexts]
        width = max(used)
        tables = [chunk.sequence.blocks[:n] + [0] * (width - n) for chunk, n in zip(batch, used, strict=True)]
        step = Step(
            positions=self._tensor(positions, torch.int64),
            query_starts=self._tensor(starts, torch.int32),
            context_lens=self._tensor(contexts, torch.int32),
            block_tables=self._tensor(tables, torch.int32),
            slots=self._tensor(slots, torch.int64),
            query_lens=lens,
            context_lens_host=tuple(contexts),
        )
        last = [end - 1 for chunk, end in zip(batch, starts[1:], strict=True) if chunk.completes]
        return self._tensor(tokens, torch.int64), step, self._tensor(last, torch.int64)

    def _tensor(self, values: Items[int] | Items[Items[int]], dtype: torch.dtype) -> Tensor:
        return torch.tensor(values, dtype=dtype, device=self._device)
