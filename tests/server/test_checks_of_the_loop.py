"""Acceptance checks of the agent over HTTP: A1 mixed tools, A2 parallel calls, A3 the cap, A6 memory of a session."""

from __future__ import annotations

import asyncio
import itertools
import json

import pytest
from server_doubles import (
    HELLO,
    PYTHON,
    WEATHER,
    PythonTool,
    code_agent,
    http_client,
    make_agent,
    openai_client,
    scripted,
)

from engine.chat.scripted import call, text

CHAT = "/v1/chat/completions"
CODE = {"enable_code_execution": True}


@pytest.mark.parametrize("stream", [True, False])
async def test_a1_a_round_with_a_server_and_a_client_tool(stream):
    script = [[text("I look. "), call(PYTHON, {"code": "a"}), call("weather", {"city": "Rome"})], [text("All done.")]]
    agent = make_agent(script, tools=[PythonTool()])
    async with openai_client(agent) as client:
        create = client.chat.completions.create
        options = {"model": "default", "tools": [WEATHER], "stream": stream}
        answer = await create(messages=HELLO, extra_body=CODE, **options)
        if stream:
            chunks = [chunk async for chunk in answer]
            steps = [(chunk.phase, chunk.tool_name) for chunk in chunks if getattr(chunk, "phase", None)]
            assert steps == [("calling", PYTHON), ("complete", PYTHON)]
            deltas = [choice.delta for chunk in chunks for choice in chunk.choices]
            first, *fragments = [piece for delta in deltas for piece in delta.tool_calls or ()]
            assert (first.index, first.type, first.function.name) == (0, "function", "weather")
            assert {piece.index for piece in fragments} == {0} and {piece.id for piece in fragments} == {None}
            arguments = "".join(piece.function.arguments for piece in [first, *fragments])
            said, last, final = "".join(delta.content or "" for delta in deltas), chunks[-1], chunks[-1].choices[0]
        else:
            assert [record["name"] for record in answer.agentic_tool_calls] == [PYTHON]
            last, final = answer, answer.choices[0]
            (first,), said = final.message.tool_calls, final.message.content
            arguments = first.function.arguments
        assert (said, json.loads(arguments)) == ("I look. ", {"city": "Rome"})
        assert (final.finish_reason, final.stop_detail) == ("tool_calls", "client_tools")
        assert first.id and last.usage.completion_tokens > 0

        result = [{"role": "tool", "tool_call_id": first.id, "content": "sunny"}]
        answer = await create(messages=result, extra_body={**CODE, "session_id": last.session_id}, **options)
        if stream:
            chunks = [chunk async for chunk in answer]
            assert "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices) == "All done."
            assert (chunks[-1].choices[0].finish_reason, chunks[-1].usage.total_tokens > 0) == ("stop", True)
        else:
            assert answer.choices[0].message.content == "All done."
    asked, *results = scripted(agent).requests[1].messages[1:]
    assert asked.content == "I look. "
    assert [(m.content, m.tool_call_id) for m in results] == [
        ("A", asked.tool_calls[0].id), ("sunny", asked.tool_calls[1].id)
    ]  # fmt: skip


async def test_a2_two_parallel_server_calls_take_as_long_as_the_longer_one():
    both, started = asyncio.Event(), []

    class Meeting(PythonTool):
        """Each call ends only when the other one runs too."""

        async def run(self, arguments, context):
            started.append(arguments["code"])
            if len(started) == 2:
                both.set()
            await both.wait()
            if arguments["code"] == "first":
                await asyncio.sleep(0)  # ends after the second
            return await super().run(arguments, context)

    script = [[call(PYTHON, {"code": "first"}), call(PYTHON, {"code": "second"})], [text("ok")]]
    agent = make_agent(script, tools=[Meeting()])
    async with http_client(agent) as client:
        answer = (await client.post(CHAT, json={"messages": "go", **CODE})).json()
    assert [record["arguments"] for record in answer["agentic_tool_calls"]] == [
        '{"code": "second"}',
        '{"code": "first"}',
    ]
    calls, *results = scripted(agent).requests[1].messages[1:]
    assert [m.content for m in results] == ["FIRST", "SECOND"]
    assert [m.tool_call_id for m in results] == [c.id for c in calls.tool_calls]


@pytest.mark.parametrize("stream", [True, False])
async def test_a3_a_model_that_always_calls_ends_in_text_and_a_stop_detail(stream):
    def reply(request):
        free = request.tool_choice.mode != "none"
        return [call(PYTHON, {"code": "again"})] if free else [text("That is all I know.")]

    agent = make_agent(itertools.repeat(reply), tools=[PythonTool()])
    async with openai_client(agent) as client:
        body = {"max_tool_rounds": 1, **CODE}
        answer = await client.chat.completions.create(messages=HELLO, model="default", stream=stream, extra_body=body)
        if stream:
            chunks = [chunk async for chunk in answer]
            said, last = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices), chunks[-1].choices[0]
        else:
            said, last = answer.choices[0].message.content, answer.choices[0]
    assert said == "That is all I know."
    assert (last.finish_reason, last.stop_detail) == ("stop", "max_tool_rounds")
    assert len(scripted(agent).requests) == 2


async def test_a6_the_new_message_alone_recalls_what_was_said_and_the_variables_of_python():
    def reply(request):
        asked = next(m for m in reversed(request.messages) if m.role == "user").content
        if request.messages[-1].role == "tool":
            return [text(request.messages[-1].content)]
        names = [m.content for m in request.messages if m.role == "user" and m.content.startswith("I am")]
        return [call(PYTHON, {"code": asked})] if "x" in asked else [text(" ".join(names))]

    agent = code_agent(itertools.repeat(reply))

    async def say(words: str, **more) -> dict:
        answer = (await client.post(CHAT, json={"messages": words, **CODE, **more})).json()
        return {"session_id": answer["session_id"], "said": answer["choices"][0]["message"]["content"]}

    async with http_client(agent) as client:
        session = {"session_id": (await say("I am Ann"))["session_id"]}
        await say("x = 41", **session)
        assert json.loads((await say("x + 1", **session))["said"])["result"] == "42"
        assert (await say("Who am I?", **session))["said"] == "I am Ann"
        stranger = await say("x + 1")
        assert "NameError" in stranger["said"]
        assert (await say("Who am I?", session_id=stranger["session_id"]))["said"] == ""
    await agent.close()
