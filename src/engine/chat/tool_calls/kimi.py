"""`<|tool_call_begin|>functions.name:0<|tool_call_argument_begin|>{…}<|tool_call_end|>` in a section: Kimi K2."""

from __future__ import annotations

import re

from engine.chat.tool_calls.base import CallableTool, CallRules, Schemas, ToolCallParser, lark_string
from engine.chat.tool_calls.blocks import block_parser
from engine.chat.tool_calls.named_calls import arguments_after
from engine.chat.tool_calls.source import Reader, ReplySource

OPENER = "<|tool_calls_section_begin|>"
_CLOSER = "<|tool_calls_section_end|>"
_BEGIN, _ARGUMENTS, _END = "<|tool_call_begin|>", "<|tool_call_argument_begin|>", "<|tool_call_end|>"


class KimiK2:
    name = "kimi"
    opener = OPENER
    markers = (OPENER, _BEGIN, _ARGUMENTS, _END, _CLOSER)

    def parser(self, schemas: Schemas | None = None) -> ToolCallParser:
        return block_parser({OPENER: _read, _BEGIN: _read_from_name}, closers=(_CLOSER, _END))

    def grammar(self, rules: CallRules) -> str:
        begin, arguments, end = (rules.marker(marker) for marker in (_BEGIN, _ARGUMENTS, _END))

        def write(tool: CallableTool) -> str:
            return f"{lark_string(f'functions.{tool.name}:')} NUMBER {arguments} {tool.arguments}"

        call = f"WHITE? {begin} WHITE? {rules.each(write)} WHITE? {end}"
        return f"{call} {rules.more(call)} WHITE? {rules.marker(_CLOSER)}\nNUMBER: /[0-9]{{1,3}}/"


def _read(source: ReplySource) -> Reader:
    yield from source.skip()
    yield from source.need(_BEGIN)
    yield from _read_from_name(source)


def _read_from_name(source: ReplySource) -> Reader:
    more = _BEGIN
    while more:
        yield from source.skip()
        identity = yield from source.until(_ARGUMENTS)
        yield from source.need(_ARGUMENTS)
        name = re.sub(r":\d+$", "", identity.strip()).removeprefix("functions.")
        yield from arguments_after(source, name, _END, _CLOSER)
        yield from source.skip()
        yield from source.take(_END)
        source.mark()
        yield from source.skip()
        more = yield from source.take(_BEGIN)
    yield from source.take(_CLOSER)
