"""`[TOOL_CALLS]`, then an array of `{"name": …, "arguments": {…}}` (Nemo) or `name[ARGS]{…}` (since v11)."""

from __future__ import annotations

from dataclasses import dataclass

from engine.chat.tool_calls.base import CallRules, ToolCallParser, lark_string
from engine.chat.tool_calls.json_blocks import BlockSyntax, JsonBlockParser, json_calls


@dataclass(frozen=True, slots=True)
class Mistral:
    name_and_args: bool
    """Write calls as `name[ARGS]{…}`; both ways are read."""
    name = "mistral"
    opener = "[TOOL_CALLS]"
    markers = ("[TOOL_CALLS]", "[CALL_ID]", "[ARGS]")

    def parser(self) -> ToolCallParser:
        return JsonBlockParser(BlockSyntax("[TOOL_CALLS]", bare=False, name_end="[ARGS]"))

    def grammar(self, rules: CallRules) -> str:
        if not self.name_and_args:
            call = f"({json_calls(rules)})"
            further = f'", " {call}'
            return f'"[" {call} {rules.more(further)} "]"'
        args = rules.marker("[ARGS]")
        call = "(" + " | ".join(f"{lark_string(name)} {args} {rule}" for name, rule in rules.tools) + ")"
        return call + rules.more(f"{rules.marker('[TOOL_CALLS]')} {call}")
