"""`<tool_call>{"name": …, "arguments": {…}}</tool_call>`: Hermes, Qwen, Granite 4 and many others."""

from __future__ import annotations

from engine.chat.tool_calls.base import CallRules, ToolCallParser
from engine.chat.tool_calls.json_blocks import BlockSyntax, JsonBlockParser, json_calls


class Hermes:
    name = "hermes"
    opener = "<tool_call>"
    markers = ("<tool_call>", "</tool_call>")

    def parser(self) -> ToolCallParser:
        return JsonBlockParser(BlockSyntax("<tool_call>", "</tool_call>"))

    def grammar(self, rules: CallRules) -> str:
        opened = rf'"\n" ({json_calls(rules)}) "\n" {rules.marker("</tool_call>")}'
        return opened + rules.more(rf'"\n" {rules.marker("<tool_call>")} {opened}')
