"""A batch becomes tensors, tensors become logits."""

from __future__ import annotations

from collections.abc import Sequence as Items

import numpy as np
import torch
from torch import Tensor

from engine.adapters.layers import AdapterRows
from engine.attention.base import Step
from engine.config import EngineConfig
from engine.kv_cache import PagedKVCache
from engine.models.base import Decoder
from engine.scheduler import Chunk


class Runner:
    """Runs one step of a model over the paged cache."""

    def __init__(self, model: Decoder, cache: PagedKVCache, config: EngineConfig) -> None:
        self._model = model
        self._cache = cache
        self._inputs = StepInputs(config)

    @torch.inference_mode()
    def run(self, batch: Items[Chunk]) -> Tensor:
        """Compute a step in which chunks of one adapter lie side by side.

        Returns (N, vocab) float32 logits, one row per chunk that `completes`, in order."""
        token_ids, step = self._inputs.fill(batch)
        last: list[int] = []
        end = 0
        for chunk in batch:
            end += chunk.num_tokens
            if chunk.completes:
                last.append(end - 1)
        wanted = None if len(last) == end else torch.tensor(last, dtype=torch.int64)
        with self._model.sites.serving(_rows_of_adapters(batch)):
            return self._model.logits(self._model.forward(token_ids, step, self._cache, wanted))


def _rows_of_adapters(batch: Items[Chunk]) -> list[AdapterRows]:
    rows: list[AdapterRows] = []
    end = 0
    for chunk in batch:
        start, end = end, end + chunk.num_tokens
        adapter = chunk.sequence.adapter
        if rows and rows[-1].adapter is adapter and rows[-1].stop == start:
            rows[-1] = AdapterRows(rows[-1].adapter, rows[-1].start, end)
        elif adapter is not None:
            rows.append(AdapterRows(adapter, start, end))
    return rows


class StepInputs:
    """Writes each step's numbers into the same host memory: a decode step then makes no new tensors on a CPU, and
    block tables are written only where they grew. On a GPU the memory is pinned, and sampling waits for every step
    before the next one is filled.
    """

    def __init__(self, config: EngineConfig) -> None:
        tokens, sequences = config.max_batched_tokens, config.max_seqs
        pinned = config.device.type == "cuda"
        self._device = config.device
        self._block_size = config.block_size
        width = -(-config.context_tokens // config.block_size)
        self._tensors = (
            torch.zeros(tokens, dtype=torch.int64, pin_memory=pinned),
            torch.zeros(tokens, dtype=torch.int64, pin_memory=pinned),
            torch.zeros(tokens, dtype=torch.int64, pin_memory=pinned),
            torch.zeros(sequences + 1, dtype=torch.int32, pin_memory=pinned),
            torch.zeros(sequences, dtype=torch.int32, pin_memory=pinned),
            torch.zeros(sequences, width, dtype=torch.int32, pin_memory=pinned),
        )
        arrays = [tensor.numpy() for tensor in self._tensors]
        self._token_ids, self._positions, self._slots, self._starts, self._contexts, self._tables = arrays
        self._rows: list[tuple[list[int], int]] = [([], 0)] * sequences
        """Which sequence's block list a row of the table shows, and how many of its entries."""
        self._decode_views: dict[int, tuple[Tensor, ...]] = {}

    def fill(self, batch: Items[Chunk]) -> tuple[Tensor, Step]:
        """Token ids (T,) and everything else about a step; good until the next call."""
        start = 0
        for row, chunk in enumerate(batch):
            self._show_blocks(row, chunk.sequence.blocks)
            start = self._fill_tokens(row, chunk, start)
            self._starts[row + 1] = start
            self._contexts[row] = chunk.sequence.num_computed + chunk.num_tokens
        token_ids, positions, slots, starts, contexts, tables = self._views(start, len(batch))
        # the positions are an object of each step's own: layers compute angles for the first of them that asks
        return token_ids, Step(
            positions=positions.view(-1),
            query_starts=starts,
            context_lens=contexts,
            block_tables=tables,
            slots=slots,
            query_lens=tuple([chunk.num_tokens for chunk in batch]),
            context_lens_host=tuple(self._contexts[: len(batch)].tolist()),
        )

    def _fill_tokens(self, row: int, chunk: Chunk, start: int) -> int:
        """Token ids, positions and slots of a chunk from `start` on; returns where the next chunk starts."""
        sequence, size = chunk.sequence, self._block_size
        first, end = sequence.num_computed, start + chunk.num_tokens
        if chunk.num_tokens == 1:
            self._token_ids[start] = sequence.token_ids[first]
            self._positions[start] = first
            self._slots[start] = sequence.blocks[first // size] * size + first % size
        else:
            span = np.arange(first, first + chunk.num_tokens)
            self._token_ids[start:end] = sequence.token_ids[first : first + chunk.num_tokens]
            self._positions[start:end] = span
            self._slots[start:end] = self._tables[row, span // size].astype(np.int64) * size + span % size
        return end

    def _show_blocks(self, row: int, blocks: list[int]) -> None:
        shown, count = self._rows[row]
        if shown is not blocks:
            count = 0
        if count < len(blocks):
            self._tables[row, count : len(blocks)] = blocks[count:]
        if shown is not blocks or count < len(blocks):
            self._rows[row] = (blocks, len(blocks))

    def _views(self, tokens: int, sequences: int) -> tuple[Tensor, ...]:
        """The used parts of the buffers, on the model's device."""
        views = self._decode_views.get(sequences) if tokens == sequences else None
        if views is None:
            lengths = (tokens, tokens, tokens, sequences + 1, sequences, sequences)
            views = tuple(tensor[:length] for tensor, length in zip(self._tensors, lengths, strict=True))
            if tokens == sequences:
                self._decode_views[sequences] = views
        if self._device.type == "cpu":
            return views
        return tuple(view.to(self._device, non_blocking=True) for view in views)
