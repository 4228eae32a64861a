"""Conversation data: messages, tools and tool calls, in the shape chat templates and OpenAI clients share."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Role = Literal["system", "developer", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call as the model made it."""

    id: str
    name: str
    arguments: str
    """JSON text of an object, as the model wrote it."""

    def parsed(self) -> dict[str, Any]:
        """Return the arguments as an object.

        Raises: ValueError when they are not a JSON object.
        """
        value = json.loads(self.arguments or "{}")
        if not isinstance(value, dict):
            raise ValueError(f"tool arguments must be a JSON object, got {type(value).__name__}")
        return value  # pyright: ignore[reportUnknownVariableType]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Role
    content: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    """On a tool message: which call this answers."""
    name: str | None = None
    reasoning: str = ""
    """What the model thought before this turn, for templates that replay it."""

    def to_json(self) -> dict[str, Any]:
        """The OpenAI wire shape (arguments as JSON text); also what is stored."""
        body: dict[str, Any] = {"role": self.role, "content": self.content}
        if self.tool_calls:
            body["tool_calls"] = [
                {"id": c.id, "type": "function", "function": {"name": c.name, "arguments": c.arguments}}
                for c in self.tool_calls
            ]
        optional = {"tool_call_id": self.tool_call_id, "name": self.name, "reasoning_content": self.reasoning}
        return body | {key: value for key, value in optional.items() if value}

    @staticmethod
    def from_json(body: Mapping[str, Any]) -> Message:
        """Read what `to_json` wrote. Bodies from clients are checked by the server's wire types first."""
        calls = tuple(
            ToolCall(c["id"], c["function"]["name"], c["function"]["arguments"]) for c in body.get("tool_calls") or ()
        )
        return Message(
            role=body["role"],
            content=body.get("content") or "",
            tool_calls=calls,
            tool_call_id=body.get("tool_call_id"),
            name=body.get("name"),
            reasoning=body.get("reasoning_content") or "",
        )


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A function the model may call."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    """JSON Schema of the arguments object."""
    strict: bool = True
    """Arguments are held to the schema while they are generated."""

    def to_json(self) -> dict[str, Any]:
        function = {"name": self.name, "description": self.description, "parameters": dict(self.parameters)}
        return {"type": "function", "function": function}


@dataclass(frozen=True, slots=True)
class ToolChoice:
    """Whether the model may, must or must not call, and what."""

    mode: Literal["auto", "none", "required"] = "auto"
    names: tuple[str, ...] = ()
    """With `auto` or `required`: only these tools; empty means all."""

    @staticmethod
    def named(name: str) -> ToolChoice:
        return ToolChoice("required", (name,))

    def allowed(self, tools: Sequence[ToolSpec]) -> tuple[ToolSpec, ...]:
        """The tools this choice leaves callable."""
        if self.mode == "none":
            return ()
        return tuple(t for t in tools if not self.names or t.name in self.names)
