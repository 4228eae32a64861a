"""Penalties, bias and held-back tokens: what logits become before a token is chosen."""

from __future__ import annotations

import time

import pytest
import torch

from engine.request import Constraint, SamplingParams
from engine.sampling.constraint import ConstraintCompiler
from tests.engine.sampling.oracle import SAMPLER, TOKENIZER, bell_curve, sequence
from tests.engine.toy import EOS, VOCAB


def logprobs_after(logits: torch.Tensor, params: dict, prompt: list[int], reply: list[int]) -> torch.Tensor:
    """Log-probabilities of the whole (small) vocabulary, as the sampler reports them."""
    row = sequence(SamplingParams(temperature=0.0, logprobs=20, **params), tuple(prompt))
    for token in reply:  # as an engine does it: asked before every token
        SAMPLER.sample(logits.clone()[None], [row])
        row.token_ids.append(token)
    (sampled,) = SAMPLER.sample(logits.clone()[None], [row])
    result = torch.full(logits.shape, -torch.inf)
    for token, value in sampled.top:
        result[token] = value
    return result


def plain_edit(logits: torch.Tensor, params: SamplingParams, prompt: list[int], reply: list[int]) -> torch.Tensor:
    out = logits.clone()
    for token in range(len(out)):
        count = reply.count(token)
        out[token] -= params.frequency_penalty * count + params.presence_penalty * (count > 0)
        if token in prompt or token in reply:
            out[token] = (
                out[token] / params.repetition_penalty if out[token] > 0 else out[token] * params.repetition_penalty
            )
        out[token] += params.logit_bias.get(token, 0.0)
    return out.log_softmax(-1)


@pytest.mark.parametrize(
    "params",
    [
        {"frequency_penalty": 0.7},
        {"presence_penalty": -0.6},
        {"repetition_penalty": 1.3},
        {"frequency_penalty": 0.4, "presence_penalty": 0.5, "repetition_penalty": 0.8, "logit_bias": {4: 2.0, 1: -3.0}},
    ],
)
def test_penalties_count_the_reply_and_repetition_the_prompt_too(params):
    logits = bell_curve(20, 6, spread=1.0)
    prompt, reply = [1, 2, 2, 15], [3, 3, 4, 2, 3]
    expected = plain_edit(logits, SamplingParams(**params), prompt, reply)
    assert torch.allclose(logprobs_after(logits, params, prompt, reply), expected, atol=1e-5)


def test_many_different_tokens_are_all_counted():
    row = sequence(SamplingParams(temperature=0.0, frequency_penalty=1.0))
    logits = torch.arange(3000, 0, -1).float() * 1e-4
    for expected in range(500):
        (sampled,) = SAMPLER.sample(logits.clone()[None], [row])
        assert sampled.token_id == expected
        row.token_ids.append(expected)


def test_a_token_costs_no_work_for_the_length_of_its_context():
    class NoLookingBack(list):
        """The tokens so far, which count how many of them are read."""

        read = 0

        def __getitem__(self, key):
            got = super().__getitem__(key)
            self.read += len(got) if isinstance(key, slice) else 1
            return got

    params = SamplingParams(repetition_penalty=1.1, frequency_penalty=0.1, dry_multiplier=0.8, seed=1)
    row = sequence(params, tuple(range(1000)))
    row.token_ids = tokens = NoLookingBack(row.token_ids)
    logits = bell_curve(3000, 1)
    SAMPLER.sample(logits.clone()[None], [row])
    tokens.read = 0
    for token in range(10):
        tokens.append(token)
        SAMPLER.sample(logits.clone()[None], [row])
    assert tokens.read <= 20


def test_bias_and_bans_reach_far_tokens():
    logits = bell_curve(5000, 1)
    row = sequence(SamplingParams(temperature=0.0, logit_bias={4999: 100.0}))
    assert SAMPLER.sample(logits.clone()[None], [row])[0].token_id == 4999


def test_tokens_that_end_the_reply_wait_for_min_tokens():
    logits = torch.zeros(VOCAB)
    logits[EOS], logits[7], logits[3] = 9.0, 8.0, 5.0
    row = sequence(SamplingParams(temperature=0.0, min_tokens=2, stop_token_ids=(7,)))
    chosen: list[int] = []
    for _ in range(3):
        (sampled,) = SAMPLER.sample(logits.clone()[None], [row])
        chosen.append(sampled.token_id)
        row.token_ids.append(3)
    assert chosen == [3, 3, EOS]


def constrained(params: SamplingParams, regex: str):
    row = sequence(params)
    row.constraint = ConstraintCompiler(TOKENIZER, VOCAB, (EOS,)).compile(Constraint("regex", regex))
    return row


def test_a_grammar_decides_whatever_the_bias_says():
    logits = bell_curve(VOCAB, 1)
    row = constrained(SamplingParams(temperature=5.0, logit_bias={50: 90.0}), "[ab]c")
    SAMPLER.start_masks([row])
    (sampled,) = SAMPLER.sample(logits.clone()[None], [row])
    assert TOKENIZER.decode([sampled.token_id]) in ("a", "b")


def test_min_tokens_cannot_empty_a_grammar_that_wants_the_end():
    row = constrained(SamplingParams(temperature=0.0, min_tokens=9), "a?")
    row.constraint.accept(TOKENIZER.encode("a").ids[0])
    row.token_ids += TOKENIZER.encode("a").ids
    assert SAMPLER.sample(torch.zeros(1, VOCAB), [row])[0].token_id == EOS


def test_masks_are_ready_when_the_model_is(monkeypatch):
    """The mask is computed by another thread between start and sample, while this one has the GIL only now and then."""
    row = constrained(SamplingParams(temperature=0.0), "a[bc]d")
    SAMPLER.start_masks([row])
    deadline = time.monotonic() + 10
    while not row.constraint._computing.done() and time.monotonic() < deadline:
        time.sleep(0)
    assert row.constraint._computing.done()
    assert SAMPLER.sample(bell_curve(VOCAB, 3)[None], [row])[0].token_id == TOKENIZER.encode("a").ids[0]


def test_rows_with_and_without_edits_share_a_batch():
    logits = bell_curve(VOCAB, 9)
    best = logits.topk(2).indices.tolist()
    rows = [
        sequence(SamplingParams(temperature=0.0)),
        sequence(SamplingParams(temperature=0.0, logit_bias={best[0]: -50.0})),
        constrained(SamplingParams(temperature=0.0), "zz"),
    ]
    sampled = SAMPLER.sample(logits.repeat(3, 1), rows)
    assert [one.token_id for one in sampled] == [*best, TOKENIZER.encode("z").ids[0]]
