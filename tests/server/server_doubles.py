"""An agent on a scripted model behind a real socket, and a Python tool that tests steer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from openai import AsyncOpenAI

from engine import ChatModel, ToolSpec
from engine.chat.scripted import Reply, ScriptedModel
from mistralrs_agent.agent.agent import Agent, AgentSettings
from mistralrs_agent.agent.sessions import Sessions
from mistralrs_agent.server.app import create_app
from mistralrs_agent.server.serve import bind, serving, url_of
from mistralrs_agent.server.settings import ServerSettings
from mistralrs_agent.storage.sessions import SessionStore
from mistralrs_agent.tools.base import Card, Tool, ToolContext, ToolKind, ToolMetadata, ToolResult, ToolSource
from mistralrs_agent.tools.interpreters import Interpreters
from mistralrs_agent.tools.python import python_tools
from mistralrs_agent.tools.shell import ShellTool
from mistralrs_agent.tools.toolbox import Toolbox
from sandbox import SandboxPolicy

HELLO = [{"role": "user", "content": "hello"}]
PYTHON = "mistralrs_execute_python"
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Weather of a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


@dataclass
class PythonTool:
    """Stands where the interpreter stands; answers with the code, upper case, after `gate`."""

    gate: asyncio.Event | None = None
    ran: list[str] = field(default_factory=list)
    ended_sessions: list[str] = field(default_factory=list)

    spec = ToolSpec(
        PYTHON, "Run code.", {"type": "object", "properties": {"code": {"type": "string"}}, "required": ["code"]}
    )
    metadata = ToolMetadata(ToolSource.BUILT_IN, ToolKind.CODE_EXECUTION, "Python code")

    def call_card(self, arguments: Mapping[str, Any]) -> Card:
        return Card("Python", arguments["code"], "python")

    async def run(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        self.ran.append(arguments["code"])
        context.emit("stdout", "running\n")
        if self.gate is not None:
            await self.gate.wait()
        content = arguments["code"].upper()
        return ToolResult(content, Card("Result", content), data={"tool_type": "code_execution", "stdout": content})

    async def end_session(self, session_id: str) -> None:
        self.ended_sessions.append(session_id)


def make_agent(replies: Iterable[Reply] | ChatModel = (), *, tools: Iterable[Tool] = (), **settings: Any) -> Agent:
    model = ScriptedModel(replies) if isinstance(replies, Iterable) else replies
    toolbox = Toolbox(tools)
    settings = {"code_execution": True} | settings
    return Agent(model, toolbox, AgentSettings(**settings), Sessions(SessionStore(), toolbox.end_session))


def code_agent(replies: Iterable[Reply] | ChatModel, policy: SandboxPolicy | None = None, **settings: Any) -> Agent:
    """With the real Python and shell."""
    interpreters = Interpreters(policy or SandboxPolicy(timeout_s=20))
    tools = (*python_tools(interpreters, "Isolated"), ShellTool(interpreters, "Isolated", 20))
    return make_agent(replies, tools=tools, shell=True, **settings)


def scripted(agent: Agent) -> ScriptedModel:
    assert isinstance(agent.model, ScriptedModel)
    return agent.model


@asynccontextmanager
async def running(agent: Agent, **settings: Any) -> AsyncGenerator[str]:
    """The server's address, inside the block."""
    listener = bind("127.0.0.1", 0)
    async with asyncio.timeout(120), serving(create_app(agent, ServerSettings(**settings)), listener):
        yield url_of(listener)


@asynccontextmanager
async def openai_client(agent: Agent, **settings: Any) -> AsyncGenerator[AsyncOpenAI]:
    async with (
        running(agent, **settings) as url,
        AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client,
    ):
        yield client


@asynccontextmanager
async def http_client(agent: Agent, **settings: Any) -> AsyncGenerator[httpx.AsyncClient]:
    """In-process, without a socket and without streaming."""
    transport = httpx.ASGITransport(create_app(agent, ServerSettings(**settings)))
    async with asyncio.timeout(120), httpx.AsyncClient(transport=transport, base_url="http://localhost:1234") as client:
        yield client


async def frames_of(response: httpx.Response) -> AsyncGenerator[tuple[str, Any]]:
    """(event name, data) until the stream ends."""
    name = ""
    async for line in response.aiter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: ") and line != "data: [DONE]":
            yield name, json.loads(line.removeprefix("data: "))
            name = ""


async def until(condition: Any) -> None:
    """Wait until `condition()` holds; fail after twenty seconds."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - what tests wait for has no event
            await asyncio.sleep(0.005)
