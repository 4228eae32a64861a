"""Agent runs over HTTP: tool events, approvals, permission, limits, and clients that hang up."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest
from server_doubles import (
    HELLO,
    PYTHON,
    WEATHER,
    PythonTool,
    frames_of,
    http_client,
    make_agent,
    openai_client,
    running,
    scripted,
    until,
)

from engine.chat.scripted import call, text, thinking
from mistralrs_agent.agent.events import Permission
from mistralrs_agent.agent.rules import Rule
from mistralrs_agent.tools.dispatch import Answer, Dispatcher

CHAT = "/v1/chat/completions"
CODE = {"messages": "6*7 in Python", "enable_code_execution": True}


async def test_a_stream_shows_tool_events_in_order_and_ends_with_usage_and_session():
    agent = make_agent([[thinking("hm"), call(PYTHON, {"code": "6*7"})], [text("It is 42.")]], tools=[PythonTool()])
    async with http_client(agent) as client, client.stream("POST", CHAT, json={**CODE, "stream": True}) as response:
        frames = [frame async for frame in frames_of(response)]
    named = [(name, data.get("phase"), data.get("round")) for name, data in frames if name]
    assert named == [
        ("agentic_tool_call_progress", "calling", 0),
        ("agentic_tool_output", None, None),
        ("agentic_tool_call_progress", "complete", 0),
    ]
    calling, _, complete = [data for name, data in frames if name]
    assert calling["type"] == "agentic_tool_call_progress"
    assert calling["tool_name"] == PYTHON
    assert calling["data"] == {"tool_type": "code_execution", "code": "6*7"}
    assert complete["data"]["stdout"] == "6*7"
    assert "tool_calls" not in json.dumps([data["choices"] for _, data in frames if "choices" in data])
    last = frames[-1][1]
    assert last["choices"][0]["finish_reason"] == "stop"
    assert last["session_id"]
    assert last["usage"]["completion_tokens"] > 0


async def test_the_official_client_passes_tool_events_over():
    agent = make_agent([[call(PYTHON, {"code": "1"})], [text("done")]], tools=[PythonTool()])
    async with openai_client(agent) as client:
        stream = await client.chat.completions.create(
            model="default", messages=HELLO, stream=True, extra_body={"enable_code_execution": True}
        )
        said = [choice.delta.content or "" for chunk in [c async for c in stream] for choice in chunk.choices]
    assert "".join(said) == "done"


async def test_a_whole_answer_lists_what_the_tools_did():
    agent = make_agent([[text("Let me see."), call(PYTHON, {"code": "a"})], [text("A!")]], tools=[PythonTool()])
    async with http_client(agent) as client:
        answer = (await client.post(CHAT, json=CODE)).json()
    assert answer["choices"][0]["message"] == {"role": "assistant", "content": "A!"}
    assert answer["agentic_tool_calls"] == [
        {"round": 0, "name": PYTHON, "arguments": '{"code": "a"}', "result_content": "A"}
    ]
    assert answer["session_id"]


class Weather(Dispatcher):
    """Stands where the owner's URL stands."""

    async def call(self, name, arguments, context):
        return Answer(content=f"{name} of {arguments['city']}: sunny")


async def test_calls_that_go_to_the_dispatch_url_are_the_servers_and_not_the_clients():
    script = [[call("weather", {"city": "Turku"})], [text("Sunny.")]]
    agent = make_agent(script, dispatcher=Weather("http://nowhere.invalid/"))
    body = {"messages": "hi", "tools": [WEATHER]}
    async with http_client(agent) as client:
        async with client.stream("POST", CHAT, json={**body, "stream": True}) as response:
            frames = [frame async for frame in frames_of(response)]
        refused = await client.post(CHAT, json={**body, "n": 2})
    results = [data["content"] for name, data in frames if name and data["phase"] == "complete"]
    assert results == ["weather of Turku: sunny"]
    assert "tool_calls" not in json.dumps([data["choices"] for _, data in frames])
    assert frames[-1][1]["choices"][0]["finish_reason"] == "stop"
    assert frames[-1][1]["usage"]["total_tokens"] > 0
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "n")


async def test_a_session_id_and_the_new_message_recall_the_conversation():
    agent = make_agent([[text("Hi Ann.")], [text("Ann.")]])
    async with http_client(agent) as client:
        await client.post(CHAT, json={"messages": "I am Ann", "session_id": "s1"})
        await client.post(CHAT, json={"messages": "Who am I?", "session_id": "s1"})
        assert [m.content for m in scripted(agent).requests[1].messages] == ["I am Ann", "Hi Ann.", "Who am I?"]
        assert (await client.delete("/v1/sessions/s1")).json()["deleted"] is True
    assert agent.sessions.history("s1") in (None, ())


async def test_a_whole_answer_can_wait_for_an_approval_found_in_the_list():
    tool = PythonTool()
    agent = make_agent(
        [[call(PYTHON, {"code": c})] for c in "ab"] + [[text("ok")]], tools=[tool], permission=Permission.ASK
    )
    async with http_client(agent) as client:
        asking = asyncio.create_task(client.post(CHAT, json=CODE))
        await until(agent.approvals.pending)
        (pending,) = (await client.get("/v1/agent/approvals")).json()["data"]
        decision = {"decision": "approve", "remember_for_session": True}
        await client.post(f"/v1/agent/approvals/{pending['approval_id']}", json=decision)
        answer = await asking
    assert answer.json()["choices"][0]["message"]["content"] == "ok"
    assert tool.ran == ["a", "b"]


async def test_an_approval_can_edit_the_arguments_and_be_remembered_for_a_pattern():
    tool = PythonTool()
    script = [[call(PYTHON, {"code": c})] for c in ("a", "b 1", "c")]
    agent = make_agent([*script, [text("ok")]], tools=[tool], permission=Permission.ASK)
    async with http_client(agent) as client:
        asking = asyncio.create_task(client.post(CHAT, json=CODE))
        answers = (
            ({"arguments": {"code": 5}}, 400),
            ({"arguments": {"code": "b 0"}, "remember_for_session": True, "remember_text": "b *"}, 200),
            ({"decision": "deny", "arguments": {}}, 400),
            ({"remember_text": "c"}, 400),
            ({"decision": "deny"}, 200),
        )
        for body, status in answers:
            await until(agent.approvals.pending)
            path = f"/v1/agent/approvals/{agent.approvals.pending()[0].approval_id}"
            assert (await client.post(path, json={"decision": "approve", **body})).status_code == status
        assert (await asking).status_code == 200
    assert tool.ran == ["b 0", "b 1"]


async def test_a_request_can_bring_stricter_rules_but_no_laxer_ones():
    tool = PythonTool()
    script = [[call(PYTHON, {"code": "a"})], [call(PYTHON, {"code": "b"})], [text("ok")]]
    agent = make_agent(script, tools=[tool], permission_rules=(Rule.parse("code_execution(b)=deny"),))
    rules = [{"permission": "auto"}, {"permission": "deny", "tool": "nothing"}]
    async with http_client(agent) as client:
        assert (await client.post(CHAT, json={**CODE, "agent_permission_rules": rules})).status_code == 200
        agent.model._replies = iter(script)
        rules = [{"permission": "deny", "tool": "*python", "text": "a"}]
        assert (await client.post(CHAT, json={**CODE, "agent_permission_rules": rules})).status_code == 200
    assert tool.ran == ["a"]


async def test_silence_is_filled_with_comments():
    gate = asyncio.Event()
    agent = make_agent([[gate, text("late")]])
    async with (
        running(agent, keep_alive_s=0.02) as url,
        httpx.AsyncClient(base_url=url) as client,
        client.stream("POST", CHAT, json={"messages": "x", "stream": True}) as response,
    ):
        lines: list[str] = []
        async for line in response.aiter_lines():
            lines.append(line)
            if lines.count(": keep-alive") == 3:
                gate.set()
    assert "late" in "".join(lines)
    assert "data: [DONE]" in lines


@pytest.mark.parametrize("path", [CHAT, "/v1/completions"])
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("said", [[], [text("some words")]])
async def test_a_client_that_hangs_up_stops_the_model(path, stream, said):
    agent = make_agent([[*said, asyncio.Event(), text("never")]])
    body = {"messages": "x"} if path == CHAT else {"prompt": "x"}
    async with running(agent, keep_alive_s=10) as url:
        _, _, address = url.partition("//")
        host, _, port = address.partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        payload = json.dumps(body | {"stream": stream}).encode()
        head = f"POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n"
        writer.write(f"{head}content-length: {len(payload)}\r\n\r\n".encode() + payload)
        await until(lambda: scripted(agent).running)
        if stream and said:
            await reader.readuntil(b"words")
        writer.close()
        await until(lambda: scripted(agent).closed_early)
    assert scripted(agent).running == 0


async def test_a_hangup_while_a_tool_runs_stops_the_tool():
    tool = PythonTool(gate=asyncio.Event())
    agent = make_agent([[call(PYTHON, {"code": "a"})], [text("never")]], tools=[tool])
    async with running(agent) as url, httpx.AsyncClient(base_url=url) as client:
        async with client.stream("POST", CHAT, json={**CODE, "stream": True, "session_id": "s"}) as response:
            async for name, _ in frames_of(response):
                if name == "agentic_tool_output":
                    break
        await until(lambda: agent.sessions.history("s"))
    history = agent.sessions.history("s")
    assert "cancelled" in history[-2].content
    assert len(scripted(agent).requests) == 1
