"""`<|tools_prefix|>[{"name": {…arguments…}}, …]<|tools_suffix|>`: Apertus."""

from __future__ import annotations

import json

from engine.chat.tool_calls.base import CallableTool, CallRules, Schemas, ToolCallParser, lark_string
from engine.chat.tool_calls.blocks import block_parser
from engine.chat.tool_calls.json_blocks import json_block, json_list
from engine.chat.tool_calls.named_calls import arguments_after
from engine.chat.tool_calls.source import WHITE, Reader, ReplySource

_OPENER, _CLOSER = "<|tools_prefix|>", "<|tools_suffix|>"


class Apertus:
    name = "apertus"
    opener = _OPENER
    markers = (_OPENER, _CLOSER)

    def parser(self, schemas: Schemas | None = None) -> ToolCallParser:
        return block_parser({_OPENER: json_block(_CLOSER, read_call=_read_call)}, closers=(_CLOSER,))

    def grammar(self, rules: CallRules) -> str:
        def write(tool: CallableTool) -> str:
            name = lark_string(f"{json.dumps(tool.name, ensure_ascii=False)}:")
            return f'"{{" {name} SPACE? {tool.arguments} "}}"'

        return f"WHITE? {json_list(rules, rules.each(write))} WHITE? {rules.marker(_CLOSER)}"


def _read_call(source: ReplySource) -> Reader:
    """One or more names with their arguments, in one object."""
    yield from source.need("{")
    more = True
    while more:
        yield from source.skip()
        name = yield from source.string()
        yield from source.skip()
        yield from source.need(":")
        yield from arguments_after(source, name, "}")
        yield from source.skip()
        more = bool((yield from source.take(",")))
    yield from source.skip(WHITE)
    yield from source.take("}")
    source.mark()
