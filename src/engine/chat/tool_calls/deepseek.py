"""DeepSeek's call markers: `name<｜tool▁sep｜>{…}` since V3.1, before it a type and a fenced block of JSON."""

from __future__ import annotations

from dataclasses import dataclass

from engine.chat.tool_calls.base import CallableTool, CallRules, Schemas, ToolCallParser, lark_string
from engine.chat.tool_calls.blocks import block_parser
from engine.chat.tool_calls.named_calls import arguments_after
from engine.chat.tool_calls.source import Reader, ReplySource

OPENER = "<｜tool▁calls▁begin｜>"
_CLOSER = "<｜tool▁calls▁end｜>"
_BEGIN, _SEPARATOR, _END = "<｜tool▁call▁begin｜>", "<｜tool▁sep｜>", "<｜tool▁call▁end｜>"


@dataclass(frozen=True)
class DeepSeek:
    fenced: bool
    """Write calls as R1 and V3 do; both ways are read."""
    name = "deepseek"
    opener = OPENER
    markers = (OPENER, _BEGIN, _SEPARATOR, _END, _CLOSER)

    def parser(self, schemas: Schemas | None = None) -> ToolCallParser:
        return block_parser({OPENER: _read, _BEGIN: _read_from_name}, closers=(_CLOSER, _END, "```"))

    def grammar(self, rules: CallRules) -> str:
        begin, separator, end = (rules.marker(marker) for marker in (_BEGIN, _SEPARATOR, _END))

        def write(tool: CallableTool) -> str:
            if not self.fenced:
                return f"{lark_string(tool.name)} {separator} {tool.arguments}"
            head = lark_string(f"{tool.name}\n```json\n")
            return rf'{head} {tool.arguments} "\n```"'

        kind = f'"function" {separator}' if self.fenced else ""
        call = f"{begin} {kind} {rules.each(write)} WHITE? {end}"
        further = f"WHITE? {call}"
        return f"WHITE? {call} {rules.more(further)} WHITE? {rules.marker(_CLOSER)}"


def _read(source: ReplySource) -> Reader:
    yield from source.skip()
    yield from source.need(_BEGIN)
    yield from _read_from_name(source)


def _read_from_name(source: ReplySource) -> Reader:
    more = _BEGIN
    while more:
        name = yield from source.until(_SEPARATOR)
        yield from source.need(_SEPARATOR)
        if name.strip() == "function" and (yield from source.char()) not in "{ \n":
            name = yield from source.until("\n", "```", "{")
        yield from source.skip()
        if (yield from source.take("```json", "```")):
            yield from arguments_after(source, name.strip(), "```", _END)
            yield from source.skip()
            yield from source.take("```")
        else:
            yield from arguments_after(source, name.strip(), _END, _CLOSER)
        yield from source.skip()
        yield from source.take(_END)
        source.mark()
        yield from source.skip()
        more = yield from source.take(_BEGIN)
    yield from source.take(_CLOSER)
