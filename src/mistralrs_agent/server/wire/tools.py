"""`tools` and `tool_choice` in their OpenAI spellings → `ToolSpec` and `ToolChoice`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from engine import ToolChoice, ToolSpec
from mistralrs_agent.errors import RequestError
from mistralrs_agent.server.wire.base import Unsupported, UnsupportedList, WireModel, only
from mistralrs_agent.server.wire.json_schema import check_schema

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,128}")


class Function(WireModel):
    name: str
    description: str | None = None
    parameters: Any = None
    """Checked in `to_spec`, where the tool's name is at hand."""
    strict: bool | None = None

    def to_spec(self, param: str) -> ToolSpec:
        """Raises: RequestError."""
        if not _NAME.fullmatch(self.name):
            raise RequestError(
                f"Invalid tool name {self.name!r}: use 1 to 128 letters, digits, '_', '-' or '.'.",
                param=f"{param}.name",
            )
        schema = {"type": "object", "properties": {}} if self.parameters is None else self.parameters
        place = f"{param}.parameters"
        checked = check_schema(schema, what=f"tool {self.name!r}", param=place)
        if checked.get("type", "object") != "object":
            raise RequestError(
                f"Invalid schema of tool {self.name!r}: type must be 'object', got {checked['type']!r}.", param=place
            )
        return ToolSpec(self.name, self.description or "", checked, strict=self.strict is not False)


class FunctionTool(WireModel):
    """`{"type": "function", "function": {...}}`, or flat as in the Responses API."""

    type: Literal["function"]
    function: Function

    @model_validator(mode="before")
    @classmethod
    def _nest(cls, value: Any) -> Any:
        if isinstance(value, dict) and "function" not in value and "name" in value:
            return {"type": value.get("type"), "function": {k: v for k, v in value.items() if k != "type"}}
        return value


class Container(WireModel):
    type: Literal["auto"]
    file_ids: UnsupportedList = None
    memory_limit: Unsupported = None


class CodeInterpreter(WireModel):
    """Turns on this server's own Python tool."""

    type: Literal["code_interpreter"]
    container: Annotated[
        Container | str | None,
        AfterValidator(lambda c: only(because="must be {'type': 'auto'}")(c) if isinstance(c, str) else c),
    ] = None


ToolField = Annotated[FunctionTool | CodeInterpreter, Field(discriminator="type")]


def client_tools(tools: Sequence[FunctionTool | CodeInterpreter]) -> tuple[ToolSpec, ...]:
    """The tools the caller runs itself.

    Raises: RequestError for a bad name or schema, or a name given twice.
    """
    specs: dict[str, ToolSpec] = {}
    for position, tool in enumerate(tools):
        if not isinstance(tool, FunctionTool):
            continue
        param = f"tools.{position}.function"
        spec = tool.function.to_spec(param)
        if spec.name in specs:
            raise RequestError(f"Tool {spec.name!r} is defined twice.", param=f"{param}.name")
        specs[spec.name] = spec
    return tuple(specs.values())


class NamedTool(WireModel):
    """One tool, nested or flat."""

    type: Literal["function"] = "function"
    name: str

    @model_validator(mode="before")
    @classmethod
    def _flatten(cls, value: Any) -> Any:
        if isinstance(value, dict) and isinstance(function := value.get("function"), dict):
            return {k: v for k, v in value.items() if k != "function"} | function
        return value


class AllowedTools(WireModel):
    type: Literal["allowed_tools"]
    mode: Literal["auto", "required"] = "auto"
    tools: Annotated[list[NamedTool], Field(min_length=1)]

    @model_validator(mode="before")
    @classmethod
    def _flatten(cls, value: Any) -> Any:
        if isinstance(value, dict) and isinstance(inner := value.get("allowed_tools"), dict):
            return {k: v for k, v in value.items() if k != "allowed_tools"} | inner
        return value


ToolChoiceField = (
    Literal["auto", "none", "required"] | Annotated[NamedTool | AllowedTools, Field(discriminator="type")] | None
)


def tool_choice(choice: str | NamedTool | AllowedTools | None) -> ToolChoice:
    match choice:
        case NamedTool():
            return ToolChoice.named(choice.name)
        case AllowedTools():
            return ToolChoice(choice.mode, tuple(tool.name for tool in choice.tools))
        case "none" | "required":
            return ToolChoice(choice)
        case _:
            return ToolChoice()
