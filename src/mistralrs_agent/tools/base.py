"""What a tool is: arguments, a run, and how the call and its result read to a person."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, Protocol

from engine import ToolSpec
from mistralrs_agent.storage.files import StoredFile


class ToolKind(StrEnum):
    CODE_EXECUTION = "code_execution"
    WEB_SEARCH = "web_search"
    SHELL = "shell"
    FILE = "file"
    CUSTOM = "custom"
    EXTERNAL = "external"


class ToolSource(StrEnum):
    BUILT_IN = "built_in"
    USER = "user"
    MCP = "mcp"
    EXTERNAL = "external"


@dataclass(frozen=True, slots=True)
class ToolMetadata:
    """Who offers a tool and what approval prompts call it."""

    source: ToolSource
    kind: ToolKind
    label: str
    """Such as `Python code`, `Web search`."""
    timeout_s: float | None = None
    """A call is stopped after this long; None: after the server's limit for all tools."""


@dataclass(frozen=True, slots=True)
class Card:
    """How a call or its result is shown: plain text, never markup."""

    title: str
    body: str = ""
    language: str | None = None
    """For highlighting `body`, such as `python`; None: plain."""


def counted(count: int, noun: str) -> str:
    """For a card: `1 page`, `2 pages`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What came of a call."""

    content: str
    """What the model reads."""
    card: Card
    """What a person sees."""
    ok: bool = True
    data: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Facts for API clients: the `data` of the progress event (`tool_type`, `stdout`, …)."""
    images: tuple[bytes, ...] = ()
    """PNG files, such as captured figures."""
    files: tuple[StoredFile, ...] = ()
    """Files the call made or changed."""


@dataclass(frozen=True, slots=True)
class ToolContext:
    """What a running tool may know of the turn: little."""

    session_id: str
    call_id: str
    emit: Callable[[Literal["stdout", "stderr"], str], None]
    """`emit(stream, text)`: live output, stream is `stdout` or `stderr`."""
    max_result_chars: int = 16_000
    """A longer `ToolResult.content` loses its middle; a tool does better to fit by itself."""
    resumed: bool = False
    """The session began before this process or this stay in memory: what tools kept for it then is gone."""
    round: int = 0
    turn: int = 0
    """Which turn of the session, counted from 0."""


class Tool(Protocol):
    """One tool. `call_card` and `run` get arguments that already passed validation against `spec.parameters`."""

    @property
    def spec(self) -> ToolSpec: ...

    @property
    def metadata(self) -> ToolMetadata: ...

    def call_card(self, arguments: Mapping[str, Any]) -> Card: ...

    async def run(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        """Do it. Cancelling the task must stop the work and leave the tool usable.

        Raises: ToolError for the model; anything else is our bug.
        """
        ...

    async def end_session(self, session_id: str) -> None:
        """Forget what this tool keeps for a session, such as its interpreter."""
        ...
