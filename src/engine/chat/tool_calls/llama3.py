"""`{"name": …, "parameters": {…}}`, after a tag or bare: Llama 3.1 and later."""

from __future__ import annotations

from dataclasses import dataclass

from engine.chat.tool_calls.bare import bare_calls
from engine.chat.tool_calls.base import CallRules, Schemas, ToolCallParser
from engine.chat.tool_calls.blocks import block_parser
from engine.chat.tool_calls.json_blocks import json_call


@dataclass(frozen=True)
class Llama3:
    """Calls in Python's way are read too."""

    tag: str = "<|python_tag|>"
    end: str = ""
    """Stands after the calls."""
    name = "llama3"
    opener = None
    bare_start = r'\{("type": "function", )?"name": ?"'

    @property
    def markers(self) -> tuple[str, ...]:
        return (self.tag, self.end) if self.end else (self.tag,)

    def parser(self, schemas: Schemas | None = None) -> ToolCallParser:
        closers = (self.end,) if self.end else ()
        calls = bare_calls(*closers)
        return block_parser({self.tag: calls}, {"{": calls, "[": calls}, closers)

    def grammar(self, rules: CallRules) -> str:
        call = json_call(rules, arguments_key="parameters", before=r'("type": "function", )?')
        further = f'";" WHITE? {call}'
        end = f"{rules.marker(self.end)}?" if self.end else ""
        return f"{rules.marker(self.tag)}? {call} {rules.more(further)} {end}"
