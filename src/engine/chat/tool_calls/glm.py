"""`<tool_call>name<arg_key>key</arg_key><arg_value>value</arg_value></tool_call>`: GLM 4.5 and later."""

from __future__ import annotations

from engine.chat.tool_calls.base import CallRules, Schemas, ToolCallParser
from engine.chat.tool_calls.blocks import block_parser
from engine.chat.tool_calls.xml_calls import XmlTags, xml_block
from engine.chat.tool_calls.xml_grammar import xml_call

OPENER, _CLOSER = "<tool_call>", "</tool_call>"
_TAGS = XmlTags(
    call="",
    call_end=_CLOSER,
    key="<arg_key>",
    key_end="</arg_key>",
    value="<arg_value>",
    value_end="</arg_value>",
    name_end="\n",
    line_breaks=False,
)


class Glm:
    name = "glm"
    opener = OPENER
    markers = (OPENER, _CLOSER, _TAGS.key, _TAGS.key_end, _TAGS.value, _TAGS.value_end)

    def parser(self, schemas: Schemas | None = None) -> ToolCallParser:
        return block_parser({OPENER: xml_block(_TAGS, schemas, opened=True)}, closers=(_CLOSER,))

    def grammar(self, rules: CallRules) -> str:
        call, lines = xml_call(rules, _TAGS)
        return f"WHITE? {call} {rules.more(f'WHITE? {rules.marker(OPENER)} WHITE? {call}')}\n{lines}"
