"""Messages as OpenAI clients send them → the engine's `Message`. Every role takes text or a list of parts."""

from __future__ import annotations

import json
import uuid
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AliasChoices, Field, field_validator, model_validator

from engine import Message, ToolCall
from mistralrs_agent.server.wire.base import NoEffect, Unsupported, UnsupportedList, WireModel, invalid, only
from mistralrs_agent.server.wire.files import FilePart


class Part(WireModel):
    """A piece of content: text, or a file, of which the model is told in words. It can see no pictures."""

    type: Literal["text", "refusal", "file"] = "text"
    text: str | None = None
    refusal: str | None = None
    file: FilePart | None = None
    cache_control: NoEffect = None

    @model_validator(mode="before")
    @classmethod
    def _text_only(cls, value: Any) -> Any:
        kind = value.get("type", "text") if isinstance(value, dict) else None
        if isinstance(kind, str) and kind not in ("text", "refusal", "file"):
            raise invalid(f"this model reads text only; parts of type {kind!r} are not supported")
        return value

    @model_validator(mode="after")
    def _has_its_text(self) -> Part:
        if (self.file if self.type == "file" else self.words) is None:
            raise invalid(f"a part of type {self.type!r} needs {self.type!r}")
        return self

    @property
    def words(self) -> str | None:
        return self.text if self.type == "text" else self.refusal


class FunctionCall(WireModel):
    name: str
    arguments: Annotated[str | dict[str, Any], Field(validation_alias=AliasChoices("arguments", "parameters"))] = "{}"


class ToolCallField(WireModel):
    id: str | None = None
    type: Literal["function"] = "function"
    function: FunctionCall
    index: NoEffect = None

    def to_call(self) -> ToolCall:
        arguments = self.function.arguments
        text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
        return ToolCall(self.id or f"call_{uuid.uuid4().hex[:24]}", self.function.name, text)


class MessageField(WireModel):
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[Part] | None = None
    name: str | None = None
    tool_calls: list[ToolCallField] | None = None
    tool_call_id: str | None = None
    reasoning_content: Annotated[str | None, Field(validation_alias=AliasChoices("reasoning_content", "reasoning"))] = (
        None
    )
    refusal: str | None = None
    annotations: UnsupportedList = None
    audio: Unsupported = None
    function_call: Annotated[Any, AfterValidator(only(because="the old form; use tool_calls"))] = None

    @field_validator("content", mode="before")
    @classmethod
    def _one_part_is_a_list(cls, value: Any) -> Any:
        return [value] if isinstance(value, dict) else value

    @model_validator(mode="after")
    def _fits_the_role(self) -> MessageField:
        if self.tool_calls and self.role != "assistant":
            raise invalid(f"tool_calls belong to assistant messages, not to role {self.role!r}")
        if self.files and self.role != "user":
            raise invalid(f"files belong to user messages, not to role {self.role!r}")
        if self.content is None and self.role != "assistant":
            raise invalid(f"a message of role {self.role!r} needs content")
        return self

    @property
    def files(self) -> list[FilePart]:
        """What came with the message, in order."""
        return [part.file for part in self.content if part.file] if isinstance(self.content, list) else []

    def to_message(self) -> Message:
        """The message without its files."""
        if isinstance(self.content, list):
            content = "\n".join(part.words or "" for part in self.content if part.type != "file")
        else:
            content = self.content if self.content is not None else self.refusal or ""
        return Message(
            role=self.role,
            content=content,
            tool_calls=tuple(call.to_call() for call in self.tool_calls or ()),
            tool_call_id=self.tool_call_id,
            name=self.name,
            reasoning=self.reasoning_content or "",
        )
