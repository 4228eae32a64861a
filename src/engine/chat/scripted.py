"""A chat model that plays a script: the test double of every room that talks to a model.

    model = ScriptedModel([
        [thinking("A sum."), call("add", {"a": 1, "b": 2})],
        [text("It is 3.")],
    ])

Each `chat` plays the next reply in several deltas. An `asyncio.Event` in a reply holds it until the event is set, an
exception is raised where it stands, any `ReplyEvent` is passed on as it is. A reply that does not end in a
`ReplyFinished` gets the fitting one.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from engine.adapters.asked import AdapterInfo, AdapterLimits, AdapterStatus, LoadAdapter, UnloadAdapter
from engine.chat.messages import Message, ToolCall
from engine.chat.model import (
    ChatRequest,
    ReplyEvent,
    ReplyFinished,
    TextDelta,
    ThinkingDelta,
    ToolCallArguments,
    ToolCallStarted,
)
from engine.errors import AdapterError
from engine.request import Constraint, Delta, EngineStats, FinishReason, ModelInfo, SamplingParams, Usage


@dataclass(frozen=True, slots=True)
class _Words:
    kind: Literal["text", "thinking"]
    text: str


@dataclass(frozen=True, slots=True)
class _Call:
    name: str
    arguments: str


Step = _Words | _Call | ReplyEvent | asyncio.Event | BaseException
Reply = Sequence[Step] | Callable[[ChatRequest], Sequence[Step]]
"""What one `chat` plays: steps, or a function of the request that gives them."""


def text(content: str) -> Step:
    """Answer text, streamed word by word."""
    return _Words("text", content)


def thinking(content: str) -> Step:
    """Reasoning text, streamed word by word."""
    return _Words("thinking", content)


def call(name: str, arguments: Mapping[str, Any] | str) -> Step:
    """A tool call; arguments as an object, or as raw text to play a broken one."""
    return _Call(name, arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False))


SCRIPTED_INFO = ModelInfo(
    id="scripted",
    architecture="ScriptedModel",
    path="native",
    path_reason="plays a script",
    context_tokens=8192,
    vocab_size=256,
    dtype="float32",
    quantization="none",
    device="cpu",
    parameters=0,
    weight_bytes=0,
    kv_cache_tokens=8192,
    kernels="none",
    eos_token_ids=(0,),
    sampling_defaults=SamplingParams(temperature=0.0),
    has_chat_template=True,
)


@dataclass(slots=True)
class _Progress:
    """What a choice has said so far."""

    index: int
    produced_bytes: int = 0
    calls: list[ToolCall] = field(default_factory=list[ToolCall])
    finished: bool = False

    def note(self, event: ReplyEvent) -> None:
        match event:
            case TextDelta() | ThinkingDelta():
                self.produced_bytes += len(event.text.encode())
            case ToolCallStarted():
                self.calls.append(ToolCall(event.call_id, event.name, ""))
            case ToolCallArguments():
                self.produced_bytes += len(event.fragment.encode())
                begun = self.calls[event.position]
                self.calls[event.position] = ToolCall(begun.id, begun.name, begun.arguments + event.fragment)
            case ReplyFinished():
                self.finished = True


class ScriptedModel:
    """Implements `ChatModel` without weights. Tokens are UTF-8 bytes."""

    def __init__(self, replies: Iterable[Reply], *, info: ModelInfo = SCRIPTED_INFO) -> None:
        """`replies` may be endless (`itertools.repeat`)."""
        self._replies = iter(replies)
        self._info = info
        self.requests: list[ChatRequest] = []
        """Every request, in the order in which replies to them began."""
        self.closed_early: list[ChatRequest] = []
        """Requests whose reader stopped, or was cancelled, before the last event."""
        self.running = 0
        """Replies being played now."""
        self.closed = False
        self._call_count = 0

    @property
    def info(self) -> ModelInfo:
        return self._info

    async def chat(self, request: ChatRequest) -> AsyncGenerator[ReplyEvent, None]:
        self.requests.append(request)
        reply = next(self._replies, None)
        if reply is None:
            raise AssertionError(f"ScriptedModel was asked {len(self.requests)} times; the script ends before that")
        steps = reply(request) if callable(reply) else reply
        self.running += 1
        try:
            async for event in self._play(request, steps):
                yield event
        except (GeneratorExit, asyncio.CancelledError):
            self.closed_early.append(request)
            raise
        finally:
            self.running -= 1

    async def _play(self, request: ChatRequest, steps: Sequence[Step]) -> AsyncIterator[ReplyEvent]:
        completion_tokens = 0
        for index in range(request.sampling.n):
            progress = _Progress(index)
            for step in steps:
                if isinstance(step, BaseException):
                    raise step
                if isinstance(step, asyncio.Event):
                    await step.wait()
                    continue
                for event in self._events(step, progress):
                    await asyncio.sleep(0)
                    progress.note(event)
                    yield event
            completion_tokens += progress.produced_bytes
            if not progress.finished:
                usage = Usage(prompt_tokens=self.count_tokens(request), completion_tokens=completion_tokens)
                yield ReplyFinished(
                    FinishReason.TOOL_CALLS if progress.calls else FinishReason.STOP,
                    tuple(progress.calls),
                    usage if index == request.sampling.n - 1 else None,
                    index=index,
                )

    def _events(self, step: _Words | _Call | ReplyEvent, progress: _Progress) -> list[ReplyEvent]:
        match step:
            case _Words():
                kind = TextDelta if step.kind == "text" else ThinkingDelta
                return [kind(word, progress.index) for word in _words(step.text)]
            case _Call():
                self._call_count += 1
                call_id, position = f"call_{self._call_count:024x}", len(progress.calls)
                fragments = [step.arguments[i : i + 8] for i in range(0, len(step.arguments), 8)]
                return [
                    ToolCallStarted(call_id, step.name, position, progress.index),
                    *(ToolCallArguments(call_id, fragment, position, progress.index) for fragment in fragments),
                ]
            case _:
                return [step]

    async def complete(
        self,
        prompt: str | Sequence[int],
        sampling: SamplingParams,
        constraint: Constraint | None = None,
        *,
        truncate: bool = False,
        cache_salt: str = "",
        adapter: str | None = None,
    ) -> AsyncGenerator[Delta, None]:
        """Play the text of the next reply; the prompt is recorded as a request with one user message."""
        words = prompt if isinstance(prompt, str) else self.detokenize(prompt)
        message = Message("user", words)
        request = ChatRequest(
            [message], sampling, constraint=constraint, truncate=truncate, cache_salt=cache_salt, adapter=adapter
        )
        async for event in self.chat(request):
            match event:
                case TextDelta():
                    yield Delta("scripted", event.index, event.text, tuple(event.text.encode()))
                case ReplyFinished():
                    yield Delta("scripted", event.index, finish_reason=event.reason, usage=event.usage)
                case _:
                    continue

    def tokenize(self, text: str) -> list[int]:
        return list(text.encode())

    def detokenize(self, token_ids: Sequence[int]) -> str:
        return bytes(token_ids).decode(errors="replace")

    def count_tokens(self, request: ChatRequest) -> int:
        return sum(len(message.content.encode()) for message in request.messages)

    async def stats(self) -> EngineStats:
        return EngineStats(running=self.running, waiting=0, kv_blocks_used=0, kv_blocks_total=0)

    async def adapters(self) -> AdapterStatus:
        return AdapterStatus((), (), AdapterLimits(), None)

    async def change_adapter(self, command: LoadAdapter | UnloadAdapter) -> AdapterInfo:
        raise AdapterError("A script has no adapters.", code="lora_runtime_unavailable")

    async def close(self) -> None:
        self.closed = True


def _words(content: str) -> list[str]:
    """Split after whitespace; joining gives the content back."""
    return re.findall(r"\s*\S+\s?|\s+", content)
