"""Tokens are chosen by the documented rules, whichever implementation chooses them."""

from __future__ import annotations

from dataclasses import replace
from math import inf, isclose, nan

import numpy as np
import pytest
import torch

from engine.request import SamplingParams
from engine.sampling.uniform import stream_key, uniform
from tests.engine.sampling.oracle import SAMPLER, bell_curve, probabilities, sample, sequence, survivors

FILTERS = [
    SamplingParams(),
    SamplingParams(top_k=1),
    SamplingParams(top_k=40),
    SamplingParams(top_k=700),
    SamplingParams(top_k=10**6),
    SamplingParams(top_p=0.0),
    SamplingParams(top_p=1e-9),
    SamplingParams(top_p=0.9),
    SamplingParams(top_p=0.999),
    SamplingParams(min_p=0.05),
    SamplingParams(min_p=1.0),
    SamplingParams(top_k=50, top_p=0.8),
    SamplingParams(top_k=50, top_p=0.95, min_p=0.1),
    SamplingParams(top_p=0.95, min_p=0.02, temperature=0.7),
    SamplingParams(temperature=1e-6),
    SamplingParams(temperature=1e30),
    SamplingParams(temperature=1e30, top_p=0.5),
    SamplingParams(temperature=2.5, top_p=0.97),
    SamplingParams(temperature=3.0, top_p=0.9, min_p=1e-3),
    SamplingParams(temperature=3.0, top_p=0.9, min_p=0.3),
]


def drawn_by_the_rules(logits: torch.Tensor, params: SamplingParams, seed: int) -> int:
    cumulative = probabilities(logits, params).cumsum()
    return int(np.searchsorted(cumulative, uniform(stream_key(seed, 0), 0) * cumulative[-1]))


@pytest.mark.parametrize("vocab", [1, 7, 64, 65, 1000, 49_152])
@pytest.mark.parametrize("params", FILTERS, ids=lambda p: f"T{p.temperature:g} k{p.top_k} p{p.top_p:g} m{p.min_p:g}")
def test_draws_are_those_of_the_plain_rules(vocab, params):
    for seed in range(4):
        logits = bell_curve(vocab, seed)
        sampled = sample(logits, params, seed)
        assert sampled is not None
        assert sampled.token_id == drawn_by_the_rules(logits, params, seed)


@pytest.mark.parametrize(
    "params", [SamplingParams(top_k=5), SamplingParams(top_p=0.05), SamplingParams(top_k=9, top_p=0.5)]
)
def test_of_equal_logits_the_lowest_ids_survive(params):
    logits = torch.zeros(1000)
    logits[::3] = 2.0
    kept = set(survivors(logits, params).tolist())
    drawn = {sampled.token_id for seed in range(300) if (sampled := sample(logits, params, seed))}
    assert drawn <= kept
    assert max(kept) < 1000 // 3
    assert len(drawn) > 0.9 * len(kept)


@pytest.mark.parametrize("params", [SamplingParams(top_p=0.9), SamplingParams(top_p=0.5, top_k=30_000)])
def test_a_flat_distribution_over_a_large_vocabulary_keeps_its_share_of_tokens(params):
    logits = 1e-3 * bell_curve(49_152, 1)
    drawn = [sampled.token_id for seed in range(50) if (sampled := sample(logits, params, seed))]
    assert drawn == [drawn_by_the_rules(logits, params, seed) for seed in range(50)]


@pytest.mark.parametrize(
    "params",
    [
        SamplingParams(),
        SamplingParams(temperature=0.5),
        SamplingParams(top_k=6),
        SamplingParams(top_p=0.8),
        SamplingParams(min_p=0.1),
        SamplingParams(top_k=15, top_p=0.9, min_p=0.05, temperature=1.5),
    ],
)
def test_draws_follow_the_distribution(params):
    """Chi-square over the tokens that are expected at least five times, at a significance of about 1e-4."""
    draws = 4000
    logits = bell_curve(90, 3, spread=1.5)
    expected = probabilities(logits, params) * draws
    row = sequence(params, seed=5)
    counts = np.zeros(90)
    for _ in range(draws):
        (sampled,) = SAMPLER.sample(logits.clone()[None], [row])
        counts[sampled.token_id] += 1
        row.token_ids.append(sampled.token_id)
    assert counts[expected == 0].sum() == 0
    frequent = expected >= 5
    statistic = ((counts - expected)[frequent] ** 2 / expected[frequent]).sum()
    freedom = frequent.sum() - 1
    assert statistic < freedom + 4 * np.sqrt(2 * freedom) + 8


@pytest.mark.parametrize("vocab", [5, 64, 1000, 32_001])
def test_greedy_takes_the_lowest_id_of_the_highest_logit(vocab):
    logits = bell_curve(vocab, 1)
    logits[[vocab - 1, vocab // 2]] = 40.0
    for temperature in (0.0, 9e-8, -1.0):
        assert sample(logits, SamplingParams(temperature=temperature, top_p=0.1)).token_id == vocab // 2


def test_a_row_that_broke_fails_alone():
    logits = torch.stack([bell_curve(200, seed) for seed in range(6)])
    logits[1, 150] = nan
    logits[2, 3] = inf
    logits[3] = -inf
    logits[4, :199] = -inf
    for params in (SamplingParams(), SamplingParams(temperature=0.0), SamplingParams(top_p=0.9, logprobs=2)):
        sampled = SAMPLER.sample(logits.clone(), [sequence(params) for _ in range(6)])
        assert [one is None for one in sampled] == [False, True, True, True, False, False]
        assert sampled[4].token_id == 199


def test_a_draw_depends_on_seed_choice_and_place_only():
    logits = bell_curve(5000, 2)
    params = SamplingParams(top_p=0.99)

    def reply(others: int, seed: int = 7, index: int = 0) -> list[int]:
        mine = sequence(params, seed=seed, index=index)
        crowd = [sequence(replace(params, top_k=other), seed=other) for other in range(others)]
        for _ in range(12):
            rows = [*crowd, mine]
            sampled = SAMPLER.sample(logits.repeat(len(rows), 1), rows)
            mine.token_ids.append(sampled[-1].token_id)
        return mine.token_ids

    alone = reply(0)
    assert reply(5) == alone
    assert reply(0, seed=8) != alone
    assert reply(0, index=1) != alone


def test_log_probabilities_are_of_the_distribution_before_the_filters():
    logits = bell_curve(3000, 4)
    expected = (logits.double() / 0.7).log_softmax(-1)
    sampled = sample(logits, SamplingParams(temperature=0.7, top_k=3, logprobs=5))
    assert isclose(sampled.logprob, expected[sampled.token_id], abs_tol=1e-5)
    best = expected.topk(5)
    assert [token for token, _ in sampled.top] == best.indices.tolist()
    assert torch.allclose(torch.tensor([p for _, p in sampled.top]).double(), best.values, atol=1e-5)


def test_log_probabilities_of_a_greedy_choice_are_a_plain_softmax():
    logits = bell_curve(100, 4)
    sampled = sample(logits, SamplingParams(temperature=0.0, logprobs=0))
    assert isclose(sampled.logprob, logits.double().log_softmax(-1).max(), abs_tol=1e-5)
    assert sampled.top == ()


def test_numbers_of_the_generator_are_spread_evenly_and_fixed_for_ever():
    values = np.array([uniform(stream_key(1, 0), position) for position in range(4000)])
    counts, _ = np.histogram(values, bins=20, range=(0, 1))
    assert ((counts - 200) ** 2 / 200).sum() < 50
    assert len(set(values)) == 4000
    assert stream_key(-1, 0) == stream_key(2**64 - 1, 0)


def test_streams_are_those_of_splitmix64():
    published = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
    assert [uniform(0, position) for position in range(3)] == [(value >> 11) * 2.0**-53 for value in published]
