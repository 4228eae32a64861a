"""Tags inside DeepSeek-like markers: Step 3."""

from __future__ import annotations

from engine.chat.tool_calls.base import CallRules, Schemas, ToolCallParser
from engine.chat.tool_calls.sections import Section
from engine.chat.tool_calls.source import Reader, ReplySource
from engine.chat.tool_calls.xml_calls import XmlTags, xml_block
from engine.chat.tool_calls.xml_grammar import xml_call

_SECTION = Section(
    opener="<｜tool_calls_begin｜>",
    begin="<｜tool_call_begin｜>",
    separator="<｜tool_sep｜>",
    end="<｜tool_call_end｜>",
    closer="<｜tool_calls_end｜>",
)
OPENER = _SECTION.opener
_TAGS = XmlTags(
    call="<steptml:invoke name=",
    call_end="</steptml:invoke>",
    key="<steptml:parameter name=",
    value_end="</steptml:parameter>",
    quote='"',
    line_breaks=False,
)


class Step:
    name = "step"
    opener = OPENER
    markers = _SECTION.all

    def parser(self, schemas: Schemas | None = None) -> ToolCallParser:
        tagged = xml_block(_TAGS, schemas, _SECTION.end)

        def read_call(source: ReplySource) -> Reader:
            yield from source.until(_SECTION.separator)
            yield from source.need(_SECTION.separator)
            yield from tagged(source)

        return _SECTION.parser(read_call)

    def grammar(self, rules: CallRules) -> str:
        call, lines = xml_call(rules, _TAGS, _SECTION.end)
        _, begin, separator, end, closer = map(rules.marker, _SECTION.all)
        one = f'WHITE? {begin} "function" {separator} WHITE? {call} WHITE? {end}'
        return f"{one} {rules.more(one)} WHITE? {closer}\n{lines}"
