"""DeepSeek's call markers: `name<｜tool▁sep｜>{…}` since V3.1, before it a type and a fenced block of JSON."""

from __future__ import annotations

from dataclasses import dataclass

from engine.chat.tool_calls.base import CallableTool, CallRules, Schemas, ToolCallParser, lark_string
from engine.chat.tool_calls.named_calls import arguments_after
from engine.chat.tool_calls.sections import Section
from engine.chat.tool_calls.source import Reader, ReplySource

_SECTION = Section(
    opener="<｜tool▁calls▁begin｜>",
    begin="<｜tool▁call▁begin｜>",
    separator="<｜tool▁sep｜>",
    end="<｜tool▁call▁end｜>",
    closer="<｜tool▁calls▁end｜>",
)
OPENER = _SECTION.opener


@dataclass(frozen=True)
class DeepSeek:
    fenced: bool
    """Write calls as R1 and V3 do; both ways are read."""
    name = "deepseek"
    opener = OPENER
    markers = _SECTION.all

    def parser(self, schemas: Schemas | None = None) -> ToolCallParser:
        return _SECTION.parser(_read_call)

    def grammar(self, rules: CallRules) -> str:
        _, begin, separator, end, closer = map(rules.marker, _SECTION.all)

        def write(tool: CallableTool) -> str:
            if not self.fenced:
                return f"{lark_string(tool.name)} {separator} {tool.arguments}"
            head = lark_string(f"{tool.name}\n```json\n")
            return rf'{head} {tool.arguments} "\n```"'

        kind = f'"function" {separator}' if self.fenced else ""
        call = f"{begin} {kind} {rules.each(write)} WHITE? {end}"
        further = f"WHITE? {call}"
        return f"WHITE? {call} {rules.more(further)} WHITE? {closer}"


def _read_call(source: ReplySource) -> Reader:
    name = yield from source.until(_SECTION.separator)
    yield from source.need(_SECTION.separator)
    if name.strip() == "function" and (yield from source.char()) not in "{ \n":
        name = yield from source.until("\n", "```", "{")
    yield from source.skip()
    if (yield from source.take("```json", "```")):
        yield from arguments_after(source, name.strip(), "```", _SECTION.end)
        yield from source.skip()
        yield from source.take("```")
    else:
        yield from arguments_after(source, name.strip(), _SECTION.end, _SECTION.closer)
