"""`<function=name>{…}</function>`: Functionary 3.1, and Llama 3.1 with its own custom format."""

from __future__ import annotations

from engine.chat.tool_calls.base import CallableTool, CallRules, Schemas, ToolCallParser, lark_string
from engine.chat.tool_calls.blocks import block_parser
from engine.chat.tool_calls.named_calls import arguments_after
from engine.chat.tool_calls.source import Reader, ReplySource

OPENER, _CLOSER = "<function=", "</function>"


class Functionary:
    name = "functionary"
    opener = OPENER
    markers = ()

    def parser(self, schemas: Schemas | None = None) -> ToolCallParser:
        return block_parser({OPENER: _read}, closers=(_CLOSER,))

    def grammar(self, rules: CallRules) -> str:
        def write(tool: CallableTool) -> str:
            return f'{lark_string(f"{tool.name}>")} {tool.arguments} "{_CLOSER}"'

        call = rules.each(write)
        return f"{call} {rules.more(f'WHITE? {lark_string(OPENER)} {call}')}"


def _read(source: ReplySource) -> Reader:
    name = yield from source.until(">")
    yield from source.need(">")
    yield from arguments_after(source, name.strip().strip("\"'"), _CLOSER)
    yield from source.skip()
    yield from source.take(_CLOSER)
