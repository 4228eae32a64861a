"""One model, many replies: schedule, run, sample, finish. Plain and synchronous; one thread at a time."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from random import Random

from tokenizers import Tokenizer
from torch import Tensor

from engine.adapters.layers import Adapter
from engine.adapters.store import AdapterStore
from engine.block_manager import BlockManager
from engine.chat.detokenize import Detokenizer
from engine.chat.stop import StopStrings
from engine.config import EngineConfig
from engine.errors import ContextOverflow, EngineOverloaded, InvalidRequest
from engine.kv_cache import PagedKVCache
from engine.meters import Meters
from engine.models.base import Decoder
from engine.request import Constraint, Delta, EngineStats, FinishReason, Request, Usage
from engine.runner import Runner
from engine.sampling.check import check_sampling, check_token_ids
from engine.sampling.constraint import Compiled, ConstraintCompiler
from engine.sampling.logprobs import TokenTexts
from engine.sampling.sampler import Sampled, Sampler
from engine.scheduler import Chunk, Scheduler
from engine.sequence import Sequence, Status

_CONTEXT = 8
"""Prompt tokens that decide whether a continuation starts with a space."""


@dataclass(slots=True, eq=False)
class _Running:
    """A request under way: its choices, and what they add up to."""

    request: Request
    choices: list[Sequence]
    unscheduled: list[Sequence]
    """Choices that wait for the first one's prefill, whose blocks they will share."""
    deadline: float | None
    """`time.monotonic()` when the request ends, finished or not."""
    unfinished: int
    adapter: Adapter | None
    usage: Usage = field(default_factory=Usage)


class Engine:
    """Holds a model and its cache; `step` moves every running reply forward."""

    def __init__(
        self, model: Decoder, tokenizer: Tokenizer, config: EngineConfig, eos_token_ids: tuple[int, ...]
    ) -> None:
        self.config = config
        self.blocks = BlockManager(
            config.num_blocks, config.block_size, prefix_cache=config.prefix_cache, window=config.window
        )
        self._cache = PagedKVCache(
            model.cache_layers, config.num_blocks, config.block_size, config.cache_dtype, config.device
        )
        self.adapters = AdapterStore(model.sites, config.adapter_limits, config.default_adapter)
        self._scheduler = Scheduler(
            self.blocks,
            max_seqs=config.max_seqs,
            max_batched_tokens=config.max_batched_tokens,
            max_prompt_tokens=config.max_prompt_tokens,
        )
        self._runner = Runner(model, self._cache, config)
        self._sampler = Sampler(tokenizer, eos_token_ids)
        self._constraints = ConstraintCompiler(tokenizer, model.vocab_size, eos_token_ids)
        self._tokenizer = tokenizer
        self._texts = TokenTexts(tokenizer)
        self._eos_token_ids = frozenset(eos_token_ids)
        self.vocab_size = model.vocab_size
        self._seeds = Random(config.seed)
        self._requests: dict[str, _Running] = {}
        self._deadlines: list[tuple[float, str]] = []
        """Heap of deadlines and request ids; a request may have ended before."""
        self._meters = Meters()

    @property
    def has_work(self) -> bool:
        return self._scheduler.has_work

    def add(self, request: Request) -> None:
        """Queue a request. Raises: as `accept` and `start`."""
        request = self.accept(request)
        self.start(request, None if request.constraint is None else self.compile(request.constraint))

    def accept(self, request: Request) -> Request:
        """Give a request its place; it runs once it is started. Returns what `start` is to be given.

        Raises: InvalidRequest, ContextOverflow, EngineOverloaded; then there is nothing to start.
        """
        request = self._checked(request)
        count, params = request.sampling.n, self.config
        unfinished = sum(running.unfinished for running in self._requests.values())
        if unfinished + count > params.max_seqs + params.max_waiting:
            raise EngineOverloaded(
                f"{unfinished} replies are under way or waiting; at most {params.max_seqs} run and "
                f"{params.max_waiting} wait. Try again later."
            )
        adapter = self.adapters.lease(request.adapter)
        try:
            first, *others = (self._sequence(request, index, adapter) for index in range(count))
        except BaseException:
            self.adapters.release(adapter)
            raise
        deadline = None if request.timeout_s is None else first.arrival + request.timeout_s
        if deadline is not None:
            heappush(self._deadlines, (deadline, request.id))
        self._requests[request.id] = _Running(request, [first, *others], others, deadline, count, adapter)
        return request

    def compile(self, constraint: Constraint) -> Compiled:
        """Get ready for the start of a request with this grammar. Takes up to seconds; any thread may do it."""
        return self._constraints.timed(constraint)

    def start(self, request: Request, compiled: Compiled | None = None) -> None:
        """Queue an accepted request, unless it was aborted meanwhile; `compiled` is its grammar, if it has one.

        Raises: InvalidRequest when the grammar is wrong; then the request is forgotten.
        """
        running = self._requests.get(request.id)
        if running is None or running.request is not request:
            return
        first, *others = running.choices
        if compiled is not None:
            self._meters.grammar_s.add(compiled.seconds)
            if isinstance(compiled.grammar, InvalidRequest):
                del self._requests[request.id]
                self.adapters.release(running.adapter)
                raise compiled.grammar
            first.constraint = compiled.grammar
            for choice in others:
                choice.constraint = compiled.grammar.copy()
        self._scheduler.add(first)

    def abort(self, request_id: str, reason: FinishReason = FinishReason.CANCELED) -> None:
        """Forget a request and free its blocks; unknown ids are fine (it may just have finished)."""
        running = self._requests.pop(request_id, None)
        if running is None:
            return
        self._meters.completed[reason] += running.unfinished
        for sequence in running.choices:
            self._scheduler.finish(sequence)
        self.adapters.release(running.adapter)

    def abort_all(self) -> list[str]:
        """Forget everything after a failure; returns the ids of the requests that were under way."""
        ids = list(self._requests)
        for request_id in ids:
            self.abort(request_id, FinishReason.ERROR)
        return ids

    def step(self) -> list[Delta]:
        """Advance by one batch; returns what can be told."""
        ended = self._end_overdue() if self._deadlines else []
        batch = self._scheduler.schedule()
        if not batch:
            return ended
        batch.sort(key=_generation)
        now = time.monotonic()
        for chunk in batch:
            if chunk.sequence.started is None:
                chunk.sequence.started = now
        prompts = sum(chunk.sequence.first_token is None for chunk in batch)
        ready = [chunk.sequence for chunk in batch if chunk.completes]
        self._sampler.start_masks(ready)
        logits = self._runner.run(batch)
        for chunk in batch:
            self._scheduler.computed(chunk)
            self._meters.tokens_processed += chunk.num_tokens
        if self.config.recompute:
            for sequence in ready:
                sequence.num_computed = 0
        deltas = ended + self._sample(logits, ready) if ready else ended
        self._meters.step(len(batch), prompts, time.monotonic() - now)
        return deltas

    def stats(self) -> EngineStats:
        meters = self._meters
        return EngineStats(
            capacity=self.config.max_seqs,
            running=len(self._scheduler.running),
            waiting=len(self._scheduler.waiting),
            kv_blocks_used=self.blocks.num_held,
            kv_blocks_total=self.blocks.num_blocks,
            prefix_cache_lookups=self._scheduler.lookups,
            prefix_cache_hits=self._scheduler.hits,
            prefix_cache_evictions=self.blocks.evictions,
            preemptions=self._scheduler.preemptions,
            tokens_processed=meters.tokens_processed,
            prompt_tokens=meters.prompt_tokens,
            generated_tokens=meters.generated_tokens,
            completed=dict(meters.completed),
            first_token_s=meters.first_token_s.snapshot(),
            between_tokens_s=meters.between_tokens_s.snapshot(),
            step_s={kind: histogram.snapshot() for kind, histogram in meters.step_s.items()},
            step_sequences={kind: histogram.snapshot() for kind, histogram in meters.step_sequences.items()},
            grammar_s=meters.grammar_s.snapshot(),
        )

    def _checked(self, request: Request) -> Request:
        """The request, shortened if it asks for that; raises InvalidRequest when it cannot be served."""
        params = request.sampling
        if not request.prompt:
            raise InvalidRequest("Received an empty prompt.", param="messages")
        if request.id in self._requests:
            raise InvalidRequest(f"A request with id {request.id!r} is running already.")
        check_sampling(params, self.vocab_size)
        if params.n > self.config.max_seqs + self.config.max_waiting:
            raise InvalidRequest(
                f"n is {params.n}, but this server takes {self.config.max_seqs + self.config.max_waiting} replies at "
                "once, running and waiting ones together.",
                param="n",
            )
        if request.timeout_s is not None and not request.timeout_s > 0:
            raise InvalidRequest(f"timeout must be more than 0 seconds, got {request.timeout_s}.", param="timeout")
        check_token_ids(request.prompt, self.vocab_size, "prompt")
        limit = self.config.context_tokens
        if len(request.prompt) < limit:
            return request
        if not request.truncate:
            raise ContextOverflow(len(request.prompt), limit - 1)
        keep = max(1, limit - max(1, params.max_tokens or 1))
        return replace(request, prompt=request.prompt[-keep:])

    def _sequence(self, request: Request, index: int, adapter: Adapter | None) -> Sequence:
        seed = request.sampling.seed
        return Sequence(
            request=request,
            index=index,
            arrival=time.monotonic(),
            detokenizer=Detokenizer(
                self._tokenizer,
                skip_special_tokens=request.skip_special_tokens,
                context=request.prompt[-_CONTEXT:] if request.continues_text else (),
            ),
            stops=StopStrings(request.sampling.stop),
            sampling=self._sampler.state(
                request.sampling, self._seeds.getrandbits(64) if seed is None else seed, index
            ),
            adapter=adapter,
        )

    def _sample(self, logits: Tensor, ready: list[Sequence]) -> list[Delta]:
        """Choose a token for each sequence from its row of `logits` (N, vocab), and for choices forked from it."""
        rows = [(row, choice) for row, sequence in enumerate(ready) for choice in self._with_forks(sequence)]
        if len(rows) > len(ready):
            logits, ready = logits[[row for row, _ in rows]], [choice for _, choice in rows]
        deltas: list[Delta] = []
        tokens = self._sampler.sample(logits, ready)
        now = time.monotonic()
        for sequence, sampled in zip(ready, tokens, strict=True):
            if sampled is not None:
                deltas += self._take(sequence, sampled, now)
            elif sequence.status is not Status.FINISHED:  # with another choice of its request
                deltas.append(self._fail(sequence))
        return deltas

    def _with_forks(self, sequence: Sequence) -> list[Sequence]:
        """A sequence and, when its prompt has just been computed, the choices that go on from there at once."""
        running = self._requests[sequence.request.id]
        waiting, running.unscheduled = running.unscheduled, []
        forked = [sequence]
        for sibling in waiting:
            if self.config.recompute:
                self._scheduler.add(sibling)
            elif self._scheduler.fork(sequence, sibling):
                sibling.started = sequence.started
                for source, target in zip(sequence.blocks, sibling.blocks, strict=True):
                    if source != target:
                        self._cache.copy_block(source, target)
                forked.append(sibling)
        return forked

    def _take(self, sequence: Sequence, sampled: Sampled, now: float) -> list[Delta]:
        """Add a token sampled `now`, and those a grammar forces after it; finish the sequence when it is time."""
        if sequence.first_token is None:
            sequence.first_token = now
            self._meters.first_token_s.add(now - sequence.arrival)
            self._meters.prompt_tokens += sequence.num_prompt_tokens if sequence.index == 0 else 0
        else:
            self._meters.between_tokens_s.add(now - sequence.last_token)
        sequence.last_token = now
        deltas = [self._append(sequence, sampled)]
        if sequence.constraint is not None and sequence.request.sampling.logprobs is None:
            for token_id in sequence.constraint.forced():
                if deltas[-1].finish_reason is not None:
                    break
                deltas.append(self._append(sequence, Sampled(token_id)))
        return deltas

    def _fail(self, sequence: Sequence) -> Delta:
        """End a whole request whose numbers broke; its blocks are wiped, so that they harm nobody who gets them."""
        request_id = sequence.request.id
        held = {block for choice in self._requests[request_id].choices for block in choice.held_blocks}
        self.blocks.condemn(held)
        self.abort(request_id, FinishReason.ERROR)
        for block in held:
            if not self.blocks.is_held(block):
                self._cache.wipe_block(block)
        return Delta(
            request_id,
            sequence.index,
            finish_reason=FinishReason.ERROR,
            error="The model produced logits that are not finite numbers; its weights may be damaged.",
        )

    def _end_overdue(self) -> list[Delta]:
        """End the requests whose time is over, with what they have."""
        deltas: list[Delta] = []
        now = time.monotonic()
        while self._deadlines and self._deadlines[0][0] <= now:
            deadline, request_id = heappop(self._deadlines)
            running = self._requests.get(request_id)
            if running is not None and running.deadline == deadline:
                deltas += [self._end(choice) for choice in running.choices if choice.status is not Status.FINISHED]
        return deltas

    def _end(self, sequence: Sequence) -> Delta:
        return Delta(
            sequence.request.id,
            sequence.index,
            text=self._rest(sequence),
            finish_reason=FinishReason.TIMEOUT,
            usage=self._finish(sequence, FinishReason.TIMEOUT),
        )

    def _append(self, sequence: Sequence, sampled: Sampled) -> Delta:
        sequence.token_ids.append(sampled.token_id)
        self._meters.generated_tokens += 1
        text, reason, stop = self._text(sequence, sampled.token_id)
        visible = sampled.token_id not in self._eos_token_ids or sequence.request.sampling.ignore_eos
        return Delta(
            request_id=sequence.request.id,
            index=sequence.index,
            text=text,
            token_ids=(sampled.token_id,) if visible else (),
            logprobs=(
                (self._texts.entry(sampled.token_id, sampled.logprob, sampled.top),)
                if visible and sampled.logprob is not None
                else ()
            ),
            finish_reason=reason,
            stop_sequence=stop,
            usage=None if reason is None else self._finish(sequence, reason),
        )

    def _text(self, sequence: Sequence, token_id: int) -> tuple[str, FinishReason | None, str | None]:
        """What the newest token adds to the visible text, whether it ends the reply, and which stop string did."""
        if sequence.constraint is not None and not sequence.constraint.accept(token_id):
            return self._rest(sequence), FinishReason.ERROR, None
        params = sequence.request.sampling
        may_stop = sequence.num_generated >= params.min_tokens
        is_end = token_id in self._eos_token_ids and not params.ignore_eos
        stop_tokens = sequence.sampling.stop_tokens
        if may_stop and (is_end or token_id in stop_tokens):
            return self._rest(sequence), FinishReason.STOP, stop_tokens.get(token_id)
        text, matched = sequence.detokenizer.push(token_id), None
        if may_stop:
            text, matched = sequence.stops.push(text)
        if matched is not None:
            return text, FinishReason.STOP, matched
        reason = self._limit(sequence)
        return (text if reason is None else text + self._rest(sequence)), reason, None

    def _limit(self, sequence: Sequence) -> FinishReason | None:
        """Why the reply must end here although the model would go on, if it must."""
        max_tokens = sequence.request.sampling.max_tokens
        if max_tokens is not None and sequence.num_generated >= max_tokens:
            return FinishReason.LENGTH
        if len(sequence) >= self.config.context_tokens:
            return FinishReason.LENGTH
        if sequence.constraint is not None and sequence.constraint.is_finished:
            return FinishReason.STOP
        return None

    def _rest(self, sequence: Sequence) -> str:
        """Text held back so far, now that no more will come."""
        text, matched = sequence.stops.push(sequence.detokenizer.flush())
        return text if matched is not None else text + sequence.stops.flush()

    def _finish(self, sequence: Sequence, reason: FinishReason) -> Usage | None:
        """Take a finished choice out; returns the request's usage when it was the last."""
        running = self._requests[sequence.request.id]
        self._meters.completed[reason] += 1
        self._scheduler.finish(sequence)
        now = time.monotonic()
        started = sequence.started or now
        first_token = sequence.first_token or now
        first = sequence.index == 0
        running.usage += Usage(
            prompt_tokens=sequence.num_prompt_tokens if first else 0,
            cached_tokens=sequence.num_cached_tokens if first else 0,
            completion_tokens=sequence.num_generated,
            queue_s=started - sequence.arrival if first else 0.0,
            prefill_s=first_token - started if first else 0.0,
            decode_s=now - first_token,
        )
        running.unfinished -= 1
        if running.unfinished:
            return None
        del self._requests[sequence.request.id]
        self.adapters.release(running.adapter)
        return running.usage


def _generation(chunk: Chunk) -> str:
    """Order of a step's chunks: those of one adapter side by side, those of none first."""
    adapter = chunk.sequence.adapter
    return "" if adapter is None else adapter.generation
