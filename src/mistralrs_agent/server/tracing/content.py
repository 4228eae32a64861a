"""What was asked and answered, in the JSON form that the semantic conventions give to messages."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from engine import FinishReason, Message, ToolCall, Usage

Part = dict[str, Any]


class Answers:
    """The answers to one request, as far as spans tell of them."""

    def __init__(self) -> None:
        self.reasons: list[str] = []
        self.usage: Usage | None = None
        self._parts: dict[int, list[Part]] = {}

    def add(self, index: int, text: str, kind: Literal["text", "reasoning"] = "text") -> None:
        """A piece of choice `index`."""
        parts = self._parts.setdefault(index, [])
        if parts and parts[-1]["type"] == kind:
            parts[-1]["content"] += text
        elif text:
            parts.append({"type": kind, "content": text})

    def finish(self, index: int, reason: FinishReason, usage: Usage | None, calls: Iterable[ToolCall] = ()) -> None:
        self.reasons.append(str(reason))
        self.usage = usage or self.usage
        self._parts.setdefault(index, []).extend(map(_call, calls))

    def to_json(self) -> str:
        return _dump({"role": "assistant", "parts": parts} for _, parts in sorted(self._parts.items()))


def messages_json(messages: Iterable[Message]) -> str:
    return _dump({"role": message.role, "parts": _parts(message)} for message in messages)


def _parts(message: Message) -> list[Part]:
    if message.role == "tool":
        return [{"type": "tool_call_response", "id": message.tool_call_id, "response": message.content}]
    parts: list[Part] = [{"type": "reasoning", "content": message.reasoning}] if message.reasoning else []
    parts += [{"type": "text", "content": message.content}] if message.content else []
    return parts + list(map(_call, message.tool_calls))


def _call(call: ToolCall) -> Part:
    return {"type": "tool_call", "id": call.id, "name": call.name, "arguments": call.arguments}


def _dump(messages: Iterable[Mapping[str, Any]]) -> str:
    return json.dumps(list(messages), ensure_ascii=False)
