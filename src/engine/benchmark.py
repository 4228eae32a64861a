"""How fast an engine is on this machine: prefill, decode, time to first token, memory.

Runs on the synchronous engine, in this process, so nothing but the engine is measured. Prompts are random tokens, new
ones each time, so that the prefix cache never helps.
"""

from __future__ import annotations

import contextlib
import resource
import sys
import time
import timeit
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import median

import torch

from engine.engine import Engine
from engine.layers.linear import Linear
from engine.quant.base import GGMLType, PackedTensor
from engine.request import Request, SamplingParams

_STREAM_BYTES = 256 << 20
"""More than the caches of a CPU hold."""


@dataclass(frozen=True, slots=True)
class Case:
    """What to run: `concurrency` requests that start together."""

    prompt_tokens: int
    generated_tokens: int
    concurrency: int = 1


@dataclass(frozen=True, slots=True)
class Together:
    """How long requests took that started at the same time."""

    first_s: float
    """Until the last of them had its first token."""
    decoded: int
    """Tokens of all of them after that."""
    decode_s: float


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


def forget_peak_memory() -> None:
    """Count the peak from now on, where the system can (Linux)."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def memory_bandwidth(threads: int, *, repeats: int = 9) -> float:
    """Bytes a second that `threads` threads together read from memory: the fastest of several passes over more than
    the caches hold. Decoding one sequence reads every weight once a token, so this bounds it.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        data = torch.ones(_STREAM_BYTES // 8, dtype=torch.int64)
        return _STREAM_BYTES / min(timeit.repeat(data.sum, number=1, repeat=repeats))
    finally:
        torch.set_num_threads(before)


def weight_bandwidth(*, repeats: int = 5) -> float:
    """Bytes a second of 4-bit weights that products with one token read, with the kernels and threads in use: the
    fastest of several passes over more than the caches hold.
    """
    rows, columns, type = 24_576, 1024, GGMLType.Q4_0
    blocks = torch.randint(0, 60, (rows, columns // type.block_elements * type.block_bytes), dtype=torch.uint8)
    layers = [
        Linear(PackedTensor(type, blocks.clone(), (rows, columns)), matmul_dtype=torch.int8)
        for _ in range(_STREAM_BYTES // 4 // blocks.nbytes)
    ]
    x = torch.randn(1, columns)

    def product() -> None:
        for layer in layers:
            layer(x)

    product()  # brings the weights into the kernels' layout
    return blocks.nbytes * len(layers) / min(timeit.repeat(product, number=1, repeat=repeats))


def run_together(engine: Engine, work: Sequence[tuple[Sequence[int], int]]) -> Together:
    """Run prompts that start at the same time, each with the number of tokens it gets, none fewer, all greedy."""
    name = f"bench-{time.monotonic_ns()}"
    start = time.perf_counter()
    for index, (prompt, generated) in enumerate(work):
        sampling = SamplingParams(temperature=0.0, max_tokens=generated, ignore_eos=True)
        engine.add(Request(f"{name}-{index}", tuple(prompt), sampling))
    started: set[str] = set()
    first = None
    decoded = 0
    while engine.has_work:
        for delta in engine.step():
            decoded += len(delta.token_ids) if first is not None else 0
            started.add(delta.request_id)
        if first is None and len(started) == len(work):
            first = time.perf_counter()
    end = time.perf_counter()
    assert first is not None
    return Together(first - start, decoded, end - first)


def _repeat(engine: Engine, case: Case, random: Random, times: int) -> Iterator[Timing]:
    for _ in range(times):
        prompts = [
            [random.randrange(10, engine.vocab_size - 10) for _ in range(case.prompt_tokens)]
            for _ in range(case.concurrency)
        ]
        together = run_together(engine, [(prompt, case.generated_tokens) for prompt in prompts])
        yield Timing(
            ttft_s=together.first_s,
            prefill_tokens_per_s=case.concurrency * case.prompt_tokens / together.first_s,
            decode_tokens_per_s=together.decoded / together.decode_s if together.decoded else 0.0,
        )
