"""What an engine counts of its own work."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.errors import InvalidRequest
from engine.meters import Histogram
from engine.request import Constraint, FinishReason
from tests.engine.toy import ask, run, toy_engine


def test_a_histogram_counts_a_value_on_a_bound_below_it_and_a_larger_one_above_all():
    histogram = Histogram((1.0, 2.0))
    for value in (0.5, 1.0, 1.5, 2.0, 7.0):
        histogram.add(value)
    told = histogram.snapshot()
    assert (told.bounds, told.counts, told.total) == ((1.0, 2.0), (2, 2, 1), 12.0)


def test_tokens_gaps_and_steps_of_replies_are_counted():
    engine = toy_engine(prefix_cache=False)
    engine.add(ask("a", [1, 2, 3], 10))
    engine.add(ask("b", [4, 5, 6, 7], 10))
    run(engine)
    stats = engine.stats()
    assert (stats.prompt_tokens, stats.generated_tokens) == (7, 20)
    assert stats.tokens_processed == 7 + 20 - 2  # the last token of a reply is not computed again
    assert sum(stats.first_token_s.counts) == 2
    assert sum(stats.between_tokens_s.counts) == 18
    assert {kind: sum(steps.counts) for kind, steps in stats.step_s.items()} == {"prefill": 1, "decode": 9, "mixed": 0}
    assert stats.step_sequences["decode"].total == 18
    assert stats.step_s["decode"].total > 0
    assert stats.completed == {FinishReason.LENGTH: 2}


def test_a_prompt_that_joins_a_reply_makes_a_mixed_step():
    engine = toy_engine()
    engine.add(ask("a", [1, 2, 3], 4))
    engine.step()
    engine.add(ask("b", [4, 5], 4))
    engine.step()
    assert engine.stats().step_sequences["mixed"].total == 2


def test_the_prompt_of_several_choices_is_counted_once_and_each_choice_has_a_first_token():
    engine = toy_engine()
    engine.add(ask("a", [1, 2, 3], 5, n=3))
    run(engine)
    stats = engine.stats()
    assert stats.prompt_tokens == 3
    assert sum(stats.first_token_s.counts) == 3
    assert stats.completed == {FinishReason.LENGTH: 3}


def test_replies_that_were_given_up_count_as_canceled_and_once():
    engine = toy_engine()
    engine.add(ask("a", [1, 2, 3], 50, n=2))
    engine.step()
    engine.abort("a")
    engine.abort("a")
    assert engine.stats().completed == {FinishReason.CANCELED: 2}


def test_what_a_failure_ends_counts_as_an_error():
    engine = toy_engine()
    engine.add(ask("a", [1, 2, 3], 50))
    engine.step()
    engine.abort_all()
    assert engine.stats().completed == {FinishReason.ERROR: 1}


def test_compiling_a_grammar_is_timed_also_when_it_is_refused():
    engine = toy_engine()
    engine.add(replace(ask("a", [1, 2], 3), constraint=Constraint("regex", "[a-z]{2}")))
    with pytest.raises(InvalidRequest):
        engine.add(replace(ask("b", [1, 2], 3), constraint=Constraint("regex", "([a-z")))
    stats = engine.stats()
    assert sum(stats.grammar_s.counts) == 2
    assert stats.grammar_s.total > 0
