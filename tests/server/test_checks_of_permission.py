"""Acceptance checks over HTTP: A4 asking for approval, A5 a denial of the server that nothing lifts."""

from __future__ import annotations

import asyncio
import itertools
import json
from contextlib import suppress

import httpx
import pytest
from mcp import Client
from server_doubles import PYTHON, WEATHER, PythonTool, frames_of, http_client, make_agent, running, scripted, until

from engine.chat.scripted import call, text
from mistralrs_agent.agent.agent import Agent
from mistralrs_agent.agent.events import Decision, Permission
from mistralrs_agent.agent.local import LocalConversation
from mistralrs_agent.agent.rules import Rule
from mistralrs_agent.client import RemoteConversation
from mistralrs_agent.errors import UserError
from mistralrs_agent.tools.dispatch import Dispatcher

CHAT = "/v1/chat/completions"
APPROVALS = "/v1/agent/approvals"
CODE = {"messages": "go", "enable_code_execution": True, "agent_permission": "ask"}


def calling(*codes: str, tool: PythonTool | None = None, **settings) -> tuple[Agent, PythonTool]:
    """An agent that calls Python with each of these, one a round, and then answers; again in each turn."""
    tool = tool or PythonTool()
    turn = [*([call(PYTHON, {"code": code})] for code in codes), [text("ok")]]
    return make_agent(itertools.cycle(turn), tools=[tool], **settings), tool


def last_result(agent: Agent) -> str:
    return scripted(agent).requests[-1].messages[-1].content


@pytest.mark.parametrize("approve", [True, False])
async def test_a4_an_approval_posted_after_its_event_was_read(approve):
    agent, tool = calling("a")
    async with (
        running(agent) as url,
        httpx.AsyncClient(base_url=url) as client,
        client.stream("POST", CHAT, json={**CODE, "stream": True}) as response,
    ):
        names: list[str] = []
        async for name, data in frames_of(response):
            names.append(name)
            if name == "agentic_tool_approval_required":
                assert data["tool"] == {"source": "built_in", "kind": "code_execution", "label": "Python code"}
                assert (data["arguments"], data["round"]) == ({"code": "a"}, 0)
                path = f"{APPROVALS}/{data['approval_id']}"
                decision = {"decision": "approve" if approve else "deny", "message": "not now"}
                assert (await client.post(path, json=decision)).json() == {"status": "resolved"}
                assert (await client.post(path, json=decision)).status_code == 404
    assert names.index("agentic_tool_approval_required") < names.index("agentic_tool_approval_resolved")
    assert tool.ran == (["a"] if approve else [])
    if not approve:
        assert json.loads(last_result(agent)) == {"status": "denied", "exception": "not now"}


@pytest.mark.parametrize("approve", [True, False])
@pytest.mark.parametrize("stream", [True, False])
async def test_a4_an_approval_found_in_the_list_and_posted_before_anything_was_read(stream, approve):
    agent, tool = calling("a")
    async with running(agent) as url, httpx.AsyncClient(base_url=url) as client:
        asking = asyncio.create_task(client.post(CHAT, json={**CODE, "stream": stream}))  # reads nothing meanwhile
        await until(agent.approvals.pending)
        (pending,) = (await client.get(APPROVALS)).json()["data"]
        decision = {"decision": "approve" if approve else "deny"}
        assert (await client.post(f"{APPROVALS}/{pending['approval_id']}", json=decision)).status_code == 200
        answer = await asking
        assert (await client.get(APPROVALS)).json()["data"] == []
    assert answer.status_code == 200
    assert tool.ran == (["a"] if approve else [])


async def test_a4_nobody_answers_in_time():
    agent, tool = calling("a", approval_timeout_s=0.02)
    async with http_client(agent) as client:
        assert (await client.post(CHAT, json=CODE)).json()["choices"][0]["message"]["content"] == "ok"
        late = await client.post(f"{APPROVALS}/appr_{'0' * 32}", json={"decision": "approve"})
    assert (tool.ran, late.status_code) == ([], 404)
    assert "Nobody approved this within 0.02 s" in last_result(agent)
    assert make_agent().settings.approval_timeout_s == 300.0


@pytest.mark.parametrize("approve", [True, False])
async def test_a4_an_answer_is_remembered_for_its_session_only(approve):
    agent, tool = calling("a")
    asked: list[str] = []

    async def person(client: httpx.AsyncClient) -> None:
        while True:
            await until(agent.approvals.pending)
            pending = agent.approvals.pending()[0]
            asked.append(pending.session_id)
            decision = {"decision": "approve" if approve else "deny", "remember_for_session": True}
            await client.post(f"{APPROVALS}/{pending.approval_id}", json=decision)

    async with http_client(agent) as client:
        answering = asyncio.create_task(person(client))
        for session_id in ("s", "s", "other"):
            await client.post(CHAT, json={**CODE, "session_id": session_id})
        answering.cancel()
    assert asked == ["s", "other"]
    assert tool.ran == (["a", "a", "a"] if approve else [])


async def test_a4_the_arguments_are_edited_and_the_model_is_told():
    agent, tool = calling("rm *")
    async with http_client(agent) as client:
        asking = asyncio.create_task(client.post(CHAT, json=CODE))
        await until(agent.approvals.pending)
        path = f"{APPROVALS}/{agent.approvals.pending()[0].approval_id}"
        refused = await client.post(path, json={"decision": "approve", "arguments": {"code": 7}})
        assert (refused.status_code, refused.json()["error"]["param"]) == (400, "arguments")
        await client.post(path, json={"decision": "approve", "arguments": {"code": "ls"}})
        await asking
    assert tool.ran == ["ls"]
    assert "changed the arguments" in last_result(agent)


LIFTING = {
    "enable_code_execution": True,
    "agent_permission": "auto",
    "agent_permission_rules": [{"permission": "auto"}],
    "tool_choice": "required",
    "max_tool_rounds": 5,
}


async def by_chat(agent: Agent, stream: bool) -> None:
    async with http_client(agent) as client:
        body = {**LIFTING, "messages": "go", "session_id": "s", "stream": stream}
        assert (await client.post(CHAT, json=body)).status_code == 200
        body["code_execution_permission"] = body.pop("agent_permission")  # its older name
        assert (await client.post(CHAT, json=body)).status_code == 200


async def by_mcp(agent: Agent) -> None:
    async with running(agent) as url, Client(f"{url}/mcp") as client:
        arguments = {"messages": [{"role": "user", "content": "go"}], **LIFTING}
        assert not (await client.call_tool("chat", arguments)).is_error


async def by_terminal(agent: Agent) -> None:
    conversation = LocalConversation(agent, "")
    with suppress(UserError):
        await conversation.set_permission(Permission.AUTO)
    assert [event async for event in conversation.send("go", force_tool=PYTHON)]
    await conversation.close()


async def by_remote_terminal(agent: Agent) -> None:
    async with running(agent) as url:
        conversation = await RemoteConversation.connect(url)
        with suppress(UserError):
            await conversation.set_permission(Permission.AUTO)
        assert [event async for event in conversation.send("go", force_tool=PYTHON)]
        await conversation.close()


async def by_a_session_brought_along(agent: Agent) -> None:
    open_call = {"id": "c1", "type": "function", "function": {"name": PYTHON, "arguments": '{"code": "a"}'}}
    messages = [{"role": "user", "content": "go"}, {"role": "assistant", "tool_calls": [open_call]}]
    async with http_client(agent) as client:
        assert (await client.put("/v1/sessions/s", json={"messages": messages})).status_code == 200
        body = {**LIFTING, "messages": "go on", "session_id": "s"}
        assert (await client.post(CHAT, json=body)).status_code == 200


SURFACES = {
    "chat": lambda agent: by_chat(agent, stream=False),
    "streamed chat": lambda agent: by_chat(agent, stream=True),
    "MCP": by_mcp,
    "terminal": by_terminal,
    "remote terminal": by_remote_terminal,
    "imported session": by_a_session_brought_along,
}


DENIALS = [{"permission": Permission.DENY}, {"permission_rules": (Rule.parse("code_execution=deny"),)}]


@pytest.mark.parametrize("denial", [*DENIALS, {}])
@pytest.mark.parametrize("surface", SURFACES)
async def test_a5_a_denial_of_the_server_holds_on_every_surface(surface, denial):
    agent, tool = calling("a", **denial)
    await SURFACES[surface](agent)
    if denial:
        assert tool.ran == []
        assert json.loads(last_result(agent))["status"] == "denied"
    else:  # without one these calls do run
        assert tool.ran


async def test_a5_an_approval_lifts_no_denial_not_with_edited_arguments_either():
    rules = (Rule.parse(f"{PYTHON}(*secret*)=deny"), Rule.parse("*=ask"))
    agent, tool = calling("fine", permission_rules=rules)
    async with http_client(agent) as client:
        asking = asyncio.create_task(client.post(CHAT, json={**CODE, "agent_permission": "auto"}))
        await until(agent.approvals.pending)
        decision = Decision(approve=True, remember=True, arguments={"code": "the secret"})
        agent.approvals.decide(agent.approvals.pending()[0].approval_id, decision)
        await asking
    assert tool.ran == []
    assert json.loads(last_result(agent))["status"] == "denied"


async def test_a5_what_goes_to_the_dispatch_url_is_denied_too():
    class Never(Dispatcher):
        async def call(self, name, arguments, context):
            raise AssertionError("a denied call left the server")

    script = [[call("weather", {"city": "Rome"})], [text("ok")]]
    agent = make_agent(script, permission=Permission.DENY, dispatcher=Never("http://nowhere.invalid/"))
    async with http_client(agent) as client:
        body = {"messages": "go", "tools": [WEATHER], "agent_permission": "auto"}
        assert (await client.post(CHAT, json=body)).status_code == 200
    assert json.loads(last_result(agent))["status"] == "denied"


@pytest.mark.parametrize("field", [{"enable_code_execution": True}, {"enable_shell": True}, {"web_search_options": {}}])
async def test_a5_what_the_server_has_not_enabled_is_refused(field):
    agent = make_agent(tools=[PythonTool()], code_execution=False)
    async with http_client(agent) as client:
        answer = await client.post(CHAT, json={"messages": "go", **field})
    assert answer.status_code == 400
    assert "start it with --enable" in answer.json()["error"]["message"]
    assert scripted(agent).requests == []
