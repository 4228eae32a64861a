"""Decides which sequences take part in the next step. Knows counts and blocks, never tensors.

One token budget a step is shared by all: running replies take one token each, then prompts take chunks of what is
left, in order of arrival. So a long prompt never holds up running replies for longer than one chunk. When a reply
needs a block and none is left, the sequence that came last gives its blocks back and is recomputed later.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from engine.block_manager import BlockManager
from engine.sequence import Sequence, Status


@dataclass(frozen=True, slots=True)
class Chunk:
    """A sequence's share of a step: its next `num_tokens` pending tokens."""

    sequence: Sequence
    num_tokens: int

    @property
    def completes(self) -> bool:
        """After this chunk nothing is pending, so the next token can be sampled."""
        return self.num_tokens == self.sequence.num_pending


class Scheduler:
    """Moves sequences between waiting and running; asks the block manager for room."""

    def __init__(self, blocks: BlockManager, *, max_seqs: int, max_batched_tokens: int) -> None:
        self.waiting: deque[Sequence] = deque()
        self.running: list[Sequence] = []
        """In order of arrival."""
        self.preemptions = 0
        self._blocks = blocks
        self._max_seqs = max_seqs
        self._max_batched_tokens = max_batched_tokens

    def add(self, sequence: Sequence) -> None:
        self.waiting.append(sequence)

    @property
    def has_work(self) -> bool:
        return bool(self.waiting or self.running)

    def schedule(self) -> list[Chunk]:
        """The next step's work; empty when nothing can run."""
        batch = self._advance(self._max_batched_tokens)
        budget = self._max_batched_tokens - sum(chunk.num_tokens for chunk in batch)
        return batch + self._admit(budget)

    def finish(self, sequence: Sequence) -> None:
        """Take a sequence out, wherever it is, and give its blocks back."""
        if sequence.status is Status.RUNNING:
            self.running.remove(sequence)
        elif sequence.status is Status.WAITING:
            self.waiting.remove(sequence)
        sequence.status = Status.FINISHED
        self._give_back(sequence)

    def computed(self, chunk: Chunk) -> None:
        """Record that a chunk's keys and values are in the cache; full blocks become shareable."""
        sequence = chunk.sequence
        first = sequence.num_computed // self._blocks.block_size
        sequence.num_computed += chunk.num_tokens
        full = sequence.num_computed // self._blocks.block_size
        for i, digest in enumerate(sequence.extend_digests(self._blocks.block_size, full)[first:], start=first):
            self._blocks.share(sequence.blocks[i], digest)

    def _advance(self, budget: int) -> list[Chunk]:
        """Running sequences: those that decode first, then prompts under way, each by arrival."""
        batch: list[Chunk] = []
        for sequence in sorted(self.running, key=lambda s: s.num_pending > 1):
            if sequence.status is not Status.RUNNING or not budget:
                continue  # preempted in favour of an earlier one, or nothing left to give
            if self._make_room(sequence):
                chunk = Chunk(sequence, min(budget, sequence.num_pending))
                budget -= chunk.num_tokens
                batch.append(chunk)
        return [chunk for chunk in batch if chunk.sequence.status is Status.RUNNING]

    def _admit(self, budget: int) -> list[Chunk]:
        """Waiting sequences, strictly by arrival: nobody overtakes the one that does not fit."""
        batch: list[Chunk] = []
        while budget and self.waiting and len(self.running) < self._max_seqs:
            sequence = self.waiting[0]
            if not self._reserve(sequence):
                break
            self.waiting.popleft()
            sequence.status = Status.RUNNING
            self.running.append(sequence)
            chunk = Chunk(sequence, min(budget, sequence.num_pending))
            budget -= chunk.num_tokens
            batch.append(chunk)
        return batch

    def _reserve(self, sequence: Sequence) -> bool:
        """Hold blocks for all tokens so far, reusing a cached prefix; at least one token stays to be computed."""
        size = self._blocks.block_size
        shareable = (len(sequence) - 1) // size
        prefix = self._blocks.acquire_prefix(sequence.extend_digests(size, shareable))
        rest = self._blocks.allocate(self._blocks.blocks_for(len(sequence)) - len(prefix))
        if rest is None:
            self._blocks.release(prefix)
            return False
        sequence.blocks = prefix + rest
        sequence.num_computed = len(prefix) * size
        if sequence.started is None:
            sequence.num_cached_tokens = sequence.num_computed
        return True

    def _make_room(self, sequence: Sequence) -> bool:
        """Make sure every token of a running sequence has a block, preempting later arrivals if need be."""
        while True:
            missing = self._blocks.blocks_for(len(sequence)) - len(sequence.blocks)
            if missing <= 0:
                return True
            more = self._blocks.allocate(missing)
            if more is not None:
                sequence.blocks += more
                return True
            last = max(self.running, key=lambda s: s.arrival)
            self._preempt(last)
            if last is sequence:
                return False

    def _preempt(self, sequence: Sequence) -> None:
        self.running.remove(sequence)
        sequence.status = Status.WAITING
        self._give_back(sequence)
        self.waiting.appendleft(sequence)
        self.preemptions += 1

    def _give_back(self, sequence: Sequence) -> None:
        self._blocks.release(sequence.blocks)
        sequence.blocks = []
        sequence.num_computed = 0
