"""The chat API, as the official client sees it."""

from __future__ import annotations

import asyncio

import pytest
from openai import OpenAI
from server_doubles import HELLO, WEATHER, http_client, make_agent, openai_client, running, scripted, until

from engine import FinishReason, ReplyFinished, SamplingParams, TextDelta, TokenLogprob, Usage
from engine.chat.scripted import call, text, thinking


async def test_a_whole_answer_has_text_reasoning_and_usage():
    usage = Usage(prompt_tokens=7, cached_tokens=4, completion_tokens=2, prefill_s=0.5, decode_s=1.0)
    agent = make_agent([[thinking("hmm"), text("hi there"), ReplyFinished(FinishReason.LENGTH, usage=usage)]])
    async with openai_client(agent) as client:
        answer = await client.chat.completions.create(model="default", messages=HELLO)
    assert answer.choices[0].message.content == "hi there"
    assert answer.choices[0].message.reasoning_content == "hmm"
    assert answer.choices[0].finish_reason == "length"
    assert answer.id.startswith("chatcmpl-")
    assert answer.model == "scripted"
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (7, 2, 9)
    assert answer.usage.prompt_tokens_details.cached_tokens == 4
    assert answer.usage.avg_compl_tok_per_sec == 2.0


async def test_a_stream_gives_the_same_text_in_pieces_with_the_role_once():
    async with openai_client(make_agent([[thinking("hmm"), text("one two three")]])) as client:
        stream = await client.chat.completions.create(model="default", messages=HELLO, stream=True)
        chunks = [c async for c in stream]
    deltas = [c.choices[0].delta for c in chunks]
    assert "".join(d.content or "" for d in deltas) == "one two three"
    assert [d.role for d in deltas if d.role] == ["assistant"]
    assert deltas[0].reasoning_content == "hmm"
    assert [c.choices[0].finish_reason for c in chunks if c.choices[0].finish_reason] == ["stop"]
    assert all(c.usage is None for c in chunks)
    assert len({(c.id, c.created) for c in chunks}) == 1


async def test_usage_comes_in_a_last_chunk_without_choices_when_asked_for():
    async with openai_client(make_agent([[text("hi")]])) as client:
        stream = await client.chat.completions.create(
            model="default", messages=HELLO, stream=True, stream_options={"include_usage": True}
        )
        chunks = [c async for c in stream]
    assert [bool(c.choices) for c in chunks].count(False) == 1
    assert chunks[-1].choices == []
    assert chunks[-1].usage.completion_tokens == 2


async def test_the_synchronous_client_works_too():
    async with running(make_agent([[text("hi")]])) as url:

        def ask() -> str | None:
            with OpenAI(base_url=f"{url}/v1", api_key="none") as client:
                return client.chat.completions.create(model="default", messages=HELLO).choices[0].message.content

        assert await asyncio.to_thread(ask) == "hi"


async def test_32_requests_run_at_once_and_each_gets_its_own_answer():
    gate = asyncio.Event()
    agent = make_agent((lambda request: [gate, text(f"echo {request.messages[-1].content}")]) for _ in range(32))
    async with openai_client(agent) as client:

        async def ask(number: int) -> str | None:
            messages = [{"role": "user", "content": str(number)}]
            answer = await client.chat.completions.create(model="default", messages=messages)
            return answer.choices[0].message.content

        asking = asyncio.gather(*map(ask, range(32)))
        await until(lambda: scripted(agent).running == 32)
        gate.set()
        assert await asking == [f"echo {number}" for number in range(32)]


async def test_a_client_tool_call_arrives_whole():
    async with openai_client(make_agent([[call("weather", {"city": "Paris"})]])) as client:
        answer = await client.chat.completions.create(model="default", messages=HELLO, tools=[WEATHER])
    choice = answer.choices[0]
    assert choice.finish_reason == "tool_calls"
    assert choice.message.content is None
    assert choice.message.tool_calls[0].function.name == "weather"
    assert choice.message.tool_calls[0].function.arguments == '{"city": "Paris"}'


async def test_streamed_calls_have_index_id_and_type_first_and_argument_fragments_after():
    script = [[text("Let me look."), call("weather", {"city": "Paris"}), call("weather", {"city": "Rome"})]]
    async with openai_client(make_agent(script)) as client:
        stream = await client.chat.completions.create(model="default", messages=HELLO, tools=[WEATHER], stream=True)
        chunks = [c async for c in stream]
    pieces = [p for c in chunks for p in c.choices[0].delta.tool_calls or ()]
    first = [p for p in pieces if p.id]
    assert [(p.index, p.type, p.function.name) for p in first] == [
        (0, "function", "weather"),
        (1, "function", "weather"),
    ]
    for index, city in enumerate(("Paris", "Rome")):
        assert "".join(p.function.arguments for p in pieces if p.index == index) == f'{{"city": "{city}"}}'
    assert len(pieces) > 4
    assert chunks[-1].choices[0].finish_reason == "tool_calls"


@pytest.mark.parametrize(
    ("choice", "mode", "names"),
    [
        ("auto", "auto", ()),
        ("none", "none", ()),
        ("required", "required", ()),
        ({"type": "function", "function": {"name": "weather"}}, "required", ("weather",)),
        ({"type": "function", "name": "weather"}, "required", ("weather",)),
        (
            {
                "type": "allowed_tools",
                "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "weather"}}]},
            },
            "auto",
            ("weather",),
        ),
    ],
)
async def test_every_spelling_of_tool_choice_reaches_the_model(choice, mode, names):
    agent = make_agent([[text("ok")]])
    async with openai_client(agent) as client:
        await client.chat.completions.create(model="default", messages=HELLO, tools=[WEATHER], tool_choice=choice)
    asked = scripted(agent).requests[0]
    assert (asked.tool_choice.mode, asked.tool_choice.names) == (mode, names)
    assert [tool.name for tool in asked.tools] == ["weather"]
    assert asked.parallel_tool_calls is not (mode == "required" and names == ("weather",))  # one call of a named tool


async def test_only_given_values_replace_the_models_sampling_defaults():
    agent = make_agent([[text("a")], [text("b")]])
    async with http_client(agent) as client:
        await client.post("/v1/chat/completions", json={"messages": HELLO})
        given = {
            "temperature": 0.5, "top_p": 0.9, "top_k": 7, "min_p": 0.1, "presence_penalty": 0.2,
            "frequency_penalty": 0.3, "repetition_penalty": 1.1, "seed": 5, "max_completion_tokens": 9,
            "min_tokens": 2, "stop": ["END"], "logit_bias": {"12": -100}, "ignore_eos": True, "logprobs": True,
            "top_logprobs": 3, "stop_token_ids": [4], "dry_multiplier": 0.8, "dry_base": 2, "dry_allowed_length": 3,
            "dry_sequence_breakers": ["."], "dry_range": 64,
        }  # fmt: skip
        answer = await client.post("/v1/chat/completions", json={"messages": HELLO, **given})
    assert answer.status_code == 200, answer.text
    first, second = scripted(agent).requests
    assert first.sampling == scripted(agent).info.sampling_defaults
    assert second.sampling == SamplingParams(
        temperature=0.5, top_p=0.9, top_k=7, min_p=0.1, presence_penalty=0.2, frequency_penalty=0.3,
        repetition_penalty=1.1, seed=5, max_tokens=9, min_tokens=2, stop=("END",), logit_bias={12: -100},
        ignore_eos=True, logprobs=3, stop_token_ids=(4,), dry_multiplier=0.8, dry_base=2, dry_allowed_length=3,
        dry_sequence_breakers=(".",), dry_range=64,
    )  # fmt: skip


async def test_every_role_takes_text_parts_and_calls_keep_their_results():
    def parts(words):
        return [{"type": "text", "text": word} for word in words.split()]

    call_body = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Rome"}'}}
    messages = [
        {"role": "system", "content": parts("be brief")},
        {"role": "user", "content": parts("how is it")},
        {"role": "assistant", "content": None, "tool_calls": [call_body], "refusal": None},
        {"role": "tool", "tool_call_id": "c1", "content": parts("sunny 30")},
        {"role": "assistant", "content": parts("Hot."), "reasoning_content": "it is 30"},
        {"role": "user", "content": "thanks"},
    ]
    agent = make_agent([[text("ok")]])
    async with openai_client(agent) as client:
        await client.chat.completions.create(model="default", messages=messages, tools=[WEATHER])
    seen = scripted(agent).requests[0].messages
    assert [(m.role, m.content) for m in seen] == [
        ("system", "be\nbrief"),
        ("user", "how\nis\nit"),
        ("assistant", ""),
        ("tool", "sunny\n30"),
        ("assistant", "Hot."),
        ("user", "thanks"),
    ]
    assert seen[2].tool_calls[0].parsed() == {"city": "Rome"}
    assert seen[3].tool_call_id == "c1"
    assert seen[4].reasoning == "it is 30"


async def test_shapes_and_template_wishes_reach_the_model():
    agent = make_agent([[text("{}")], [text("{}")], [text("1")], [text("x")], [text("x")], [text("x")]])
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    async with http_client(agent) as client:
        for wish in (
            {"response_format": {"type": "json_object"}},
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "a", "schema": schema, "strict": True},
                }
            },
            {"grammar": {"type": "regex", "value": "[0-9]+"}},
            {"reasoning_effort": " HIGH", "chat_template_kwargs": {"style": "poem"}, "truncate_sequence": True},
            {"n": 2, "cache_salt": "mine"},
            {"cache_salt": "mine"},
        ):
            answer = await client.post("/v1/chat/completions", json={"messages": "hi", **wish})
            assert answer.status_code == 200, answer.text
    any_object, by_schema, regex, template, choices, salted = scripted(agent).requests
    assert (any_object.constraint.kind, any_object.constraint.grammar) == ("json_schema", '{"type": "object"}')
    assert '"integer"' in by_schema.constraint.grammar
    assert (regex.constraint.kind, regex.constraint.grammar) == ("regex", "[0-9]+")
    assert template.enable_thinking is True
    assert template.template_kwargs == {"reasoning_effort": "high", "style": "poem"}
    assert template.truncate is True
    assert template.cache_salt == ""
    assert choices.cache_salt == salted.cache_salt == "mine"


async def test_several_choices_are_told_apart_whole_and_streamed():
    agent = make_agent([[text("one two")], [text("one two"), call("weather", {"city": "Oslo"})]])
    async with openai_client(agent) as client:
        answer = await client.chat.completions.create(model="default", messages=HELLO, n=3)
        assert [(c.index, c.message.content) for c in answer.choices] == [(i, "one two") for i in range(3)]
        assert answer.usage.completion_tokens == 3 * len("one two")
        stream = await client.chat.completions.create(
            model="default", messages=HELLO, n=2, stream=True, tools=[WEATHER], stream_options={"include_usage": True}
        )
        chunks = [c async for c in stream]
    choices = [choice for c in chunks for choice in c.choices]
    for index in range(2):
        mine = [c for c in choices if c.index == index]
        assert "".join(c.delta.content or "" for c in mine) == "one two"
        assert mine[-1].finish_reason == "tool_calls"
        assert next(p.index for c in mine for p in c.delta.tool_calls or ()) == 0
    assert chunks[-1].usage.completion_tokens > 0


async def test_logprobs_have_the_form_of_the_official_api():
    top = (TokenLogprob(1, "hi", b"hi", -0.1), TokenLogprob(2, "yo", b"yo", -2.0))
    delta = TextDelta("hi", logprobs=(TokenLogprob(1, "hi", b"hi", -0.1, top),))
    async with openai_client(make_agent([[delta], [delta]])) as client:
        options = {"model": "default", "messages": HELLO, "logprobs": True, "top_logprobs": 2}
        whole = (await client.chat.completions.create(**options)).choices[0].logprobs
        stream = [c async for c in await client.chat.completions.create(**options, stream=True)]
    for logprobs in (whole, stream[0].choices[0].logprobs):
        (token,) = logprobs.content
        assert (token.token, token.bytes, token.logprob) == ("hi", [104, 105], -0.1)
        assert [t.token for t in token.top_logprobs] == ["hi", "yo"]


async def test_fields_that_mean_nothing_here_are_accepted():
    async with openai_client(make_agent([[text("ok")]])) as client:
        answer = await client.chat.completions.create(
            model="default",
            messages=HELLO,
            user="u",
            metadata={"a": "b"},
            store=False,
            service_tier="auto",
            modalities=["text"],
        )
    assert answer.choices[0].message.content == "ok"
