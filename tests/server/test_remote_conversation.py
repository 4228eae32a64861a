"""A conversation over HTTP shows the same as one in this process."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace

import pytest
from server_doubles import PYTHON, PythonTool, make_agent, running, scripted, until

from engine import FinishReason, TextDelta, ToolCallArguments, ToolCallStarted, Usage, WorkerDied
from engine.chat.scripted import call, text, thinking
from mistralrs_agent.agent.events import (
    ApprovalRequested,
    ApprovalResolved,
    CallReady,
    Decision,
    Finished,
    Permission,
    RoundStarted,
    ToolFinished,
    ToolOutput,
    TurnStarted,
)
from mistralrs_agent.agent.local import LocalConversation
from mistralrs_agent.client import RemoteConversation
from mistralrs_agent.errors import RequestError, UserError


@asynccontextmanager
async def remote(agent, **settings):
    async with running(agent, **settings) as url:
        conversation = await RemoteConversation.connect(url, settings.get("api_key"))
        yield conversation
        await conversation.close()


def comparable(event):
    """Without what differs from run to run, and with frames that only a local conversation shows left out."""
    match event:
        case ToolCallStarted() | ToolCallArguments():
            return None
        case TurnStarted():
            return TurnStarted("s")
        case ToolFinished():
            return replace(event, duration_s=0.0)
        case Finished():
            return replace(event, session_id="s", usage=Usage())
        case ApprovalRequested() | ApprovalResolved():
            return type(event)
        case _:
            return event


async def events_of(conversation, words="go", **options):
    events = []
    async with aclosing(conversation.send(words, **options)) as stream:
        async for event in stream:
            if isinstance(event, ApprovalRequested):
                await conversation.decide(event.approval_id, Decision(approve=True, message="fine"))
            events.append(event)
    return events


@pytest.mark.parametrize("permission", [Permission.AUTO, Permission.ASK])
async def test_events_are_those_of_a_local_conversation(permission):
    def agent():
        script = [[thinking("hm hm"), text("Look:"), call(PYTHON, {"code": "é<b>"})], [text("It is done.")]]
        return make_agent(script, tools=[PythonTool()], permission=permission)

    local = await events_of(LocalConversation(agent(), "no sandbox"))
    async with remote(agent()) as conversation:
        over_http = await events_of(conversation)
    kept = [comparable(e) for e in over_http]
    assert kept == [c for e in local if (c := comparable(e)) is not None]
    assert over_http[-1].usage.completion_tokens == local[-1].usage.completion_tokens
    kinds = [type(e) for e in over_http]
    assert kinds.count(RoundStarted) == 2
    assert {CallReady, ToolOutput, ToolFinished} <= set(kinds)


async def test_info_and_permission_are_the_servers():
    agent = make_agent(tools=[PythonTool()], permission=Permission.ASK)
    async with remote(agent, sandbox_summary="namespaces", api_key="key") as conversation:
        assert conversation.info.model_id == "scripted"
        assert conversation.info.tools == (PYTHON,)
        assert conversation.info.sandbox == "namespaces"
        assert conversation.info.endpoint.startswith("http://127.0.0.1:")
        assert conversation.permission is Permission.ASK
        await conversation.set_permission(Permission.DENY)
        with pytest.raises(UserError, match="'auto'"):
            await conversation.set_permission(Permission.AUTO)


async def test_the_history_stays_until_reset():
    tool = PythonTool()
    agent = make_agent([[text("one")], [text("two")], [text("three")]], tools=[tool])
    async with remote(agent) as conversation:
        for words in ("a", "b"):
            await events_of(conversation, words)
        await conversation.reset()
        await events_of(conversation, "c")
    seen = [[m.content for m in request.messages] for request in scripted(agent).requests]
    assert seen == [["a"], ["a", "one", "b"], ["c"]]
    assert len(set(tool.ended_sessions)) == 2


async def test_a_tool_can_be_forced():
    agent = make_agent([[call(PYTHON, {"code": "a"})], [text("ok")]], tools=[PythonTool()])
    async with remote(agent) as conversation:
        await events_of(conversation, force_tool=PYTHON)
        with pytest.raises(RequestError, match="'nope'"):
            await events_of(conversation, force_tool="nope")
    assert scripted(agent).requests[0].tool_choice.names == (PYTHON,)


async def test_closing_a_turn_stops_it_on_the_server():
    agent = make_agent([[text("one"), asyncio.Event()], [text("two")]])
    async with remote(agent) as conversation:
        async with aclosing(conversation.send("x")) as stream:
            async for event in stream:
                if isinstance(event, TextDelta):
                    break
        await until(lambda: scripted(agent).closed_early)
        assert (await events_of(conversation))[-1].text == "two"


@pytest.mark.parametrize("said", [[], [text("one")]])
async def test_a_failure_is_an_error_with_the_servers_words(said):
    async with remote(make_agent([[*said, WorkerDied("the worker ended")]])) as conversation:
        with pytest.raises(RequestError, match="the worker ended") as caught:
            await events_of(conversation)
    assert caught.value.code == "worker_died"


async def test_no_server_the_wrong_server_and_a_wrong_key_are_told_apart():
    with pytest.raises(UserError, match=r"Cannot reach http://127\.0\.0\.1:1"):
        await RemoteConversation.connect("127.0.0.1:1")
    async with running(make_agent(), api_key="key") as url:
        with pytest.raises(UserError, match="Wrong API key"):
            await RemoteConversation.connect(url, "other")
        with pytest.raises(UserError, match="No such route"):
            await RemoteConversation.connect(f"{url}/elsewhere", "key")
    with pytest.raises(UserError, match="is not an address"):
        await RemoteConversation.connect("localhost:port")


async def test_finish_reasons_survive_the_wire():
    agent = make_agent([[text("hi")]])
    async with remote(agent) as conversation:
        last = (await events_of(conversation))[-1]
    assert (last.reason, last.rounds, last.text) == (FinishReason.STOP, 1, "hi")
