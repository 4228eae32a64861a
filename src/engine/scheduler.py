"""Decides which sequences take part in the next step. Knows counts and blocks, never tensors.

One token budget a step is shared by all. Replies come first: whoever has no more than a block of tokens to compute.
What is left goes to prompts in chunks, half of it to the prompt that came first, so that it always moves, the rest to
those closest to their first token. So a long prompt holds up running replies for one chunk at most, and short prompts
for twice their time at most; prompts of equal length are served one after the other.

Blocks are taken chunk by chunk, but a prompt starts only when all of it fits beside what the others still need. When
a reply needs a block and none is left, the sequence that came last gives its blocks back and is recomputed later.
"""

from __future__ import annotations

from bisect import insort
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

    def __init__(
        self, blocks: BlockManager, *, max_seqs: int, max_batched_tokens: int, max_prompt_tokens: int | None = None
    ) -> None:
        """`max_prompt_tokens`: most tokens of one prompt in a step; None: all that is left."""
        self.waiting: list[Sequence] = []
        """In order of arrival; they hold no blocks."""
        self.running: list[Sequence] = []
        """In order of arrival."""
        self.preemptions = 0
        self.lookups = 0
        """Full prompt blocks asked for in the prefix cache."""
        self.hits = 0
        self._blocks = blocks
        self._max_seqs = max_seqs
        self._max_batched_tokens = max_batched_tokens
        self._max_prompt_tokens = max_prompt_tokens or max_batched_tokens

    def add(self, sequence: Sequence) -> None:
        insort(self.waiting, sequence, key=_priority)

    def fork(self, parent: Sequence, child: Sequence) -> bool:
        """Let `child`, a new sequence of the same prompt, run from where `parent` is.

        They share full blocks; a partly filled last one is `child`'s own, and its content is to be copied. False when
        there is no room: `child` then waits like any other.
        """
        partial = 1 if parent.num_computed % self._blocks.block_size else 0
        own = self._blocks.allocate(partial) if len(self.running) < self._max_seqs else None
        if own is None:
            self.add(child)
            return False
        shared = parent.blocks[: parent.num_computed // self._blocks.block_size]
        self._blocks.hold(shared[parent.num_dropped :])
        child.blocks, child.num_dropped = shared + own, parent.num_dropped
        child.digests, child.num_computed = list(parent.digests), parent.num_computed
        self._start(child)
        return True

    @property
    def has_work(self) -> bool:
        return bool(self.waiting or self.running)

    def schedule(self) -> list[Chunk]:
        """The next step's work; empty when nothing can run."""
        batch: list[Chunk] = []
        budget = self._max_batched_tokens
        replies = [sequence for sequence in self.running if sequence.num_pending <= self._blocks.block_size]
        for sequence in replies:
            budget -= self._grant(batch, sequence, budget)
        if budget and (self.waiting or len(replies) < len(self.running)):
            self._admit()
            served = set(replies)
            prompts = [sequence for sequence in self.running if sequence not in served]
            for sequence in prompts:
                self._extend_prefix(sequence)
            for sequence, share in self._shares(prompts, budget).items():
                self._grant(batch, sequence, share)
        return [chunk for chunk in batch if chunk.sequence.status is Status.RUNNING]

    def finish(self, sequence: Sequence) -> None:
        """Take a sequence out, wherever it is, and give its blocks back."""
        if sequence.status is Status.RUNNING:
            self.running.remove(sequence)
        elif sequence in self.waiting:  # or not added yet
            self.waiting.remove(sequence)
        sequence.status = Status.FINISHED
        self._give_back(sequence)

    def computed(self, chunk: Chunk) -> None:
        """Record that a chunk's keys and values are in the cache; full blocks become shareable."""
        sequence, size = chunk.sequence, self._blocks.block_size
        first = sequence.num_computed // size
        sequence.num_computed += chunk.num_tokens
        full = sequence.num_computed // size
        if full > first and self._blocks.prefix_cache:
            for i, digest in enumerate(sequence.extend_digests(size, full)[first:], start=first):
                self._blocks.share(sequence.blocks[i], digest)

    def check(self) -> None:
        """Raise AssertionError unless queues, sequences and blocks agree."""
        for queue, status in ((self.waiting, Status.WAITING), (self.running, Status.RUNNING)):
            assert queue == sorted(queue, key=_priority), "a queue is out of order"
            assert all(sequence.status is status for sequence in queue), "a sequence is in the wrong queue"
        assert len(self.running) <= self._max_seqs, "too many sequences run"
        assert not any(sequence.blocks for sequence in self.waiting), "a waiting sequence holds blocks"
        for sequence in self.running:
            assert sequence.num_computed <= len(sequence.blocks) * self._blocks.block_size, "tokens have no blocks"
            assert not any(sequence.blocks[: sequence.num_dropped]), "a dropped block is still named"
        self._blocks.check(block for sequence in self.running for block in sequence.held_blocks)

    def _shares(self, prompts: list[Sequence], budget: int) -> dict[Sequence, int]:
        """How many tokens each prompt may compute, by arrival."""
        shares = dict.fromkeys(prompts, 0)
        closest_first = sorted(prompts, key=lambda sequence: sequence.num_pending)
        for sequence, most in [*((s, -(-budget // 2)) for s in prompts[:1]), *((s, budget) for s in closest_first)]:
            wanted = min(sequence.num_pending, self._max_prompt_tokens) - shares[sequence]
            share = min(wanted, most, budget)
            shares[sequence] += share
            budget -= share
        return shares

    def _grant(self, batch: list[Chunk], sequence: Sequence, tokens: int) -> int:
        """Put a chunk of at most so many tokens into the batch if it gets the blocks; returns its tokens."""
        if not tokens or sequence.status is not Status.RUNNING:  # preempted in favour of an earlier one
            return 0
        tokens = min(tokens, sequence.num_pending)
        if not self._make_room(sequence, sequence.num_computed + tokens):
            return 0
        batch.append(Chunk(sequence, tokens))
        return tokens

    def _admit(self) -> None:
        """Let waiting sequences run, strictly by arrival: nobody overtakes the one that does not fit."""
        while self.waiting and len(self.running) < self._max_seqs and self._fits(self.waiting[0]):
            self._start(self.waiting.pop(0))

    def _start(self, sequence: Sequence) -> None:
        sequence.status = Status.RUNNING
        insort(self.running, sequence, key=_priority)

    def _fits(self, sequence: Sequence) -> bool:
        """Whether all of its tokens find room, beside what running prompts still need and a block more for each
        running reply. The part that is in the prefix cache is held then; at least one token stays to be computed.
        """
        blocks, size = self._blocks, self._blocks.block_size
        digests = sequence.extend_digests(size, (len(sequence) - 1) // size) if blocks.prefix_cache else []
        first, prefix = blocks.acquire_prefix(digests)
        promised = sum(map(self._missing, self.running)) + len(self.running)
        sequence.blocks, sequence.num_dropped = [0] * first + prefix, first
        if self._missing(sequence) > blocks.num_available - promised:
            self._give_back(sequence)
            return False
        sequence.num_computed = len(sequence.blocks) * size
        self.lookups += len(digests)
        self._count_hits(sequence, len(sequence.blocks))
        return True

    def _missing(self, sequence: Sequence) -> int:
        """Blocks a sequence still has to get before all its tokens are computed."""
        total = self._blocks.blocks_for(len(sequence))
        if (window := self._blocks.window) is not None:
            total = min(total, self._blocks.blocks_for(window + self._max_batched_tokens) + 1)
        return max(0, total - (len(sequence.blocks) - sequence.num_dropped))

    def _extend_prefix(self, sequence: Sequence) -> None:
        """Take over what others computed of the same text since this sequence was admitted."""
        size = self._blocks.block_size
        known, shareable = len(sequence.blocks), (len(sequence) - 1) // size
        if known < shareable and self._blocks.prefix_cache and sequence.num_computed == known * size:
            more = self._blocks.acquire_following(sequence.extend_digests(size, shareable)[known:])
            sequence.blocks += more
            sequence.num_computed += len(more) * size
            self._count_hits(sequence, len(more))

    def _count_hits(self, sequence: Sequence, blocks: int) -> None:
        self.hits += blocks
        if not sequence.was_preempted:
            sequence.num_cached_tokens += blocks * self._blocks.block_size

    def _make_room(self, sequence: Sequence, num_tokens: int) -> bool:
        """Make sure the first `num_tokens` of a running sequence have blocks, preempting later arrivals if need be."""
        self._drop_unseen(sequence)
        missing = self._blocks.blocks_for(num_tokens) - len(sequence.blocks)
        if missing <= 0:
            return True
        while (more := self._blocks.allocate(missing)) is None:
            last = self.running[-1]
            self._preempt(last)
            if last is sequence:
                return False
        sequence.blocks += more
        return True

    def _drop_unseen(self, sequence: Sequence) -> None:
        """Give up blocks that no token to come can see."""
        if self._blocks.window is None:
            return
        first = min(self._blocks.first_visible(sequence.num_computed), len(sequence.blocks))
        if first > sequence.num_dropped:
            self._blocks.release(sequence.blocks[sequence.num_dropped : first])
            sequence.blocks[:first] = [0] * first
            sequence.num_dropped = first

    def _preempt(self, sequence: Sequence) -> None:
        self.running.remove(sequence)
        sequence.status = Status.WAITING
        sequence.was_preempted = True
        self._give_back(sequence)
        self.add(sequence)
        self.preemptions += 1

    def _give_back(self, sequence: Sequence) -> None:
        self._blocks.release(sequence.held_blocks)
        sequence.blocks = []
        sequence.num_dropped = 0
        sequence.num_computed = 0


def _priority(sequence: Sequence) -> tuple[float, int]:
    return sequence.priority
