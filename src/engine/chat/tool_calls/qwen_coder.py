"""`<tool_call><function=name><parameter=key>value</parameter></function></tool_call>`: Qwen3-Coder, Seed-OSS."""

from __future__ import annotations

from dataclasses import dataclass

from engine.chat.tool_calls.base import CallRules, Schemas, ToolCallParser
from engine.chat.tool_calls.blocks import block_parser
from engine.chat.tool_calls.json_blocks import json_block
from engine.chat.tool_calls.source import Reader, ReplySource
from engine.chat.tool_calls.xml_calls import XmlTags, xml_block
from engine.chat.tool_calls.xml_grammar import xml_call

_TAGS = XmlTags(call="<function=", call_end="</function>", key="<parameter=", value_end="</parameter>")


@dataclass(frozen=True)
class QwenCoder:
    """The outer tag is read even where the model leaves it out; JSON inside it is read too."""

    opener: str = "<tool_call>"
    closer: str = "</tool_call>"
    name = "qwen coder"

    @property
    def markers(self) -> tuple[str, ...]:
        return (self.opener, self.closer)

    def parser(self, schemas: Schemas | None = None) -> ToolCallParser:
        tagged, untagged = (xml_block(_TAGS, schemas, self.closer, opened=opened) for opened in (False, True))
        objects = json_block(self.closer)

        def either(source: ReplySource) -> Reader:
            yield from source.skip()
            yield from (objects if (yield from source.peek("{", "[")) else tagged)(source)

        return block_parser({self.opener: either, _TAGS.call: untagged}, closers=(self.closer,))

    def grammar(self, rules: CallRules) -> str:
        call, lines = xml_call(rules, _TAGS, self.closer)
        opened = f"WHITE? {call} WHITE? {rules.marker(self.closer)}"
        return f"{opened} {rules.more(f'WHITE? {rules.marker(self.opener)} {opened}')}\n{lines}"
