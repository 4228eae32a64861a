"""Scheduler and block manager over a pretend cache: whatever happens, every token sees exactly its own past."""

from __future__ import annotations

import functools
from itertools import count

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from engine.block_manager import BlockManager
from engine.chat.detokenize import Detokenizer
from engine.chat.stop import StopStrings
from engine.request import Request, SamplingParams
from engine.sampling.state import SamplingState
from engine.scheduler import Chunk, Scheduler
from engine.sequence import Sequence, Status
from tests.engine.toy import toy_tokenizer

CONTEXT = 60
_arrivals = count()


def sequence_of(prompt: list[int], salt: str = "", index: int = 0, arrival: float | None = None) -> Sequence:
    return Sequence(
        Request(id="", prompt=tuple(prompt), cache_salt=salt),
        index=index,
        arrival=next(_arrivals) if arrival is None else arrival,
        detokenizer=_detokenizer(),
        stops=StopStrings(()),
        sampling=SamplingState(SamplingParams(), key=0),
    )


@functools.cache
def _detokenizer() -> Detokenizer:
    return Detokenizer(toy_tokenizer())


class Rig:
    """A scheduler, its blocks, and a cache that remembers which text each slot was computed for."""

    def __init__(self, *, num_blocks=16, block_size=4, window=None, prefix_cache=True, max_seqs=4, budget=12, **more):
        self.blocks = BlockManager(num_blocks, block_size, prefix_cache=prefix_cache, window=window)
        self.scheduler = Scheduler(self.blocks, max_seqs=max_seqs, max_batched_tokens=budget, **more)
        self.budget = budget
        self.cache: dict[int, tuple[str, tuple[int, ...]]] = {}

    def step(self) -> list[Chunk]:
        """Schedule and compute; sequences whose chunk completes are ready for a token."""
        batch = self.scheduler.schedule()
        assert sum(chunk.num_tokens for chunk in batch) <= self.budget
        assert len({chunk.sequence for chunk in batch}) == len(batch)
        for chunk in batch:
            assert 0 < chunk.num_tokens <= chunk.sequence.num_pending
            for position in self._positions(chunk):
                self.cache[self._slot(chunk.sequence, position)] = self._past(chunk.sequence, position)
        for chunk in batch:
            for position in self._positions(chunk):
                seen_from = 0 if self.blocks.window is None else max(0, position - self.blocks.window + 1)
                for seen in range(seen_from, position + 1):
                    assert self.cache[self._slot(chunk.sequence, seen)] == self._past(chunk.sequence, seen)
        done = [chunk for chunk in batch if chunk.completes]
        for chunk in batch:
            self.scheduler.computed(chunk)
        assert bool(batch) == self.scheduler.has_work, "work that cannot go on"
        self.scheduler.check()
        return done

    def fork(self, parent: Sequence, child: Sequence) -> None:
        if self.scheduler.fork(parent, child):
            size = self.blocks.block_size
            for source, target in zip(parent.blocks, child.blocks, strict=True):
                if source != target:
                    for offset in range(size):
                        self.cache[target * size + offset] = self.cache.get(source * size + offset, ("", ()))

    def _positions(self, chunk: Chunk) -> range:
        return range(chunk.sequence.num_computed, chunk.sequence.num_computed + chunk.num_tokens)

    def _slot(self, sequence: Sequence, position: int) -> int:
        size = self.blocks.block_size
        assert position // size >= sequence.num_dropped
        return sequence.blocks[position // size] * size + position % size

    def _past(self, sequence: Sequence, position: int) -> tuple[str, tuple[int, ...]]:
        return sequence.request.cache_salt, tuple(sequence.token_ids[: position + 1])


class AnyOrder(RuleBasedStateMachine):
    """Adds, steps, forks, aborts and finishes in any order, on caches of any shape."""

    @initialize(
        num_blocks=st.sampled_from([15, 17, 40]),
        window=st.sampled_from([None, None, 3, 9]),
        prefix_cache=st.sampled_from([True, True, False]),
        max_seqs=st.integers(1, 5),
        budget=st.integers(5, 24),
        max_prompt_tokens=st.sampled_from([None, 3]),
    )
    def build(self, **shape):
        self.rig = Rig(**shape)
        self.live: list[Sequence] = []
        self.children: dict[Sequence, list[Sequence]] = {}

    @rule(
        text=st.integers(0, 1),
        length=st.integers(1, 45),
        salt=st.sampled_from(["", "", "other"]),
        choices=st.sampled_from([1, 1, 1, 3]),
    )
    def add(self, text, length, salt, choices):
        prompt = [text * 50 + i % 40 for i in range(length)]
        parent = sequence_of(prompt, salt)
        siblings = [sequence_of(prompt, salt, index, parent.arrival) for index in range(1, choices)]
        self.rig.scheduler.add(parent)
        self.live.append(parent)
        self.children[parent] = siblings

    @rule(tokens=st.lists(st.sampled_from([1, 2]), min_size=1, max_size=3), times=st.integers(1, 8))
    def step(self, tokens, times):
        for _ in range(times):
            self._advance(tokens, longest=CONTEXT)

    @precondition(lambda self: len(self.live) > 2)
    @rule(which=st.integers(0, 100))
    def end(self, which):
        self._finish(self.live[which % len(self.live)])

    @invariant()
    def all_is_in_order(self):
        if hasattr(self, "rig"):
            self.rig.scheduler.check()

    def teardown(self):
        if not hasattr(self, "rig"):
            return
        for _ in range(2000):
            if not self.rig.scheduler.has_work:
                break
            self._advance([1, 2], longest=CONTEXT)
        assert not self.rig.scheduler.has_work, "somebody never ran"
        assert self.rig.blocks.num_held == 0

    def _advance(self, tokens: list[int], longest: int) -> None:
        """One step; every sequence that is ready gets these tokens, and ends when it is so long."""
        for chunk in self.rig.step():
            for sequence in [chunk.sequence, *self._forked(chunk.sequence)]:
                if sequence.status is Status.RUNNING:
                    sequence.token_ids += tokens
                    if len(sequence) >= longest:
                        self._finish(sequence)

    def _forked(self, sequence: Sequence) -> list[Sequence]:
        siblings = self.children.pop(sequence, [])
        for sibling in siblings:
            self.rig.fork(sequence, sibling)
        self.live += siblings
        return siblings

    def _finish(self, sequence: Sequence) -> None:
        self.rig.scheduler.finish(sequence)
        self.live.remove(sequence)


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(  # more than 10,000 steps of the scheduler, the same ones in every run
    max_examples=120,
    stateful_step_count=50,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)


def numbers(start: int, length: int) -> list[int]:
    return list(range(start, start + length))


def added(rig: Rig, *prompts: list[int]) -> list[Sequence]:
    sequences = [sequence_of(prompt) for prompt in prompts]
    for sequence in sequences:
        rig.scheduler.add(sequence)
    return sequences


def steps_to_first_token(rig: Rig, sequences: list[Sequence]) -> list[int]:
    """In which step each sequence became ready; all others go on."""
    ready: dict[Sequence, int] = {}
    for step in count(1):
        for chunk in rig.step():
            ready.setdefault(chunk.sequence, step)
            chunk.sequence.token_ids.append(1)
        if len(ready) == len(sequences):
            return [ready[sequence] for sequence in sequences]
    raise AssertionError


def test_a_short_prompt_behind_a_long_one_needs_no_more_than_twice_its_time():
    rig = Rig(num_blocks=100, budget=20)
    sequences = added(rig, numbers(1, 200), numbers(300, 18))
    assert steps_to_first_token(rig, sequences) == [12, 2]


def test_a_long_prompt_moves_whatever_short_ones_come():
    rig = Rig(num_blocks=100, budget=20, max_seqs=8)
    (long,) = added(rig, numbers(1, 100))
    for step in range(10):
        added(rig, numbers(500 + 20 * step, 19))
        for chunk in rig.step():
            rig.scheduler.finish(chunk.sequence)
    assert long.status is Status.FINISHED


def test_prompts_of_equal_length_are_served_one_after_the_other():
    rig = Rig(num_blocks=100, budget=20)
    assert steps_to_first_token(rig, added(rig, *(numbers(100 * i, 40) for i in range(3)))) == [2, 5, 7]


def test_a_prompt_takes_no_more_of_a_step_than_it_may():
    rig = Rig(num_blocks=100, budget=20, max_prompt_tokens=5)
    (long,) = added(rig, numbers(1, 40))
    assert steps_to_first_token(rig, [long]) == [8]


def test_prompts_with_the_same_beginning_compute_it_once_even_when_they_come_together():
    rig = Rig(num_blocks=100, budget=20)
    beginning = numbers(1, 80)
    sequences = added(rig, *([*beginning, 100 + i] for i in range(4)))
    assert steps_to_first_token(rig, sequences) == [5, 5, 5, 5]
    assert [sequence.num_cached_tokens for sequence in sequences] == [0, 80, 80, 80]


def test_a_prompt_waits_while_running_replies_may_need_the_blocks():
    rig = Rig(num_blocks=5)
    first, second = added(rig, numbers(1, 8), numbers(50, 8))
    for chunk in rig.step():
        chunk.sequence.token_ids.append(1)
    assert (first.status, second.status) == (Status.RUNNING, Status.RUNNING)
    (third,) = added(rig, numbers(90, 4))
    for chunk in rig.step():
        chunk.sequence.token_ids.append(1)
    assert third.status is Status.WAITING
    rig.scheduler.finish(first)
    rig.step()
    assert third.status is Status.RUNNING
    assert rig.scheduler.preemptions == 0


def test_a_reply_preempted_by_an_earlier_prompt_takes_no_part_in_the_step():
    rig = Rig(num_blocks=10)
    old, young = added(rig, numbers(1, 28), numbers(50, 4))
    batch = []
    while not rig.scheduler.preemptions:
        young.token_ids += [1] * (4 if young.num_computed else 0)
        batch = rig.scheduler.schedule()
        for chunk in batch:
            rig.scheduler.computed(chunk)
    assert [chunk.sequence for chunk in batch] == [old]
    assert rig.scheduler.waiting == [young]


def test_the_youngest_is_preempted_and_goes_on_where_it_was():
    rig = Rig(num_blocks=7, prefix_cache=False)
    sequences = added(rig, numbers(1, 8), numbers(50, 8))
    while not rig.scheduler.preemptions:
        for chunk in rig.step():
            chunk.sequence.token_ids.append(7)
    older, younger = sequences
    assert (older.status, younger.status) == (Status.RUNNING, Status.WAITING)
    length = len(younger)
    rig.scheduler.finish(older)
    while not (done := rig.step()):
        pass
    assert done == [Chunk(younger, done[0].num_tokens)]
    assert len(younger) == length


def test_windowed_sequences_hold_what_they_can_see_and_no_more():
    rig = Rig(num_blocks=8, window=6, budget=8)
    (long,) = added(rig, numbers(1, 200))
    while not rig.step():
        rig.scheduler.check()
        assert rig.blocks.num_held <= rig.blocks.blocks_for(6 + 8) + 1
    assert long.num_pending == 0


def test_a_windowed_prefix_is_found_though_its_beginning_was_evicted():
    rig = Rig(num_blocks=8, window=6, budget=8)
    text = numbers(1, 60)
    (first,) = added(rig, text)
    steps_to_first_token(rig, [first])
    rig.scheduler.finish(first)
    assert rig.blocks.evictions > 0
    (again,) = added(rig, text)
    assert steps_to_first_token(rig, [again]) == [1]
    assert again.num_cached_tokens == 56


def test_forked_choices_share_full_blocks_and_own_the_last():
    rig = Rig()
    (parent,) = added(rig, numbers(1, 10))
    rig.step()
    children = [sequence_of(numbers(1, 10), "", index, parent.arrival) for index in (1, 2)]
    for child in children:
        rig.fork(parent, child)
    assert [child.blocks[:2] for child in children] == [parent.blocks[:2]] * 2
    assert len({sequence.blocks[2] for sequence in (parent, *children)}) == 3
    assert rig.blocks.num_held == 5
    rig.scheduler.check()
