"""The completions API: raw text in, raw text out."""

from __future__ import annotations

import openai
import pytest
from server_doubles import http_client, make_agent, openai_client, scripted

from engine import ContextOverflow, Delta, FinishReason, SamplingParams, TokenLogprob
from engine.chat.scripted import ScriptedModel, text


def continues(words: str = "and so on"):
    """A script whose answer to any prompt repeats it, then says `words`."""
    return ((lambda request: [text(f"{request.messages[-1].content}|{words}")]) for _ in range(100))


@pytest.mark.parametrize(
    ("prompt", "prompts"),
    [
        ("one", ["one"]),
        (["one", "two"], ["one", "two"]),
        (list(b"one"), ["one"]),
        ([list(b"one"), list(b"two")], ["one", "two"]),
    ],
)
async def test_every_form_of_prompt_is_continued(prompt, prompts):
    async with openai_client(make_agent(continues())) as client:
        answer = await client.completions.create(model="default", prompt=prompt, max_tokens=20)
    assert answer.object == "text_completion"
    assert [(c.index, c.text, c.finish_reason) for c in answer.choices] == [
        (i, f"{p}|and so on", "stop") for i, p in enumerate(prompts)
    ]
    assert answer.usage.completion_tokens == sum(len(c.text) for c in answer.choices)


async def test_echo_puts_the_prompt_first_and_n_counts_within_each_prompt():
    async with openai_client(make_agent(continues("x"))) as client:
        answer = await client.completions.create(model="default", prompt=["a", "b"], n=2, echo=True, best_of=2)
        tokens = await client.completions.create(model="default", prompt=[104, 105], echo=True)
    assert [c.text for c in answer.choices] == ["aa|x", "aa|x", "bb|x", "bb|x"]
    assert tokens.choices[0].text == "hihi|x"


@pytest.mark.parametrize("stream", [False, True])
async def test_a_suffix_comes_after_every_answer(stream):
    async with openai_client(make_agent(continues("x"))) as client:
        ask = {"model": "default", "prompt": ["a", "b"], "suffix": "!"}
        if stream:
            chunks = [c async for c in await client.completions.create(stream=True, **ask)]
            choices = [choice for chunk in chunks for choice in chunk.choices]
            texts = ["".join(c.text for c in choices if c.index == index) for index in (0, 1)]
        else:
            texts = [c.text for c in (await client.completions.create(**ask)).choices]
    assert texts == ["a|x!", "b|x!"]


@pytest.mark.parametrize("prompt", [[10**30], [[1, 2**31]]])
async def test_a_number_no_vocabulary_is_large_enough_for_is_refused(prompt):
    async with http_client(make_agent(continues())) as client:
        answer = await client.post("/v1/completions", json={"prompt": prompt})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "prompt")


async def test_a_stream_carries_every_choice_and_the_usage_when_asked_for():
    async with openai_client(make_agent(continues("one two three"))) as client:
        stream = await client.completions.create(
            model="default", prompt=["a", "b"], stream=True, echo=True, stream_options={"include_usage": True}
        )
        chunks = [c async for c in stream]
    choices = [choice for c in chunks for choice in c.choices]
    for index, prompt in enumerate("ab"):
        mine = [c for c in choices if c.index == index]
        assert "".join(c.text for c in mine) == f"{prompt}{prompt}|one two three"
        assert [c.finish_reason for c in mine if c.finish_reason] == ["stop"]
    assert chunks[-1].choices == []
    assert chunks[-1].usage.prompt_tokens == 2


async def test_logprobs_have_the_form_of_the_official_api():
    tops = (TokenLogprob(1, "he", b"he", -0.1), TokenLogprob(2, "ha", b"ha", -3.0))

    class Model(ScriptedModel):
        async def complete(self, prompt, sampling, constraint=None, **options):
            assert sampling.logprobs == 2
            yield Delta("r", text="he", logprobs=(TokenLogprob(1, "he", b"he", -0.1, tops),))
            yield Delta("r", text="y", logprobs=(TokenLogprob(3, "y", b"y", -0.5),), finish_reason=FinishReason.LENGTH)

    async with openai_client(make_agent(Model([]))) as client:
        answer = await client.completions.create(model="default", prompt="x", logprobs=2)
    logprobs = answer.choices[0].logprobs
    assert logprobs.tokens == ["he", "y"]
    assert logprobs.token_logprobs == [-0.1, -0.5]
    assert logprobs.top_logprobs == [{"he": -0.1, "ha": -3.0}, {}]
    assert logprobs.text_offset == [0, 2]
    assert answer.choices[0].finish_reason == "length"


async def test_sampling_and_grammar_reach_the_model():
    agent = make_agent(continues())
    async with http_client(agent) as client:
        body = {"prompt": "x", "temperature": 0.3, "stop": ["END", 7], "grammar": {"type": "regex", "value": "a+"}}
        body |= {
            "dry_multiplier": 0.5,
            "dry_sequence_breakers": ["."],
            "stop_token_ids": [9],
            "truncate_sequence": True,
            "cache_salt": "mine",
        }
        assert (await client.post("/v1/completions", json=body)).status_code == 200
    (request,) = scripted(agent).requests
    assert request.sampling == SamplingParams(
        temperature=0.3, stop=("END",), stop_token_ids=(7, 9), dry_multiplier=0.5, dry_sequence_breakers=(".",)
    )
    assert request.truncate
    assert request.cache_salt == "mine"
    assert request.constraint.grammar == "a+"


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({}, 422, "Missing prompt"),
        ({"prompt": []}, 400, "prompt"),
        ({"prompt": "x", "best_of": 3}, 400, "best_of"),
        ({"prompt": "x", "echo": True, "logprobs": 1}, 400, "echoed"),
        ({"prompt": "x", "tools": []}, 400, "Unknown field tools"),
        ({"prompt": [-1]}, 400, "prompt"),
        ({"prompt": "x", "model": "gpt-9"}, 404, "gpt-9"),
    ],
)
async def test_a_wrong_body_is_refused_with_one_clear_sentence(body, status, said):
    async with http_client(make_agent()) as client:
        answer = await client.post("/v1/completions", json=body)
    assert answer.status_code == status, answer.text
    assert said in answer.json()["error"]["message"]


@pytest.mark.parametrize("stream", [False, True])
async def test_one_prompt_too_long_fails_the_request_and_stops_the_others(stream):
    agent = make_agent([[text("fine " * 50)], [ContextOverflow(9000, 8192)], [text("fine " * 50)]])
    async with openai_client(agent) as client:
        with pytest.raises(openai.BadRequestError) as caught:
            await client.completions.create(model="default", prompt=["a", "b", "c"], stream=stream)
    assert caught.value.code == "context_length_exceeded"
    assert scripted(agent).running == 0
