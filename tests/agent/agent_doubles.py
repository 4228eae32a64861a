"""A tool that tests steer, and a world with an agent in it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from engine import ChatModel, Message, SamplingParams, ToolSpec
from mistralrs_agent.agent.agent import Agent, AgentSettings
from mistralrs_agent.agent.events import Event, Finished
from mistralrs_agent.agent.sessions import Sessions
from mistralrs_agent.agent.turn import Turn
from mistralrs_agent.storage.sessions import SessionStore
from mistralrs_agent.tools.base import Card, Tool, ToolContext, ToolKind, ToolMetadata, ToolResult, ToolSource
from mistralrs_agent.tools.toolbox import Toolbox

ECHO_SCHEMA = {
    "type": "object",
    "properties": {"word": {"type": "string"}},
    "required": ["word"],
    "additionalProperties": False,
}


@dataclass
class EchoTool:
    """Answers with its `word`, after `before` when given."""

    name: str = "echo"
    before: Callable[[Mapping[str, Any], ToolContext], Any] | None = None
    kind: ToolKind = ToolKind.CUSTOM
    ran: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    ended_sessions: list[str] = field(default_factory=list)

    @property
    def spec(self) -> ToolSpec:
        return ToolSpec(self.name, "Say a word.", ECHO_SCHEMA)

    @property
    def metadata(self) -> ToolMetadata:
        return ToolMetadata(ToolSource.USER, self.kind, self.name)

    def call_card(self, arguments: Mapping[str, Any]) -> Card:
        return Card(f"Say {arguments['word']}")

    async def run(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        self.ran.append(arguments["word"])
        try:
            if self.before is not None and (pause := self.before(arguments, context)) is not None:
                await pause
        except asyncio.CancelledError:
            self.cancelled.append(arguments["word"])
            raise
        return ToolResult(arguments["word"], Card("Said", arguments["word"]))

    async def end_session(self, session_id: str) -> None:
        self.ended_sessions.append(session_id)


def client_tool(name: str = "ask_client") -> ToolSpec:
    return ToolSpec(name, "Runs at the client.", {"type": "object", "properties": {}})


def make_agent(
    model: ChatModel,
    tools: Iterable[Tool] = (),
    settings: AgentSettings | None = None,
    store: SessionStore | None = None,
) -> Agent:
    toolbox = Toolbox(tools)
    sessions = Sessions(store or SessionStore(), toolbox.end_session)
    return Agent(model, toolbox, settings or AgentSettings(), sessions)


def ask(*messages: Message | str, **options: Any) -> Turn:
    spoken = tuple(Message("user", m) if isinstance(m, str) else m for m in messages)
    return Turn(messages=spoken, sampling=SamplingParams(), **options)


async def collect(agent: Agent, turn: Turn) -> list[Event]:
    async with asyncio.timeout(20), aclosing(agent.run(turn)) as events:
        return [event async for event in events]


async def finish(agent: Agent, turn: Turn) -> Finished:
    last = (await collect(agent, turn))[-1]
    assert isinstance(last, Finished)
    return last


def shape(messages: Iterable[Message]) -> list[tuple[str, str]]:
    """Role and content of each message, calls as `name(arguments)`."""
    return [(m.role, m.content + "".join(f" {c.name}({c.arguments})" for c in m.tool_calls)) for m in messages]


def assert_valid(messages: Iterable[Message], waiting_at_client: Iterable[str] = ()) -> None:
    """Every call has exactly one result, right after it, in call order, and no result is without a call.

    The last calls in `waiting_at_client` (ids) have none yet.
    """
    open_calls: list[str] = []
    for message in [*messages, Message("user", "the end")]:
        if message.role == "tool":
            assert message.tool_call_id in open_calls, f"result {message.tool_call_id} answers no call"
            skipped = open_calls[: open_calls.index(message.tool_call_id)]
            assert set(skipped) <= set(waiting_at_client), f"results are not in call order: {skipped}"
            open_calls.remove(message.tool_call_id)
        else:
            unanswered = set(open_calls)
            assert not unanswered or (message.content == "the end" and unanswered == set(waiting_at_client))
            open_calls = [call.id for call in message.tool_calls]
