"""The benchmark counts what was really generated."""

from __future__ import annotations

from engine.benchmark import Case, measure
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
