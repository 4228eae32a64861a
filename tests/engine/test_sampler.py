"""Which tokens survive, in which order the filters act, and that draws follow the distribution."""

from __future__ import annotations

import pytest
import torch

from engine.request import SamplingParams
from engine.sampling.sampler import candidates, draw

PROBABILITIES = torch.tensor([0.05, 0.4, 0.1, 0.3, 0.15])


@pytest.mark.parametrize(
    ("params", "kept"),
    [
        ({}, {0, 1, 2, 3, 4}),
        ({"top_k": 2}, {1, 3}),
        ({"top_p": 0.7}, {1, 3}),
        ({"top_p": 0.71}, {1, 3, 4}),
        ({"top_k": 3, "top_p": 0.83}, {1, 3, 4}),  # mass of the three is renormalised: 0.70 / 0.85 < 0.83
        ({"top_k": 3, "top_p": 0.82}, {1, 3}),
        ({"min_p": 0.25}, {1, 3, 4}),  # 0.1 <= 0.25 * 0.4 is dropped: strict
        ({"top_p": 0.0}, {1}),
        ({"min_p": 1.0}, {1}),
        ({"top_k": 50}, {0, 1, 2, 3, 4}),
    ],
)
def test_candidates_survive_top_k_then_top_p_then_min_p(params, kept):
    values, ids = candidates(PROBABILITIES, SamplingParams(**params))
    assert set(ids.tolist()) == kept
    assert torch.equal(values, PROBABILITIES[ids])


def test_top_p_over_a_large_flat_vocabulary_looks_past_the_first_candidates():
    flat = torch.full((50_000,), 1 / 50_000)
    _, ids = candidates(flat, SamplingParams(top_p=0.5))
    assert abs(len(ids) - 25_000) <= 2


def test_draws_follow_the_distribution():
    counts = torch.zeros(5)
    for i in range(2000):
        counts[draw(PROBABILITIES, SamplingParams(), i / 2000)] += 1
    assert torch.allclose(counts / 2000, PROBABILITIES, atol=0.002)
