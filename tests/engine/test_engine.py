"""The engine's promises, on a toy decoder whose every token depends on the whole cached context."""

from __future__ import annotations

import time
from dataclasses import replace
from math import isfinite

import pytest

from engine.errors import ContextOverflow, EngineOverloaded, InvalidRequest
from engine.request import Constraint, Delta, FinishReason, Request, SamplingParams
from tests.engine.toy import EOS, ToyDecoder, WindowedDecoder, ask, character, continuation, ids, run, toy_engine


def prompt(start: int, length: int) -> list[int]:
    return [1 + (start + 3 * i) % 90 for i in range(length)]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"prefix_cache": False},
        {"max_batched_tokens": 5},
        {"recompute": True, "prefix_cache": False},
        {"num_blocks": 32, "max_seqs": 5},
        {"block_size": 16, "max_seqs": 1},
    ],
    ids=["default", "no prefix cache", "small chunks", "no kv cache", "tight memory", "one at a time"],
)
def test_many_requests_together_give_what_each_gives_alone(changes):
    engine = toy_engine(**changes)
    prompts = {f"r{i}": prompt(i % 4, 3 + 11 * i) for i in range(10)}
    for name, tokens in prompts.items():
        engine.add(ask(name, tokens, 40))
    told = run(engine)
    for name, tokens in prompts.items():
        assert ids(told[name, 0]) == continuation(tokens, 40)
    assert engine.blocks.num_held == 0


def test_preempted_sequences_finish_with_unchanged_tokens():
    engine = toy_engine(num_blocks=32, max_seqs=8, prefix_cache=False)
    prompts = {f"r{i}": prompt(i, 20) for i in range(6)}
    for name, tokens in prompts.items():
        engine.add(ask(name, tokens, 60))
    told = run(engine)
    assert engine.stats().preemptions > 0
    for name, tokens in prompts.items():
        assert ids(told[name, 0]) == continuation(tokens, 60)


def test_a_second_identical_prompt_reuses_all_full_blocks_but_the_last_token():
    engine = toy_engine()
    tokens = prompt(5, 40)
    engine.add(ask("first", tokens, 2))
    first = run(engine)["first", 0][-1]
    engine.add(ask("second", tokens, 2))
    second = run(engine)["second", 0][-1]
    assert first.usage.cached_tokens == 0
    assert second.usage.cached_tokens == (len(tokens) - 1) // 8 * 8


def test_prefixes_are_not_shared_across_cache_salts():
    engine = toy_engine()
    tokens = tuple(prompt(5, 40))
    params = SamplingParams(temperature=0.0, max_tokens=2)
    engine.add(Request("a", tokens, params, cache_salt="one"))
    run(engine)
    engine.add(Request("b", tokens, params, cache_salt="two"))
    assert run(engine)["b", 0][-1].usage.cached_tokens == 0


def test_a_long_prompt_never_holds_up_a_running_reply_longer_than_one_chunk():
    decoder = ToyDecoder()
    engine = toy_engine(decoder, max_batched_tokens=16)
    engine.add(ask("short", prompt(1, 4), 30))
    engine.step()
    engine.add(ask("long", prompt(2, 150), 1))
    for _ in range(8):
        assert [d.request_id for d in engine.step()] == ["short"]
    assert max(decoder.step_tokens) <= 16


def test_choices_share_the_prefill_and_usage_counts_the_prompt_once():
    decoder = ToyDecoder()
    engine = toy_engine(decoder)
    tokens = prompt(9, 41)
    engine.add(ask("r", tokens, 5, n=3))
    told = run(engine)
    usage = [d.usage for deltas in told.values() for d in deltas if d.usage is not None]
    assert [ids(told["r", i]) for i in range(3)] == [continuation(tokens, 5)] * 3
    assert [u.prompt_tokens for u in usage] == [41]
    assert usage[0].completion_tokens == 15
    assert sum(decoder.step_tokens) == 41 + 3 * 4


def test_seeded_choices_differ_from_each_other_and_repeat_over_engines():
    def draws():
        engine = toy_engine()
        engine.add(ask("r", prompt(1, 5), 30, n=2, temperature=8.0, seed=11))
        told = run(engine)
        return [ids(told["r", i]) for i in range(2)]

    first = draws()
    assert first[0] != first[1]
    assert first == draws()


def test_abort_frees_the_blocks_of_running_waiting_and_unscheduled_choices():
    engine = toy_engine(max_seqs=2)
    engine.add(ask("running", prompt(1, 30), 100))
    engine.add(ask("choices", prompt(2, 60), 100, n=3))
    engine.add(ask("waiting", prompt(3, 30), 100))
    engine.step()
    for name in ("choices", "waiting", "running", "running"):
        engine.abort(name)
    assert not engine.has_work
    assert engine.blocks.num_held == 0
    engine.blocks.check()


def test_stop_string_across_tokens_is_cut_and_named():
    engine = toy_engine()
    tokens = prompt(1, 5)
    text = "".join(character(t) for t in continuation(tokens, 5))
    stop = text[2:4]
    engine.add(ask("r", tokens, 20, stop=(stop,)))
    told = run(engine)["r", 0]
    assert "".join(d.text for d in told) == text[:2]
    assert (told[-1].finish_reason, told[-1].stop_sequence) == (FinishReason.STOP, stop)


def test_a_stop_string_that_is_a_special_token_is_found_although_it_never_shows():
    engine = toy_engine()
    engine.add(ask("r", prompt(1, 5), 9, logit_bias={EOS: 100.0}, ignore_eos=True, stop=("</s>",)))
    told = run(engine)["r", 0]
    assert [d.text for d in told] == [""]
    assert (told[-1].finish_reason, told[-1].stop_sequence) == (FinishReason.STOP, "</s>")


def test_a_seeded_reply_is_the_same_alone_in_a_crowd_and_preempted():
    def reply(others: int, **changes) -> list[int]:
        engine = toy_engine(**changes)
        engine.add(ask("mine", prompt(1, 20), 60, temperature=4.0, seed=3, dry_multiplier=1.0, presence_penalty=0.5))
        for i in range(others):
            engine.add(ask(f"other {i}", prompt(i, 20), 60, temperature=4.0))
        told = run(engine)
        assert (engine.stats().preemptions > 0) == bool(changes)
        return ids(told["mine", 0])

    alone = reply(0)
    assert reply(4) == alone
    assert reply(5, num_blocks=32, prefix_cache=False) == alone


def test_end_of_sequence_ends_the_reply_unless_told_otherwise():
    bias = {EOS: 100.0}
    engine = toy_engine()
    engine.add(ask("stops", prompt(1, 5), 9, logit_bias=bias))
    engine.add(ask("goes on", prompt(1, 5), 9, logit_bias=bias, ignore_eos=True))
    engine.add(ask("late", prompt(1, 5), 9, logit_bias=bias, min_tokens=4))
    told = run(engine)
    assert ids(told["stops", 0]) == []
    assert told["stops", 0][-1].finish_reason is FinishReason.STOP
    assert told["goes on", 0][-1].finish_reason is FinishReason.LENGTH
    assert len(ids(told["late", 0])) == 4
    assert told["late", 0][-1].finish_reason is FinishReason.STOP


def test_a_grammar_masks_tokens_and_ends_the_reply():
    engine = toy_engine()
    request = ask("r", prompt(1, 5), 50)
    lark = 'start: "a" ("b" | "c") "d"'
    engine.add(Request(request.id, request.prompt, request.sampling, Constraint("lark", lark)))
    told = run(engine)["r", 0]
    assert "".join(d.text for d in told) in ("abd", "acd")
    assert told[-1].finish_reason is FinishReason.STOP


def test_tokens_a_grammar_rules_out_are_not_among_the_likeliest():
    engine = toy_engine()
    request = ask("r", prompt(1, 5), 3, logprobs=5)
    engine.add(Request(request.id, request.prompt, request.sampling, Constraint("regex", "a[bc]d")))
    told = [entry for delta in run(engine)["r", 0] for entry in delta.logprobs]
    assert [len(entry.top) for entry in told] == [1, 2, 1]
    assert all(isfinite(token.logprob) for entry in told for token in entry.top)


def test_log_probabilities_are_reported_for_the_chosen_and_the_likeliest_tokens():
    engine = toy_engine()
    engine.add(ask("r", prompt(1, 5), 2, logprobs=3))
    (entry,) = run(engine)["r", 0][0].logprobs
    assert entry.token_id == continuation(prompt(1, 5), 1)[0]
    assert entry.top[0].token_id == entry.token_id
    assert len(entry.top) == 3
    assert entry.logprob == entry.top[0].logprob < 0


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"max_tokens": 0}, "max_tokens"),
        ({"n": 0}, "n"),
        ({"logprobs": 21}, "top_logprobs"),
        ({"logit_bias": {5000: 1.0}}, "logit_bias"),
        ({"logit_bias": {5: float("nan")}}, "logit_bias"),
        ({"stop_token_ids": (-1,)}, "stop_token_ids"),
        ({"min_tokens": 6}, "min_tokens"),
        ({"temperature": float("inf")}, "temperature"),
        ({"top_p": 1.5}, "top_p"),
        ({"repetition_penalty": 0.0}, "repetition_penalty"),
        ({"dry_multiplier": -0.1}, "dry_multiplier"),
        ({"dry_allowed_length": 0}, "dry_allowed_length"),
    ],
)
def test_impossible_parameters_are_refused_by_name(change, named):
    with pytest.raises(InvalidRequest) as caught:
        toy_engine().add(ask("r", [1, 2], 5, **change))
    assert caught.value.param == named


def test_prompts_too_long_are_refused_or_shortened_from_the_front():
    engine = toy_engine()
    tokens = prompt(1, 300)
    with pytest.raises(ContextOverflow) as caught:
        engine.add(ask("r", tokens, 5))
    assert (caught.value.prompt_tokens, caught.value.limit_tokens) == (300, 255)
    engine.add(Request("t", tuple(tokens), SamplingParams(temperature=0.0, max_tokens=6), truncate=True))
    assert ids(run(engine)["t", 0]) == continuation(tokens[-250:], 6)


def test_a_full_queue_refuses_and_keeps_what_it_has():
    engine = toy_engine(max_waiting=1, max_seqs=1)
    engine.add(ask("a", [1], 3))
    engine.add(ask("b", [2], 3))
    with pytest.raises(EngineOverloaded):
        engine.add(ask("c", [3], 3))
    assert set(run(engine)) == {("a", 0), ("b", 0)}


def test_without_a_queue_what_can_start_is_taken():
    engine = toy_engine(max_waiting=0, max_seqs=2)
    engine.add(ask("a", [1], 3, n=2))
    with pytest.raises(EngineOverloaded):
        engine.add(ask("b", [2], 3))
    run(engine)
    engine.add(ask("b", [2], 3))
    with pytest.raises(InvalidRequest, match="takes 2"):
        engine.add(ask("c", [3], 3, n=3))


@pytest.mark.parametrize("changes", [{}, {"prefix_cache": False}, {"max_seqs": 2}, {"num_blocks": 32}], ids=str)
def test_choices_are_the_same_wherever_they_are_forked(changes):
    engine = toy_engine(**changes)
    tokens = prompt(9, 77)
    engine.add(ask("other", prompt(2, 60), 90))
    engine.add(ask("r", tokens, 70, n=4))
    told = run(engine)
    assert [ids(told["r", i]) for i in range(4)] == [continuation(tokens, 70)] * 4
    assert ids(told["other", 0]) == continuation(prompt(2, 60), 90)


def test_choices_begin_together_and_in_order():
    engine = toy_engine()
    engine.add(ask("r", prompt(9, 41), 5, n=3))
    while not (first := engine.step()):
        pass
    assert [delta.index for delta in first] == [0, 1, 2]


def test_a_window_over_all_layers_bounds_the_blocks_of_a_reply():
    engine = toy_engine(WindowedDecoder(), window=20)
    tokens = prompt(4, 120)
    engine.add(ask("r", tokens, 100))
    most = 0
    deltas: list[Delta] = []
    while engine.has_work:
        deltas += engine.step()
        most = max(most, engine.blocks.num_held)
        engine.blocks.check()
    assert ids(deltas) == continuation(tokens, 100, window=20)
    assert most <= (20 + 32) // 8 + 2


def test_a_windowed_prefix_is_reused_after_its_beginning_was_given_up():
    engine = toy_engine(WindowedDecoder(), window=20, num_blocks=32)
    tokens = prompt(4, 200)
    for name in ("first", "second"):
        engine.add(ask(name, tokens, 10))
        told = run(engine)[name, 0]
        assert ids(told) == continuation(tokens, 10, window=20)
    assert told[-1].usage.cached_tokens >= 160


def test_broken_numbers_fail_the_one_request_and_harm_nobody_later():
    decoder = ToyDecoder()
    decoder.poison = 94
    engine = toy_engine(decoder, num_blocks=32)
    for i in range(4):
        engine.add(ask(f"r{i}", prompt(i, 12), 20))
    engine.add(ask("bad", [*prompt(7, 30), 94, *prompt(7, 6)], 20, n=2))
    told = run(engine)
    assert told["bad", 0][-1].finish_reason is FinishReason.ERROR
    assert "finite" in told["bad", 0][-1].error
    assert ("bad", 1) not in told
    decoder.poison = None
    engine.add(ask("again", [*prompt(7, 30), 94, *prompt(7, 6)], 60))
    told |= run(engine)
    for i in range(4):
        assert ids(told[f"r{i}", 0]) == continuation(prompt(i, 12), 20)
    assert ids(told["again", 0]) == continuation([*prompt(7, 30), 94, *prompt(7, 6)], 60)
    assert engine.blocks.num_held == 0


def test_a_request_ends_when_its_time_is_over_wherever_it_is(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    engine = toy_engine(max_seqs=1)
    limited = [replace(ask(name, prompt(i, 5), 50, n=2), timeout_s=5.0) for i, name in enumerate(("runs", "waits"))]
    for request in limited:
        engine.add(request)
    engine.add(ask("free", prompt(3, 5), 8))
    shown = engine.step() + engine.step()
    now[0] += 6
    told = run(engine)
    assert {key: deltas[-1].finish_reason for key, deltas in told.items()} == {
        **{(name, index): FinishReason.TIMEOUT for name in ("runs", "waits") for index in (0, 1)},
        ("free", 0): FinishReason.LENGTH,
    }
    assert ids(shown) == continuation(prompt(0, 5), 2)
    assert told["runs", 1][-1].usage.completion_tokens == 2
    assert told["waits", 1][-1].usage.prompt_tokens == 5
    assert ids(told["free", 0]) == continuation(prompt(3, 5), 8)
    with pytest.raises(InvalidRequest, match="more than 0"):
        engine.add(replace(limited[0], timeout_s=0.0))


def test_a_deadline_of_a_finished_request_ends_no_later_one_of_the_same_name(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    engine = toy_engine()
    engine.add(replace(ask("r", [1, 2], 2), timeout_s=5.0))
    run(engine)
    engine.add(ask("r", [1, 2], 4))
    now[0] += 6
    assert run(engine)["r", 0][-1].finish_reason is FinishReason.LENGTH


def test_preempted_replies_keep_penalties_grammar_and_draws():
    def replies(**changes):
        engine = toy_engine(prefix_cache=False, **changes)
        for i in range(5):
            request = ask(f"p{i}", prompt(i, 20), 55, temperature=3.0, seed=i, frequency_penalty=0.7, top_k=40)
            engine.add(replace(request, constraint=Constraint("regex", "[a-z ]{80}") if i % 2 else None))
        return {key: ids(deltas) for key, deltas in run(engine).items()}, engine.stats().preemptions

    roomy, never = replies(num_blocks=80)
    tight, often = replies(num_blocks=32)
    assert (never, often > 0) == (0, True)
    assert tight == roomy


def test_a_reply_ends_when_the_context_is_full():
    engine = toy_engine()
    engine.add(ask("r", prompt(1, 250), None))
    told = run(engine)["r", 0]
    assert len(ids(told)) == 6
    assert told[-1].finish_reason is FinishReason.LENGTH
