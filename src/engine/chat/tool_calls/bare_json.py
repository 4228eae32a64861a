"""For templates whose format is not known: Hermes blocks and bare JSON are read, bare JSON is forced."""

from __future__ import annotations

from engine.chat.tool_calls.base import CallRules, ToolCallParser
from engine.chat.tool_calls.json_blocks import BlockSyntax, JsonBlockParser, json_calls


class BareJson:
    name = "json"
    opener = None
    markers = ("<tool_call>", "</tool_call>")

    def parser(self) -> ToolCallParser:
        return JsonBlockParser(BlockSyntax("<tool_call>", "</tool_call>"))

    def grammar(self, rules: CallRules) -> str:
        call = f"({json_calls(rules)})"
        return call + rules.more(rf'"\n" {call}')
