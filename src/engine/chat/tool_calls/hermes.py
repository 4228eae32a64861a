"""`<tool_call>{"name": …, "arguments": {…}}</tool_call>`: Hermes, Qwen, Granite 4, ERNIE, EXAONE and many others."""

from __future__ import annotations

from dataclasses import dataclass

from engine.chat.tool_calls.bare import bare_calls
from engine.chat.tool_calls.base import CallRules, Schemas, ToolCallParser
from engine.chat.tool_calls.blocks import block_parser
from engine.chat.tool_calls.json_blocks import json_block, json_call


@dataclass(frozen=True)
class Hermes:
    opener: str = "<tool_call>"
    closer: str = "</tool_call>"
    name = "hermes"

    @property
    def markers(self) -> tuple[str, ...]:
        return (self.opener, self.closer)

    def parser(self, schemas: Schemas | None = None) -> ToolCallParser:
        bare = bare_calls(self.closer)
        return block_parser({self.opener: json_block(self.closer)}, {"{": bare, "[": bare}, (self.closer,))

    def grammar(self, rules: CallRules) -> str:
        opened = f"WHITE? {json_call(rules)} WHITE? {rules.marker(self.closer)}"
        return opened + rules.more(f"WHITE? {rules.marker(self.opener)} {opened}")
