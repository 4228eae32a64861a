"""`{"name": …, "parameters": {…}}`, after `<|python_tag|>` or bare: Llama 3.1 and later."""

from __future__ import annotations

from engine.chat.tool_calls.base import CallRules, ToolCallParser
from engine.chat.tool_calls.json_blocks import BlockSyntax, JsonBlockParser, json_calls


class Llama3:
    name = "llama3"
    opener = None
    markers = ("<|python_tag|>",)

    def parser(self) -> ToolCallParser:
        return JsonBlockParser(BlockSyntax("<|python_tag|>"))

    def grammar(self, rules: CallRules) -> str:
        call = f"({json_calls(rules, arguments_key='parameters')})"
        return f"{rules.marker('<|python_tag|>')}? {call} " + rules.more(f'"; " {call}')
