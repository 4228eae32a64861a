"""Options about cache and schedule: what they decide, and that replies do not depend on them."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch

from engine.engine import Engine
from engine.errors import EngineOverloaded, ModelLoadError
from engine.loading.source import ModelSource
from engine.options import ModelOptions
from engine.plan import build_engine
from engine.request import ModelInfo
from tests.engine.models import tiny
from tests.engine.toy import ask, ids, run, toy_tokenizer

NUMBERS = torch.randint(3, 94, (90,), generator=torch.Generator().manual_seed(5)).tolist()
PROMPTS = {"long": NUMBERS, "begins alike": [*NUMBERS[:70], 9], "short": NUMBERS[40:45], "salted": NUMBERS[:66]}
TOKEN_BYTES = 2 * 3 * 2 * 8 * 4
"""Keys and values of a position: three layers, two heads of eight float32."""


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ModelSource]:
    """A model that sees everything, and one whose layers see six tokens."""
    found: dict[str, ModelSource] = {}
    for name in ("llama", "mistral"):
        folder = tmp_path_factory.mktemp(name)
        tiny.make(name, folder)
        toy_tokenizer().save(str(folder / "tokenizer.json"))
        found[name] = replace(tiny.source_of(folder), tokenizer_file=folder / "tokenizer.json")
    return found


def built(source: ModelSource, **options: Any) -> tuple[Engine, ModelInfo]:
    settings: dict[str, Any] = {"dtype": "f32", "threads": 2, "pa_context_len": 1024, "cpu": True}
    if "pa_memory_mb" in options or "pa_memory_fraction" in options:
        del settings["pa_context_len"]
    return build_engine(ModelOptions(**(settings | options)), source, lambda text: None)


def replies(engine: Engine) -> dict[str, list[int]]:
    """Greedy replies to the prompts, all together after one that warms the cache."""
    engine.add(ask("warm", NUMBERS[:80], 2))
    run(engine)
    for name, prompt in PROMPTS.items():
        request = ask(name, prompt, 30, ignore_eos=True)
        engine.add(replace(request, cache_salt="mine") if name == "salted" else request)
    told = run(engine)
    assert engine.blocks.num_held == 0
    return {name: ids(told[name, 0]) for name in PROMPTS}


@pytest.mark.parametrize("name", ["llama", "mistral"])
def test_greedy_replies_do_not_depend_on_cache_or_schedule(models: dict[str, ModelSource], name: str):
    engine, _ = built(models[name])
    expected = replies(engine)
    assert engine.stats().prefix_cache_hits > 0
    for options in (
        {"prefix_cache_n": 0},
        {"no_kv_cache": True},
        {"max_num_batched_tokens": 7},
        {"max_prompt_tokens": 3},
        {"max_seqs": 1},
        {"pa_block_size": 8},
        {"pa_block_size": 128},
    ):
        engine, _ = built(models[name], **options)
        assert replies(engine) == expected, options


def test_preempted_replies_go_on_as_if_nothing_had_happened(models: dict[str, ModelSource]):
    def of(room: int) -> tuple[dict[str, list[int]], int]:
        engine, _ = built(models["llama"], pa_context_len=room, pa_block_size=8, prefix_cache_n=0)
        for i in range(4):
            engine.add(ask(f"r{i}", NUMBERS[20 * i : 20 * i + 20], 60, ignore_eos=True))
        told = run(engine)
        return {f"r{i}": ids(told[f"r{i}", 0]) for i in range(4)}, engine.stats().preemptions

    (roomy, never), (tight, often) = of(1024), of(128)
    assert (never, often > 0) == (0, True)
    assert tight == roomy


@pytest.mark.parametrize(
    ("cache_type", "dtype", "error"),
    [("bf16", torch.bfloat16, 0.03), ("f16", torch.float16, 0.005), ("f8e4m3", torch.float8_e4m3fn, 0.3)],
)
def test_a_smaller_cache_type_holds_more_and_moves_probabilities_a_little(
    models: dict[str, ModelSource], cache_type: str, dtype: torch.dtype, error: float
):
    def probabilities(**options: Any) -> dict[int, float]:
        engine, info = built(models["llama"], pa_memory_mb=1, **options)
        assert info.kv_cache_tokens == pytest.approx(
            2**20 / TOKEN_BYTES * 4 / engine.config.cache_dtype.itemsize, abs=32
        )
        assert engine.config.cache_dtype is (dtype if options else torch.float32)
        engine.add(ask("r", NUMBERS, 1, logprobs=20))
        (delta,) = run(engine)["r", 0]
        return {entry.token_id: math.exp(entry.logprob) for entry in delta.logprobs[0].top}

    exact, rounded = probabilities(), probabilities(pa_cache_type=cache_type)
    moved = max(abs(exact.get(token, 0) - rounded.get(token, 0)) for token in exact | rounded)
    assert 0 < moved < error


def test_auto_is_half_precision_unless_everything_is_to_be_exact(models: dict[str, ModelSource]):
    assert built(models["llama"])[0].config.cache_dtype is torch.float32
    assert built(models["llama"], dtype="auto")[0].config.cache_dtype in (torch.float16, torch.bfloat16)


@pytest.mark.parametrize(
    ("options", "tokens"),
    [
        ({"pa_context_len": 130}, 160),
        ({"pa_memory_mb": 2}, -(-(2 << 20) // TOKEN_BYTES // 32) * 32),
        ({"pa_memory_fraction": 0.5, "max_seqs": 3}, 3 * 128),
        ({"pa_context_len": 130, "pa_block_size": 128}, 256),
    ],
)
def test_the_cache_is_as_large_as_was_asked_for(models: dict[str, ModelSource], options: dict[str, Any], tokens: int):
    assert built(models["llama"], **options)[1].kv_cache_tokens == tokens


def test_a_cache_smaller_than_the_context_bounds_the_context(models: dict[str, ModelSource]):
    assert built(models["llama"], pa_context_len=64)[1].context_tokens == 64


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pa_block_size": 24}, "--pa-block-size must be one of .*, got 24"),
        ({"max_model_len": 4096}, "--max-seq-len 4096 is more than the 128 tokens"),
        ({"max_model_len": 100, "pa_context_len": 64}, "room for 64 tokens, less than --max-seq-len 100"),
        ({"pa_context_len": 20}, "room for 20 tokens only"),
    ],
)
def test_what_does_not_fit_is_refused(models: dict[str, ModelSource], options: dict[str, Any], message: str):
    with pytest.raises(ModelLoadError, match=message):
        built(models["llama"], **options)


def test_the_queue_is_as_long_as_was_asked_for(models: dict[str, ModelSource]):
    engine, _ = built(models["llama"], max_seqs=1, max_waiting=1)
    engine.add(ask("runs", NUMBERS[:5], 3))
    engine.add(ask("waits", NUMBERS[:5], 3))
    with pytest.raises(EngineOverloaded):
        engine.add(ask("too many", NUMBERS[:5], 3))


def test_layers_that_see_little_hold_little(models: dict[str, ModelSource]):
    engine, _ = built(models["mistral"], pa_block_size=8, max_num_batched_tokens=16)
    engine.add(ask("r", NUMBERS, 30, ignore_eos=True))
    most = 0
    while engine.has_work:
        engine.step()
        most = max(most, engine.blocks.num_held)
    assert most <= (6 + 16) // 8 + 2
