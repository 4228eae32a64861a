"""A KV cache and steps for driving a decoder by hand."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import torch
from torch import Tensor

from engine.attention.base import Step
from engine.models.base import Decoder

BLOCK_SIZE = 4


class Cache:
    """One tensor a layer, float32."""

    block_size = BLOCK_SIZE

    def __init__(self, model: Decoder, num_blocks: int = 64) -> None:
        self._layers = [
            torch.full((2, num_blocks, spec.num_kv_heads, BLOCK_SIZE, spec.head_dim), 1e3)
            for spec in model.cache_layers
        ]

    def layer(self, index: int) -> Tensor:
        return self._layers[index]


class Driver:
    """Feeds chunks of several sequences to a decoder; sequence i owns blocks i, i + stride, … in scattered order."""

    def __init__(self, model: Decoder, num_sequences: int = 1, blocks_each: int = 16) -> None:
        self.model = model
        self.cache = Cache(model, num_sequences * blocks_each)
        self._tables = [
            [block * num_sequences + sequence for block in reversed(range(blocks_each))]
            for sequence in range(num_sequences)
        ]
        self._lengths = [0] * num_sequences

    @torch.inference_mode()
    def feed(self, chunks: dict[int, Sequence[int]]) -> dict[int, Tensor]:
        """Sequence → next tokens; returns sequence → logits (tokens, vocab) of that chunk."""
        logits = self.model.logits(self.hidden(chunks))
        return dict(zip(chunks, logits.split([len(tokens) for tokens in chunks.values()]), strict=True))

    def hidden(self, chunks: dict[int, Sequence[int]], wanted: Tensor | None = None) -> Tensor:
        """Sequence → next tokens; returns hidden states of all tokens or of the wanted ones."""
        positions: list[int] = []
        for sequence, tokens in chunks.items():
            start = self._lengths[sequence]
            self._lengths[sequence] = start + len(tokens)
            positions += range(start, start + len(tokens))
        lens = tuple(len(tokens) for tokens in chunks.values())
        contexts = tuple(self._lengths[sequence] for sequence in chunks)
        owners = [sequence for sequence, tokens in chunks.items() for _ in tokens]
        slots = [
            self._tables[sequence][position // BLOCK_SIZE] * BLOCK_SIZE + position % BLOCK_SIZE
            for sequence, position in zip(owners, positions, strict=True)
        ]
        step = Step(
            positions=torch.tensor(positions),
            query_starts=torch.tensor([0, *accumulate(lens)], dtype=torch.int32),
            context_lens=torch.tensor(contexts, dtype=torch.int32),
            block_tables=torch.tensor([self._tables[sequence] for sequence in chunks], dtype=torch.int32),
            slots=torch.tensor(slots),
            query_lens=lens,
            context_lens_host=contexts,
        )
        token_ids = torch.tensor([token for tokens in chunks.values() for token in tokens])
        return self.model.forward(token_ids, step, self.cache, wanted)
