"""Functions of the embedding program as tools: schemas, conversion, threads, failures, cancellation."""

from __future__ import annotations

import asyncio
import json
import threading
from contextlib import aclosing
from datetime import date
from typing import Annotated, Any, Literal

import pytest
from agent_doubles import ask, client_tool, collect, make_agent
from pydantic import BaseModel, Field

from engine.chat.scripted import ScriptedModel, call, text
from mistralrs_agent.agent.agent import Agent, AgentSettings
from mistralrs_agent.agent.events import CallReady, Permission, ToolFinished
from mistralrs_agent.errors import ConfigError, ToolFailed
from mistralrs_agent.tools import callback as callbacks
from mistralrs_agent.tools.base import ToolSource
from mistralrs_agent.tools.callback import function_tool


class Place(BaseModel):
    city: str
    country: str = "FR"


def weather(
    place: Place,
    day: date,
    unit: Literal["c", "f"] = "c",
    *,
    hours: Annotated[int, Field(ge=1, le=24, description="How long")] = 3,
) -> dict[str, Any]:
    """Weather of a place.

    For one day.
    """
    return {"where": f"{place.city}/{place.country}", "day": day, "year": day.year, "unit": unit, "hours": hours}


def agent_with(*tools, script, settings: AgentSettings | None = None) -> Agent:
    return make_agent(ScriptedModel(script), tools, settings)


async def result_of(agent: Agent, **options) -> str:
    events = await collect(agent, ask("go", **options))
    return next(event.result.content for event in events if isinstance(event, ToolFinished))


async def test_the_schema_is_the_signature_and_values_are_converted():
    arguments = {"place": {"city": "Lyon"}, "day": "2024-03-05", "hours": 5}
    agent = agent_with(function_tool(weather), script=[[call("weather", arguments)], [text("ok")]])
    assert json.loads(await result_of(agent)) == {
        "where": "Lyon/FR",
        "day": "2024-03-05",
        "year": 2024,
        "unit": "c",
        "hours": 5,
    }
    (spec,) = agent.model.requests[0].tools
    assert (spec.name, spec.description) == ("weather", "Weather of a place.\n\nFor one day.")
    assert spec.parameters["required"] == ["place", "day"]
    assert spec.parameters["properties"]["hours"] == {
        "default": 3,
        "description": "How long",
        "maximum": 24,
        "minimum": 1,
        "type": "integer",
    }
    assert spec.parameters["additionalProperties"] is False
    assert agent.toolbox.names == ("weather",)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"day": "2024-03-05"}, "place"),
        ({"place": {"city": "Lyon"}, "day": "yesterday"}, "day"),
        ({"place": {"city": "Lyon"}, "day": "2024-03-05", "hours": 99}, "24"),
        ({"place": {"city": "Lyon"}, "day": "2024-03-05", "more": 1}, "more"),
    ],
)
async def test_arguments_that_do_not_fit_come_back_to_the_model(arguments, said):
    agent = agent_with(function_tool(weather), script=[[call("weather", arguments)], [text("ok")]])
    answer = json.loads(await result_of(agent))
    assert answer["status"] == "invalid_call" and said in answer["error"]


async def test_name_description_and_schema_can_be_given():
    seen = []
    schema = {"type": "object", "properties": {"q": {"type": "integer"}}, "required": ["q"]}
    tool = function_tool(lambda **given: seen.append(given), name="ask", description="Ask.", parameters=schema)
    agent = agent_with(tool, script=[[call("ask", {"q": 1, "extra": [2]})], [text("ok")]])
    assert await result_of(agent) == "null"
    assert seen == [{"q": 1, "extra": [2]}]
    assert agent.model.requests[0].tools[0].description == "Ask."


@pytest.mark.parametrize("kind", ["plain", "async"])
@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("text", "text"),
        ({"a": [1, None, True]}, '{"a": [1, null, true]}'),
        (b"\xff\0", '"_wA="'),
        ("half \ud800", "half ?"),
        ({1, 1}, "[1]"),
        (object, None),
    ],
)
async def test_whatever_a_function_returns_can_be_read(kind, given, read):
    async def answer_async():
        return given

    def answer():
        return given

    tool = function_tool(answer if kind == "plain" else answer_async, name="answer")
    content = await result_of(agent_with(tool, script=[[call("answer", {})], [text("ok")]]))
    assert content == read if read is not None else "object" in content
    content.encode()


async def test_plain_functions_run_in_threads_side_by_side_and_async_ones_here():
    barrier, here = threading.Barrier(2, timeout=20), threading.current_thread()

    def meet(name: str) -> str:
        barrier.wait()
        assert threading.current_thread() is not here
        return name

    async def where() -> bool:
        return threading.current_thread() is here

    calls = [call("meet", {"name": "a"}), call("meet", {"name": "b"}), call("where", {})]
    agent = agent_with(function_tool(meet), function_tool(where), script=[calls, [text("ok")]])
    await collect(agent, ask("go"))
    assert [m.content for m in agent.model.requests[1].messages if m.role == "tool"] == ["a", "b", "true"]


@pytest.mark.parametrize("error", [ValueError("no such city"), SystemExit(3), KeyboardInterrupt(), StopIteration()])
@pytest.mark.parametrize("kind", ["plain", "async"])
async def test_an_exception_is_an_error_result_and_nothing_breaks(kind, error):
    if kind == "async" and not isinstance(error, ValueError):
        error = asyncio.CancelledError()  # a function that cancels something of its own

    def fail():
        raise error

    async def fail_async():
        raise error

    tool = function_tool(fail if kind == "plain" else fail_async, name="fail")
    agent = agent_with(tool, script=[[call("fail", {})], [text("sorry")]])
    answer = json.loads(await result_of(agent))
    assert (answer["status"], answer["tool"]) == ("failed", "fail")
    assert "no such city" in answer["error"] or not isinstance(error, ValueError)


async def test_a_tool_may_speak_to_the_model_itself():
    def refuse():
        raise ToolFailed("closed on Sundays")

    agent = agent_with(function_tool(refuse), script=[[call("refuse", {})], [text("ok")]])
    assert json.loads(await result_of(agent))["error"] == "closed on Sundays"


async def test_a_function_that_takes_too_long_is_given_up_and_hung_ones_are_counted(monkeypatch):
    monkeypatch.setattr(callbacks, "MAX_THREADS", 2)
    let_go = threading.Event()

    def hang():
        let_go.wait(20)
        return "late"

    tool = function_tool(hang, timeout_s=0.05)
    agent = agent_with(tool, script=[*[[call("hang", {})]] * 3, [text("ok")]])
    try:
        events = await collect(agent, ask("go"))
    finally:
        let_go.set()
    said = [json.loads(event.result.content)["error"] for event in events if isinstance(event, ToolFinished)]
    assert ["longer than 0.05 s" in words for words in said] == [True, True, False]
    assert said[2] == "2 earlier calls of this tool are still running"
    async with asyncio.timeout(20):
        while tool._threads:  # noqa: ASYNC110 - the end of a thread that nobody waits for has no event
            await asyncio.sleep(0.005)
    tool.timeout_s = None
    after = agent_with(tool, script=[[call("hang", {})], [text("ok")]])
    assert await result_of(after) == "late"


async def test_cancelling_a_turn_cancels_an_async_function():
    begun, ended = asyncio.Event(), []

    async def wait():
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cancelled")

    agent = agent_with(function_tool(wait), script=[[call("wait", {})]])
    async with asyncio.timeout(20), aclosing(agent.run(ask("go", session_id="s"))) as events:
        async for event in events:
            if isinstance(event, CallReady):
                break
        reading = asyncio.ensure_future(anext(events))
        await begun.wait()
        reading.cancel()
        await asyncio.wait([reading])
    assert ended == ["cancelled"]
    assert "cancelled" in agent.sessions.history("s")[2].content


async def test_callbacks_run_the_tools_that_a_client_describes():
    def anything(name: str, arguments: dict[str, Any]) -> str:
        return f"{name} with {arguments}"

    settings = AgentSettings(tool_callbacks={"ask_client": anything})
    script = [[call("ask_client", {"a": 1}), call("other", {})]]
    agent = agent_with(script=script, settings=settings)
    events = await collect(agent, ask("go", client_tools=(client_tool(), client_tool("other"))))
    (done,) = [event for event in events if isinstance(event, ToolFinished)]
    assert done.result.content == "ask_client with {'a': 1}"
    assert [one.name for one in events[-1].client_calls] == ["other"]
    ready = next(event for event in events if isinstance(event, CallReady))
    assert ready.tool.source is ToolSource.USER


async def test_callbacks_come_under_permission_like_every_tool():
    ran = []
    settings = AgentSettings(permission=Permission.DENY)
    agent = agent_with(
        function_tool(lambda: ran.append(1), name="f"), script=[[call("f", {})], [text("ok")]], settings=settings
    )
    assert json.loads(await result_of(agent))["status"] == "denied"
    assert ran == []


def positional(a, /): ...
def gathering(*a): ...
def open_ended(**a): ...
def unknown(a: threading.Lock): ...
def unresolved(a: Nowhere): ...  # noqa: F821


@pytest.mark.parametrize("function", [positional, gathering, open_ended, unknown, unresolved])
def test_a_signature_without_a_schema_is_refused(function):
    with pytest.raises(ConfigError, match=function.__name__):
        function_tool(function)
