"""Cohere's actions, `{"tool_name": …, "parameters": {…}}` in a list: between markers (R7B, A), after `Action:` (R)."""

from __future__ import annotations

import json
from dataclasses import dataclass

from engine.chat.tool_calls.base import CallableTool, CallRules, Schemas, ToolCallParser, lark_string
from engine.chat.tool_calls.blocks import block_parser
from engine.chat.tool_calls.json_blocks import json_block


@dataclass(frozen=True)
class CommandR:
    opener: str = "<|START_ACTION|>"
    closer: str = "<|END_ACTION|>"
    with_id: bool = True
    """Write a `tool_call_id` first."""
    name = "command-r"

    @property
    def markers(self) -> tuple[str, ...]:
        return (self.opener, self.closer)

    def parser(self, schemas: Schemas | None = None) -> ToolCallParser:
        return block_parser({self.opener: json_block(self.closer)}, closers=(self.closer,))

    def grammar(self, rules: CallRules) -> str:
        def write(tool: CallableTool) -> str:
            name = lark_string(f"{json.dumps(tool.name, ensure_ascii=False)},")
            return rf'{name} BREAK? "\"parameters\":" SPACE? {tool.arguments}'

        identity = r'"\"tool_call_id\": \"" /[0-9]{1,2}/ "\"," BREAK?' if self.with_id else ""
        call = rf'"{{" BREAK? {identity} "\"tool_name\":" SPACE? {rules.each(write)} BREAK? "}}"'
        further = f'"," BREAK? {call}'
        listed = f'BREAK? "[" BREAK? {call} {rules.more(further)} BREAK? "]" BREAK?'
        return f"{listed} {rules.marker(self.closer)}\nBREAK: /[ \\n]{{1,12}}/"
