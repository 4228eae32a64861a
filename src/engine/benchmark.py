"""How fast an engine is on this machine: prefill, decode, time to first token, memory.

Runs on the synchronous engine, in this process, so nothing but the engine is measured. Prompts are random tokens, new
ones each time, so that the prefix cache never helps.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from statistics import median

from engine.engine import Engine
from engine.request import Request, SamplingParams


@dataclass(frozen=True, slots=True)
class Case:
    """What to run: `concurrency` requests that start together."""

    prompt_tokens: int
    generated_tokens: int
    concurrency: int = 1


@dataclass(frozen=True, slots=True)
class Timing:
    """One run of a case. Rates are over all requests together."""

    ttft_s: float
    """Until the last of the requests had its first token."""
    prefill_tokens_per_s: float
    decode_tokens_per_s: float
    """Of the tokens after the first ones; 0 when only one was asked for."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """Medians over the iterations of a case."""

    case: Case
    timing: Timing
    spread: float
    """(slowest - fastest) / median of the rate that was asked for, to judge the noise."""
    peak_memory_mib: float
    """Largest resident set of the process so far."""


def measure(engine: Engine, case: Case, *, iterations: int = 3, warmup: int = 1, seed: int = 0) -> Measurement:
    """Run a case `warmup + iterations` times; the warm-up is not counted."""
    random = Random(seed)
    timings = list(_repeat(engine, case, random, warmup + iterations))[warmup:]
    rates = [t.decode_tokens_per_s or t.prefill_tokens_per_s for t in timings]
    middle = Timing(
        ttft_s=median(t.ttft_s for t in timings),
        prefill_tokens_per_s=median(t.prefill_tokens_per_s for t in timings),
        decode_tokens_per_s=median(t.decode_tokens_per_s for t in timings),
    )
    return Measurement(case, middle, (max(rates) - min(rates)) / median(rates), peak_memory_mib())


def peak_memory_mib() -> float:
    """Peak resident set of this process."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def _repeat(engine: Engine, case: Case, random: Random, times: int) -> Iterator[Timing]:
    sampling = SamplingParams(temperature=0.0, max_tokens=case.generated_tokens, ignore_eos=True)
    for iteration in range(times):
        for i in range(case.concurrency):
            prompt = tuple(random.randrange(10, engine.vocab_size - 10) for _ in range(case.prompt_tokens))
            engine.add(Request(f"bench-{iteration}-{i}", prompt, sampling))
        yield _time(engine, case)


def _time(engine: Engine, case: Case) -> Timing:
    start = time.perf_counter()
    started: set[str] = set()
    first = None
    decoded = 0
    while engine.has_work:
        for delta in engine.step():
            decoded += len(delta.token_ids) if first is not None else 0
            started.add(delta.request_id)
        if first is None and len(started) == case.concurrency:
            first = time.perf_counter()
    end = time.perf_counter()
    assert first is not None
    return Timing(
        ttft_s=first - start,
        prefill_tokens_per_s=case.concurrency * case.prompt_tokens / (first - start),
        decode_tokens_per_s=decoded / (end - first) if decoded else 0.0,
    )
