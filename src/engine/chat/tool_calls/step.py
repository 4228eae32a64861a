"""Tags inside DeepSeek-like markers: Step 3."""

from __future__ import annotations

from engine.chat.tool_calls.base import CallRules, Schemas, ToolCallParser
from engine.chat.tool_calls.blocks import block_parser
from engine.chat.tool_calls.source import Reader, ReplySource
from engine.chat.tool_calls.xml_calls import XmlTags, xml_block
from engine.chat.tool_calls.xml_grammar import xml_call

OPENER, _CLOSER = "<｜tool_calls_begin｜>", "<｜tool_calls_end｜>"
_BEGIN, _SEPARATOR, _END = "<｜tool_call_begin｜>", "<｜tool_sep｜>", "<｜tool_call_end｜>"
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
    markers = (OPENER, _BEGIN, _SEPARATOR, _END, _CLOSER)

    def parser(self, schemas: Schemas | None = None) -> ToolCallParser:
        tagged = xml_block(_TAGS, schemas, _END)

        def read(source: ReplySource) -> Reader:
            yield from source.skip()
            yield from source.need(_BEGIN)
            more = _BEGIN
            while more:
                yield from source.until(_SEPARATOR)
                yield from source.need(_SEPARATOR)
                yield from tagged(source)
                source.mark()
                yield from source.skip()
                more = yield from source.take(_BEGIN)
            yield from source.take(_CLOSER)

        return block_parser({OPENER: read}, closers=(_CLOSER, _END))

    def grammar(self, rules: CallRules) -> str:
        call, lines = xml_call(rules, _TAGS, _END)
        begin, separator, end = (rules.marker(marker) for marker in (_BEGIN, _SEPARATOR, _END))
        one = f'WHITE? {begin} "function" {separator} WHITE? {call} WHITE? {end}'
        return f"{one} {rules.more(one)} WHITE? {rules.marker(_CLOSER)}\n{lines}"
