"""Agent events → answers of `POST /v1/chat/completions`, whole or as frames of a stream.

Server-side tool calls never appear as `tool_calls`: a client would try to run them. It sees them as named events,
whose data is also a valid chunk with no choices, so that clients which know nothing of them pass them over.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from engine import (
    ReplyEvent,
    ReplyFinished,
    TextDelta,
    ThinkingDelta,
    TokenLogprob,
    ToolCall,
    ToolCallArguments,
    ToolCallStarted,
    Usage,
)
from mistralrs_agent.agent.events import (
    Event,
    FileMissing,
    FileProduced,
    Finished,
    RoundStarted,
    ToolFinished,
    TurnStarted,
)
from mistralrs_agent.event_codec import agent_event, images_body, missing_file_body
from mistralrs_agent.server.sse import DONE, frame
from mistralrs_agent.server.wire.files import file_with_contents
from mistralrs_agent.server.wire.usage import chat_logprobs, usage_body
from mistralrs_agent.storage.files import FileStore

MAX_FILES = 64
"""In one answer."""

Reply = AsyncGenerator[Event, None] | AsyncGenerator[ReplyEvent, None]
"""What the agent says during a turn; or, for several choices at once, what the model says."""


@dataclass(slots=True)
class ReplyHead:
    """What all parts of one answer repeat, and what decides their form."""

    model: str
    client_tools: frozenset[str]
    """Calls to these are shown to the client."""
    files: FileStore
    """Where the files are that tools make."""
    include_usage: bool = False
    """End a stream with an extra chunk that holds the usage."""
    agentic: bool = False
    """Server-side tools take part: the last chunk of a stream holds the usage unless an extra one does."""
    id: str = field(default_factory=lambda: f"chatcmpl-{uuid.uuid4().hex}")
    created: int = field(default_factory=lambda: int(time.time()))

    def body(self, kind: str, **more: Any) -> dict[str, Any]:
        head = {"id": self.id, "object": kind, "created": self.created, "model": self.model}
        return {**head, "system_fingerprint": "local", **more}

    def chunk(self, choice: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        return self.body("chat.completion.chunk", choices=[choice] if choice else [], **more)


async def chat_frames(reply: Reply, head: ReplyHead) -> AsyncGenerator[str, None]:
    """The stream, up to and including `[DONE]`."""
    choices: dict[int, _Streamed] = {}
    usage = Usage()
    more: dict[str, Any] = {}
    async with aclosing(reply) as events:
        async for event in events:
            match event:
                case TextDelta() | ThinkingDelta() | ToolCallStarted() | ToolCallArguments():
                    choice = choices.setdefault(event.index, _Streamed())
                    delta = choice.delta(event, head.client_tools)
                    if delta is not None:
                        logprobs = chat_logprobs(event.logprobs) if isinstance(event, TextDelta) else None
                        yield frame(head.chunk(_choice(event.index, delta, logprobs=logprobs), **more))
                case Finished() | ReplyFinished():
                    index = event.index if isinstance(event, ReplyFinished) else 0
                    usage = event.usage or usage
                    last = _choice(index, choices.setdefault(index, _Streamed()).opening({}), reason=event.reason.value)
                    if isinstance(event, Finished):
                        more |= _session(event) | _for_agents(event, head)
                        last |= _stop_detail(event)
                    yield frame(head.chunk(last, **more))
                case RoundStarted():
                    more = {"round": event.round} if head.agentic else {}
                case TurnStarted():
                    pass
                case _:
                    name, data = agent_event(event)
                    if isinstance(event, FileProduced):
                        data |= await asyncio.to_thread(file_with_contents, head.files, event.file)
                    yield frame(head.chunk(**data), event=name)
    if head.include_usage:
        yield frame(head.chunk(usage=usage_body(usage)))
    yield DONE


async def chat_body(reply: Reply, head: ReplyHead) -> dict[str, Any]:
    """The whole answer."""
    choices: dict[int, _Collected] = {}
    work = _Work()
    usage, more = Usage(), dict[str, Any]()
    async with aclosing(reply) as events:
        async for event in events:
            match event:
                case TextDelta():
                    choice = choices.setdefault(event.index, _Collected())
                    choice.text += event.text
                    choice.logprobs += event.logprobs
                case ThinkingDelta():
                    choices.setdefault(event.index, _Collected()).thinking += event.text
                case RoundStarted():
                    choices.clear()  # the answer is what the last round says
                case ToolFinished() | FileProduced() | FileMissing():
                    work.note(event)
                case Finished():
                    choices.setdefault(0, _Collected()).finish = event
                    usage = event.usage
                    more |= _session(event)
                case ReplyFinished():
                    choices.setdefault(event.index, _Collected()).finish = event
                    usage = event.usage or usage
                case _:
                    pass
    more |= await asyncio.to_thread(work.body, head.files)
    shaped = [choices[index].body(index, head.client_tools) for index in sorted(choices)]
    return head.body("chat.completion", choices=shaped, usage=usage_body(usage), **more)


@dataclass(slots=True)
class _Streamed:
    """What was already sent of one choice."""

    opened: bool = False
    call_positions: dict[str, int] = field(default_factory=dict[str, int])
    """Index that the client knows each of its calls by."""

    def opening(self, delta: dict[str, Any]) -> dict[str, Any]:
        """The role goes with the first delta."""
        if self.opened:
            return delta
        self.opened = True
        return {"role": "assistant", **delta}

    def delta(
        self, event: TextDelta | ThinkingDelta | ToolCallStarted | ToolCallArguments, client_tools: frozenset[str]
    ) -> dict[str, Any] | None:
        """None: nothing for the client."""
        match event:
            case TextDelta():
                return self.opening({"content": event.text}) if event.text or event.logprobs else None
            case ThinkingDelta():
                return self.opening({"reasoning_content": event.text}) if event.text else None
            case ToolCallStarted():
                if event.name not in client_tools:
                    return None
                position = self.call_positions[event.call_id] = len(self.call_positions)
                function = {"name": event.name, "arguments": ""}
                call = {"index": position, "id": event.call_id, "type": "function", "function": function}
                return self.opening({"tool_calls": [call]})
            case ToolCallArguments():
                if event.call_id not in self.call_positions:
                    return None
                call = {"index": self.call_positions[event.call_id], "function": {"arguments": event.fragment}}
                return self.opening({"tool_calls": [call]})


@dataclass(slots=True)
class _Work:
    """What tools did for a whole answer."""

    calls: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    files: dict[str, FileProduced | FileMissing] = field(default_factory=dict[str, FileProduced | FileMissing])
    """By id, or by name where there is none."""

    def note(self, event: ToolFinished | FileProduced | FileMissing) -> None:
        match event:
            case ToolFinished():
                self.calls.append(_tool_record(event))
            case FileProduced():
                self.files[event.file.id] = event
            case FileMissing():
                self.files[event.name] = event

    def body(self, store: FileStore) -> dict[str, Any]:
        """Reads the files: call it in a thread."""
        files = [
            missing_file_body(event) if isinstance(event, FileMissing) else file_with_contents(store, event.file)
            for event in list(self.files.values())[:MAX_FILES]
        ]
        return ({"agentic_tool_calls": self.calls} if self.calls else {}) | ({"files": files} if files else {})


@dataclass(slots=True)
class _Collected:
    """One choice of a whole answer."""

    text: str = ""
    thinking: str = ""
    logprobs: tuple[TokenLogprob, ...] = ()
    finish: Finished | ReplyFinished | None = None

    def body(self, index: int, client_tools: frozenset[str]) -> dict[str, Any]:
        assert self.finish is not None
        calls = self.finish.client_calls if isinstance(self.finish, Finished) else self.finish.tool_calls
        shown = [_call_body(call) for call in calls if call.name in client_tools]
        message: dict[str, Any] = {"role": "assistant", "content": self.text or (None if shown else "")}
        if self.thinking:
            message["reasoning_content"] = self.thinking
        if shown:
            message["tool_calls"] = shown
        detail = _stop_detail(self.finish) if isinstance(self.finish, Finished) else {}
        logprobs = chat_logprobs(self.logprobs)
        reason = self.finish.reason.value
        return {"index": index, "message": message, "finish_reason": reason, "logprobs": logprobs, **detail}


def _choice(
    index: int, delta: dict[str, Any], *, reason: str | None = None, logprobs: dict[str, Any] | None = None
) -> dict[str, Any]:
    return {"index": index, "delta": delta, "finish_reason": reason, "logprobs": logprobs}


def _stop_detail(finished: Finished) -> dict[str, Any]:
    return {"stop_detail": finished.stop_detail.value} if finished.stop_detail else {}


def _session(finished: Finished) -> dict[str, Any]:
    """What to send to go on, where there is something to go on with."""
    return {"session_id": finished.session_id} if finished.session_id else {}


def _for_agents(finished: Finished, head: ReplyHead) -> dict[str, Any]:
    """What the last frame of an agent's turn says besides."""
    if not head.agentic:
        return {}
    fields: dict[str, Any] = {"context_tokens": finished.context_tokens}
    return fields if head.include_usage else {**fields, "usage": usage_body(finished.usage)}


def _call_body(call: ToolCall) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def _tool_record(event: ToolFinished) -> dict[str, Any]:
    images = images_body(event.result)
    return {
        "round": event.round,
        "name": event.call.name,
        "arguments": event.call.arguments,
        "result_content": event.result.content,
        **({"result_images_base64": images["images_base64"]} if images else {}),
        **({"file_ids": [file.id for file in event.result.files]} if event.result.files else {}),
    }
