"""The chat tool, as the official MCP client sees it: in memory and over a real port, on both wires."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from mcp import Client, MCPError
from mcp.types import INVALID_PARAMS
from server_doubles import PYTHON, PythonTool, make_agent, running, scripted, until

from engine import WorkerDied
from engine.chat.scripted import call, text
from mistralrs_agent.agent.events import Permission
from mistralrs_agent.mcp.server import create_server
from mistralrs_agent.server.app import create_mcp_app
from mistralrs_agent.server.mcp_chat import mcp_chat
from mistralrs_agent.server.serve import bind, serving, url_of
from mistralrs_agent.server.settings import ServerSettings
from mistralrs_agent.server.state import Served

MESSAGES = [{"role": "user", "content": "hi"}]
WIRES = pytest.mark.parametrize("mode", ["legacy", "2026-07-28", "auto"])


def in_memory(agent, mode="auto"):
    return Client(create_server(mcp_chat(Served(agent, ServerSettings()))), mode=mode)


@WIRES
async def test_the_official_client_lists_and_calls_chat_over_the_main_port(mode):
    agent = make_agent([[text("hello you")]])
    async with running(agent) as url, Client(f"{url}/mcp", mode=mode) as client:
        if mode != "2026-07-28":  # a client that pins the version asks for no introduction
            assert client.server_info.name == "mistralrs"
        assert client.protocol_version == ("2025-11-25" if mode == "legacy" else "2026-07-28")
        (tool,) = (await client.list_tools()).tools
        assert tool.name == "chat"
        assert tool.input_schema["required"] == ["messages"]
        assert {"messages", "max_tokens", "temperature"} <= set(tool.input_schema["properties"])
        arguments = {"messages": MESSAGES, "max_tokens": 16, "temperature": 0.5}
        result = await client.call_tool("chat", arguments)
    assert not result.is_error
    assert [part.text for part in result.content] == ["hello you"]
    sampling = scripted(agent).requests[0].sampling
    assert (sampling.max_tokens, sampling.temperature) == (16, 0.5)


async def test_mcp_has_a_port_of_its_own_with_nothing_else_on_it():
    listener = bind("127.0.0.1", 0)
    agent = make_agent([[text("hello")]])
    async with serving(create_mcp_app(agent, ServerSettings()), listener):
        url = url_of(listener)
        async with Client(f"{url}/mcp") as client:
            result = await client.call_tool("chat", {"messages": MESSAGES})
        async with httpx.AsyncClient(base_url=url) as http:
            assert (await http.get("/v1/models")).status_code == 404
            assert (await http.get("/health")).text == "OK"
    assert result.content[0].text == "hello"


@WIRES
@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("chat", {}, "Missing messages"),
        ("chat", {"messages": "x", "temperature": -1}, "temperature"),
        ("chat", {"messages": "x", "temprature": 1}, "temprature"),
        ("chat", {"messages": "x", "model": "gpt-9"}, "gpt-9"),
        ("chat", {"messages": "x", "stream": True}, "stream"),
        ("chat", {"messages": "x", "web_search_options": {}}, "does not search"),
        ("no_such_tool", {}, "no_such_tool"),
    ],
)
async def test_bad_arguments_are_invalid_params(mode, name, arguments, said):
    async with in_memory(make_agent(), mode) as client:
        with pytest.raises(MCPError, match=said) as caught:
            await client.call_tool(name, arguments)
    assert caught.value.code == INVALID_PARAMS


@WIRES
async def test_a_failing_model_is_an_error_result(mode):
    async with in_memory(make_agent([[WorkerDied("the worker ended")]]), mode) as client:
        result = await client.call_tool("chat", {"messages": MESSAGES})
    assert result.is_error
    assert "the worker ended" in result.content[0].text


async def test_tools_of_the_server_run_under_its_policy_and_deny_cannot_be_lifted():
    for permission, ran in ((Permission.AUTO, ["a"]), (Permission.DENY, [])):
        tool = PythonTool()
        agent = make_agent([[call(PYTHON, {"code": "a"})], [text("ok")]], tools=[tool], permission=permission)
        async with in_memory(agent) as client:
            arguments = {"messages": MESSAGES, "enable_code_execution": True, "agent_permission": "auto"}
            result = await client.call_tool("chat", arguments)
        assert result.content[0].text == "ok"
        assert tool.ran == ran


@WIRES
async def test_cancelling_a_call_stops_the_model(mode):
    agent = make_agent([[text("one"), asyncio.Event()]])
    async with running(agent) as url, Client(f"{url}/mcp", mode=mode) as client:
        calling = asyncio.create_task(client.call_tool("chat", {"messages": MESSAGES}))
        await until(lambda: scripted(agent).running)
        calling.cancel()
        await until(lambda: scripted(agent).closed_early)
        with pytest.raises(asyncio.CancelledError):
            await calling


async def test_the_handshake_wire_keeps_to_the_protocol():
    headers = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
    async with (
        running(make_agent(), max_body_bytes=5000) as url,
        httpx.AsyncClient(base_url=url, headers=headers) as http,
    ):

        async def post(body, **more):
            content = body if isinstance(body, bytes) else None
            return await http.post("/mcp", content=content, json=None if content is not None else body, headers=more)

        info = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
        opened = await post({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": info})
        session = {"mcp-session-id": opened.headers["mcp-session-id"]}
        assert '"protocolVersion":"2025-06-18"' in opened.text
        noted = await post({"jsonrpc": "2.0", "method": "notifications/initialized"}, **session)
        assert (noted.status_code, noted.content) == (202, b"")
        pinged = await post({"jsonrpc": "2.0", "id": 2, "method": "ping"}, **session)
        assert '"result":{}' in pinged.text
        broken = await post(b'{"jsonrpc": ', **session)
        assert broken.json()["error"]["code"] == -32700
        assert (await post(b" " * 5001)).status_code == 413
        assert (await http.post("/mcp", content=b"{}", headers={"content-type": "text/plain"})).status_code == 415
        assert (await post({}, origin="http://evil.example")).status_code == 403
