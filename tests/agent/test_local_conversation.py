from __future__ import annotations

import json

import pytest
from agent_doubles import EchoTool, make_agent

from engine import ToolChoice
from engine.chat.scripted import ScriptedModel, call, text
from mistralrs_agent.agent.agent import AgentSettings
from mistralrs_agent.agent.conversation import Conversation
from mistralrs_agent.agent.events import ApprovalRequested, Decision, Finished, Permission, ToolFinished
from mistralrs_agent.agent.local import LocalConversation
from mistralrs_agent.errors import RequestError, UserError
from mistralrs_agent.tools.base import ToolKind

CODE = AgentSettings(code_execution=True)


def code_tool() -> EchoTool:
    return EchoTool("run", kind=ToolKind.CODE_EXECUTION)


async def talk(conversation: Conversation, words: str, **options):
    return [event async for event in conversation.send(words, **options)]


async def test_turns_share_one_session_until_reset():
    model = ScriptedModel([[text("a")], [text("b")], [text("c")]])
    tool = code_tool()
    conversation = LocalConversation(make_agent(model, [tool], CODE), "no sandbox")
    first, second = await talk(conversation, "one"), await talk(conversation, "two")
    assert first[-1].session_id == second[-1].session_id
    assert [m.content for m in model.requests[1].messages] == ["one", "a", "two"]
    await conversation.reset()
    assert tool.ended_sessions == [first[-1].session_id]
    third = await talk(conversation, "three")
    assert third[-1].session_id != first[-1].session_id
    assert [m.content for m in model.requests[2].messages] == ["three"]


async def test_the_status_line_knows_model_tools_and_sandbox():
    agent = make_agent(ScriptedModel([]), [code_tool(), EchoTool("search", kind=ToolKind.WEB_SEARCH)], CODE)
    info = LocalConversation(agent, "sandbox on", "http://localhost:1234").info
    assert (info.model_id, info.tools, info.sandbox) == ("scripted", ("run",), "sandbox on")
    assert (info.context_tokens, info.endpoint) == (8192, "http://localhost:1234")


async def test_a_tool_can_be_forced():
    model = ScriptedModel([[call("run", {"word": "x"})], [text("ok")]])
    conversation = LocalConversation(make_agent(model, [code_tool()], CODE), "")
    events = await talk(conversation, "go", force_tool="run")
    assert model.requests[0].tool_choice == ToolChoice.named("run")
    assert not model.requests[0].parallel_tool_calls
    assert isinstance(events[-1], Finished)
    with pytest.raises(RequestError, match="'walk'"):
        conversation.send("go", force_tool="walk")


async def test_questions_are_answered_through_the_conversation():
    model = ScriptedModel([[call("run", {"word": "x"})], [text("ok")]])
    conversation = LocalConversation(make_agent(model, [code_tool()], CODE), "")
    await conversation.set_permission(Permission.ASK)
    results = []
    async for event in conversation.send("go"):
        if isinstance(event, ApprovalRequested):
            await conversation.decide(event.approval_id, Decision(approve=False, message="no"))
        if isinstance(event, ToolFinished):
            results.append(json.loads(event.result.content))
    assert results == [{"status": "denied", "exception": "no"}]


async def test_permission_cannot_be_laxer_than_the_servers():
    agent = make_agent(ScriptedModel([]), settings=AgentSettings(permission=Permission.ASK))
    conversation = LocalConversation(agent, "")
    await conversation.set_permission(Permission.DENY)
    await conversation.set_permission(Permission.ASK)
    with pytest.raises(UserError, match="'auto' is not allowed here: the server's is 'ask'"):
        await conversation.set_permission(Permission.AUTO)
    assert conversation.permission is Permission.ASK
