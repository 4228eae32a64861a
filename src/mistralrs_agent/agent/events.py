"""What happens during a turn, in order. TUI, SSE, MCP, SDK and tests all consume this stream.

Order inside a round: [`ContextShortened`] → thinking and text deltas → per call: `CallReady` → [`ApprovalRequested` →
`ApprovalResolved`] → `ToolOutput`* → `FileProduced`* → `ToolFinished`. All events of round N precede those of
round N + 1. The last event is `Finished`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from engine import FinishReason, TextDelta, ThinkingDelta, ToolCall, ToolCallArguments, ToolCallStarted, Usage
from mistralrs_agent.storage.files import StoredFile
from mistralrs_agent.tools.base import Card, ToolMetadata, ToolResult


class Permission(StrEnum):
    """What may happen without asking; ordered auto < ask < deny."""

    AUTO = "auto"
    ASK = "ask"
    DENY = "deny"

    def stricter(self, other: Permission) -> Permission:
        order = (Permission.AUTO, Permission.ASK, Permission.DENY)
        return max(self, other, key=order.index)


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to an approval."""

    approve: bool
    message: str = ""
    """Told to the model when denied."""
    remember: bool = False
    """Hold for the rest of the session, for every call of the tool."""
    remember_text: str = ""
    """Remember only for calls whose arguments fit this pattern (`agent.rules.Rule.text`)."""
    arguments: Mapping[str, Any] | None = None
    """Run the call with these instead; None: as the model wrote it."""
    unanswered: bool = False
    """Nobody said anything in time."""


@dataclass(frozen=True, slots=True)
class TurnStarted:
    session_id: str


@dataclass(frozen=True, slots=True)
class RoundStarted:
    """The model is asked again. Rounds count from 0."""

    round: int


@dataclass(frozen=True, slots=True)
class ContextShortened:
    """The conversation no longer fitted into the model's context and was made smaller."""

    shortened_outputs: int
    """Tool outputs that lost most of their text."""
    summarised: int
    """Messages that became a summary."""


@dataclass(frozen=True, slots=True)
class CallReady:
    """A server-side call is complete and about to run (or to be approved)."""

    call: ToolCall
    round: int
    tool: ToolMetadata
    card: Card
    data: Mapping[str, Any]
    """For API clients: `tool_type` and what will run."""


@dataclass(frozen=True, slots=True)
class ApprovalRequested:
    approval_id: str
    session_id: str
    call_id: str
    round: int
    tool: ToolMetadata
    arguments: Mapping[str, Any]
    card: Card


@dataclass(frozen=True, slots=True)
class ApprovalResolved:
    approval_id: str
    call_id: str
    decision: Decision


@dataclass(frozen=True, slots=True)
class ToolOutput:
    """Live output of a running tool."""

    call_id: str
    stream: Literal["stdout", "stderr"]
    text: str


@dataclass(frozen=True, slots=True)
class FileProduced:
    """A call made or changed a file; `Sessions.files` has its contents."""

    call_id: str
    round: int
    file: StoredFile


@dataclass(frozen=True, slots=True)
class FileMissing:
    """A file that the turn was to make is not there at its end."""

    name: str


@dataclass(frozen=True, slots=True)
class ToolFinished:
    call: ToolCall
    round: int
    result: ToolResult
    duration_s: float


class StopDetail(StrEnum):
    """Why a turn ended, where the finish reason alone does not say."""

    ROUND_LIMIT = "max_tool_rounds"
    REPEATED_CALL = "repeated_call"
    """The same call failed again and again."""
    CLIENT_TOOLS = "client_tools"


@dataclass(frozen=True, slots=True)
class Finished:
    """The end of a turn."""

    reason: FinishReason
    session_id: str
    text: str
    """The whole answer of the last round."""
    usage: Usage
    """Summed over all rounds."""
    rounds: int
    stop_detail: StopDetail | None = None
    client_calls: tuple[ToolCall, ...] = ()
    """Calls the client has to run, with `reason` `tool_calls`."""
    context_tokens: int = 0
    """Prompt and reply of the last round: how much of the context is in use; 0: unknown."""


Event = (
    TurnStarted
    | RoundStarted
    | ContextShortened
    | ThinkingDelta
    | TextDelta
    | ToolCallStarted
    | ToolCallArguments
    | CallReady
    | ApprovalRequested
    | ApprovalResolved
    | ToolOutput
    | FileProduced
    | FileMissing
    | ToolFinished
    | Finished
)
