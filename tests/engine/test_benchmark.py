"""The benchmark counts what was really generated."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from engine.benchmark import Case, measure, memory_bandwidth, weight_bandwidth
from tests.engine.toy import ToyDecoder, toy_engine


def test_every_iteration_runs_fresh_prompts_to_the_asked_length():
    decoder = ToyDecoder()
    engine = toy_engine(decoder)
    result = measure(engine, Case(prompt_tokens=40, generated_tokens=6, concurrency=2), iterations=2, warmup=1)
    assert sum(decoder.step_tokens) == 3 * 2 * (40 + 5)  # nothing came from the prefix cache
    assert result.timing.prefill_tokens_per_s > 0
    assert result.timing.decode_tokens_per_s > 0
    assert result.peak_memory_mib > 50


def test_a_prefill_only_case_reports_no_decode_rate():
    result = measure(toy_engine(), Case(prompt_tokens=16, generated_tokens=1), iterations=1, warmup=0)
    assert result.timing.decode_tokens_per_s == 0


def test_reading_speed_is_bytes_by_the_fastest_pass(monkeypatch: pytest.MonkeyPatch):
    def passes(run: Callable[[], object], *, number: int, repeat: int) -> list[float]:
        run()
        return [1.0] * (number * repeat - 1) + [0.5]

    monkeypatch.setattr("timeit.repeat", passes)
    assert memory_bandwidth(1) == 2 * (256 << 20)
    assert 2 * (50 << 20) < weight_bandwidth() <= 2 * (64 << 20)  # whole matrices only
