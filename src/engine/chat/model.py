"""The door other rooms use: a model that speaks messages.

`ChatModel` is a protocol: `engine.chat.local` runs a real engine behind it; tests and the agent's scripted model
play one. Only the streaming form exists; whoever wants a whole reply collects it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from engine.adapters.asked import AdapterInfo, AdapterStatus, LoadAdapter, UnloadAdapter
from engine.chat.messages import Message, ToolCall, ToolChoice, ToolSpec
from engine.request import (
    Constraint,
    Delta,
    EngineStats,
    FinishReason,
    ModelInfo,
    SamplingParams,
    TokenLogprob,
    Usage,
)


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A conversation to answer."""

    messages: Sequence[Message]
    sampling: SamplingParams = field(default_factory=SamplingParams)
    tools: Sequence[ToolSpec] = ()
    tool_choice: ToolChoice = field(default_factory=ToolChoice)
    parallel_tool_calls: bool = True
    constraint: Constraint | None = None
    """Shape of the answer's text (`response_format`); tool calls keep their own grammar."""
    enable_thinking: bool | None = None
    """None: what the template does by itself."""
    template_kwargs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    truncate: bool = False
    cache_salt: str = ""
    adapter: str | None = None
    """As in `Request`."""


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A piece of the answer."""

    text: str
    index: int = 0
    logprobs: tuple[TokenLogprob, ...] = ()


@dataclass(frozen=True, slots=True)
class ThinkingDelta:
    """A piece of the reasoning before the answer."""

    text: str
    index: int = 0
    logprobs: tuple[TokenLogprob, ...] = ()


@dataclass(frozen=True, slots=True)
class ToolCallStarted:
    """The model began a call; its name is known."""

    call_id: str
    name: str
    position: int
    """0, 1, … among the calls of this reply."""
    index: int = 0


@dataclass(frozen=True, slots=True)
class ToolCallArguments:
    """A piece of a call's arguments, JSON text."""

    call_id: str
    fragment: str
    position: int
    index: int = 0


@dataclass(frozen=True, slots=True)
class ReplyFinished:
    """The last event of a choice."""

    reason: FinishReason
    tool_calls: tuple[ToolCall, ...] = ()
    """Every call of the reply, whole, in order."""
    usage: Usage | None = None
    """On the last choice of the request."""
    stop_sequence: str | None = None
    index: int = 0


ReplyEvent = TextDelta | ThinkingDelta | ToolCallStarted | ToolCallArguments | ReplyFinished


class ChatModel(Protocol):
    """A loaded model. Closing an iterator early aborts the request and frees its KV blocks."""

    @property
    def info(self) -> ModelInfo: ...

    def chat(self, request: ChatRequest) -> AsyncGenerator[ReplyEvent, None]:
        """Answer a conversation.

        Raises: InvalidRequest, ContextOverflow, EngineOverloaded, WorkerDied (on first iteration or later).
        """
        ...

    def complete(
        self,
        prompt: str | Sequence[int],
        sampling: SamplingParams,
        constraint: Constraint | None = None,
        *,
        truncate: bool = False,
        cache_salt: str = "",
        adapter: str | None = None,
    ) -> AsyncGenerator[Delta, None]:
        """Continue raw text or token ids, without a chat template. `truncate`: of a prompt that is too long the end
        is continued. Raises like `chat`.
        """
        ...

    def tokenize(self, text: str) -> list[int]: ...

    def detokenize(self, token_ids: Sequence[int]) -> str: ...

    def count_tokens(self, request: ChatRequest) -> int:
        """How many prompt tokens `chat` would use for this request."""
        ...

    async def stats(self) -> EngineStats: ...

    async def adapters(self) -> AdapterStatus:
        """Which LoRA adapters are loaded. Raises: WorkerDied."""
        ...

    async def change_adapter(self, command: LoadAdapter | UnloadAdapter) -> AdapterInfo:
        """Load or unload one. Raises: AdapterError, WorkerDied; then nothing has changed."""
        ...

    async def close(self) -> None:
        """Give back every byte; running requests end with WorkerDied."""
        ...
