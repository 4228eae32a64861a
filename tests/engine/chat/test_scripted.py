from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from engine.chat.messages import Message
from engine.chat.model import ChatModel, ChatRequest, ReplyFinished, TextDelta, ThinkingDelta, ToolCallArguments
from engine.chat.scripted import ScriptedModel, call, text, thinking
from engine.errors import EngineOverloaded
from engine.request import FinishReason, SamplingParams

HELLO = ChatRequest([Message("user", "hello")])


async def collect(model: ChatModel, request: ChatRequest = HELLO):
    return [event async for event in model.chat(request)]


async def test_replies_are_played_in_order_in_several_deltas():
    model = ScriptedModel([[thinking("let me see"), call("add", {"a": 1})], [text("it is three")]])
    first, second = await collect(model), await collect(model)
    assert "".join(e.text for e in first if isinstance(e, ThinkingDelta)) == "let me see"
    assert "".join(e.fragment for e in first if isinstance(e, ToolCallArguments)) == '{"a": 1}'
    last = first[-1]
    assert isinstance(last, ReplyFinished)
    assert last.reason is FinishReason.TOOL_CALLS
    assert [(c.name, c.parsed()) for c in last.tool_calls] == [("add", {"a": 1})]
    assert [e.text for e in second if isinstance(e, TextDelta)] == ["it ", "is ", "three"]
    assert second[-1].reason is FinishReason.STOP
    assert second[-1].usage.completion_tokens == len("it is three")
    assert model.requests == [HELLO, HELLO]
    assert model.closed_early == []


async def test_a_gate_holds_the_reply_and_an_early_close_is_recorded():
    gate = asyncio.Event()
    model = ScriptedModel([[text("one "), gate, text("two")]])
    async with aclosing(model.chat(HELLO)) as events:
        assert await anext(events) == TextDelta("one ")
        waiting = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0)
        assert not waiting.done()
        assert model.running == 1
        gate.set()
        assert await waiting == TextDelta("two")
    assert model.closed_early == [HELLO]
    assert model.running == 0


async def test_an_error_in_the_script_is_raised_there():
    model = ScriptedModel([[text("one"), EngineOverloaded("full")]])
    with pytest.raises(EngineOverloaded, match="full"):
        await collect(model)


async def test_every_choice_is_played_and_the_last_one_has_the_usage():
    events = await collect(ScriptedModel([[text("a")]]), ChatRequest([Message("user", "x")], SamplingParams(n=2)))
    finished = [e for e in events if isinstance(e, ReplyFinished)]
    assert [(e.index, e.usage is not None) for e in finished] == [(0, False), (1, True)]


async def test_raw_completion_plays_the_text_of_the_reply():
    model = ScriptedModel([[text("a b")]])
    deltas = [d async for d in model.complete("prompt", SamplingParams())]
    assert "".join(d.text for d in deltas) == "a b"
    assert deltas[-1].finish_reason is FinishReason.STOP
    assert model.requests[0].messages[0].content == "prompt"


async def test_a_script_that_is_too_short_says_so():
    with pytest.raises(AssertionError, match="asked 1 times"):
        await collect(ScriptedModel([]))
