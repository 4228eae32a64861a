"""`<|tool_call_begin|>functions.name:0<|tool_call_argument_begin|>{…}<|tool_call_end|>` in a section: Kimi K2."""

from __future__ import annotations

import re

from engine.chat.tool_calls.base import CallableTool, CallRules, Schemas, ToolCallParser, lark_string
from engine.chat.tool_calls.named_calls import arguments_after
from engine.chat.tool_calls.sections import Section
from engine.chat.tool_calls.source import Reader, ReplySource

_SECTION = Section(
    opener="<|tool_calls_section_begin|>",
    begin="<|tool_call_begin|>",
    separator="<|tool_call_argument_begin|>",
    end="<|tool_call_end|>",
    closer="<|tool_calls_section_end|>",
)
OPENER = _SECTION.opener


class KimiK2:
    name = "kimi"
    opener = OPENER
    markers = _SECTION.all

    def parser(self, schemas: Schemas | None = None) -> ToolCallParser:
        return _SECTION.parser(_read_call)

    def grammar(self, rules: CallRules) -> str:
        _, begin, separator, end, closer = map(rules.marker, _SECTION.all)

        def write(tool: CallableTool) -> str:
            return f"{lark_string(f'functions.{tool.name}:')} NUMBER {separator} {tool.arguments}"

        call = f"WHITE? {begin} WHITE? {rules.each(write)} WHITE? {end}"
        return f"{call} {rules.more(call)} WHITE? {closer}\nNUMBER: /[0-9]{{1,3}}/"


def _read_call(source: ReplySource) -> Reader:
    yield from source.skip()
    identity = yield from source.until(_SECTION.separator)
    yield from source.need(_SECTION.separator)
    name = re.sub(r":\d+$", "", identity.strip()).removeprefix("functions.")
    yield from arguments_after(source, name, _SECTION.end, _SECTION.closer)
