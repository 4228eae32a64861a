"""DRY penalties against a search through the whole text."""

from __future__ import annotations

from math import exp
from random import Random

import pytest

from engine.request import SamplingParams
from engine.sampling.dry import MAX_MATCH, Repetitions
from tests.engine.sampling.oracle import SAMPLER


def searched(tokens: list[int], multiplier: float, base: float, allowed: int, reach: int, breakers: set[int]) -> dict:
    """The rules, applied to every earlier place one by one."""
    longest: dict[int, int] = {}
    first = max(0, len(tokens) - reach) if reach else 0
    for end in range(first, len(tokens) - 1):
        length = 0
        while length <= end and tokens[end - length] == tokens[-1 - length] and tokens[end - length] not in breakers:
            length += 1
        follower = tokens[end + 1]
        if length >= allowed and follower not in breakers:
            longest[follower] = max(longest.get(follower, 0), min(length, MAX_MATCH))
    return {token: multiplier * base ** (length - allowed) for token, length in longest.items()}


@pytest.mark.parametrize(("allowed", "reach", "vocabulary"), [(1, 0, 3), (2, 0, 4), (2, 25, 3), (3, 0, 3), (2, 0, 1)])
def test_penalties_are_those_of_a_full_search(allowed, reach, vocabulary):
    random = Random(allowed * 100 + reach + vocabulary)
    for breakers in (frozenset(), frozenset({0})):
        repetitions = Repetitions(0.8, 1.75, allowed, reach, breakers)
        tokens: list[int] = []
        for _ in range(150):
            tokens.append(random.randrange(vocabulary))
            repetitions.push(tokens[-1])
            assert repetitions.penalties() == pytest.approx(searched(tokens, 0.8, 1.75, allowed, reach, set(breakers)))


def test_a_penalty_stays_finite_whatever_the_base():
    repetitions = Repetitions(5.0, 1e300, 2, 0, frozenset())
    for _ in range(200):
        repetitions.push(1)
    assert repetitions.penalties() == {1: pytest.approx(exp(69.0))}


def test_breakers_are_the_last_token_of_their_text():
    state = SAMPLER.state(SamplingParams(dry_multiplier=1.0, dry_sequence_breakers=("x:", "!")), 0, 0)
    assert state._repetitions._breakers == {ord(":") - 32, ord("!") - 32}
