"""`<invoke name="…"><parameter name="…">value</parameter></invoke>` in a section; each family has its own prefix."""

from __future__ import annotations

from dataclasses import dataclass

from engine.chat.tool_calls.base import CallRules, Schemas, ToolCallParser
from engine.chat.tool_calls.blocks import block_parser
from engine.chat.tool_calls.xml_calls import XmlTags, xml_block
from engine.chat.tool_calls.xml_grammar import xml_call


@dataclass(frozen=True)
class Invoke:
    name: str
    opener: str
    closer: str
    prefix: str = ""
    """Of the tags inside the section."""
    string_attribute: bool = False

    @property
    def markers(self) -> tuple[str, ...]:
        return (self.opener, self.closer)

    @property
    def _tags(self) -> XmlTags:
        return XmlTags(
            call=f"<{self.prefix}invoke name=",
            call_end=f"</{self.prefix}invoke>",
            key=f"<{self.prefix}parameter name=",
            value_end=f"</{self.prefix}parameter>",
            quote='"',
            string_attribute=self.string_attribute,
            line_breaks=False,
        )

    def parser(self, schemas: Schemas | None = None) -> ToolCallParser:
        return block_parser({self.opener: xml_block(self._tags, schemas, self.closer)}, closers=(self.closer,))

    def grammar(self, rules: CallRules) -> str:
        call, lines = xml_call(rules, self._tags, self.closer)
        further = f"WHITE? {call}"
        return f"WHITE? {call} {rules.more(further)} WHITE? {rules.marker(self.closer)}\n{lines}"
