"""`<opener>[{"name": …, "arguments": {…}}, …]<closer>`: what many families share but for the two markers."""

from __future__ import annotations

from dataclasses import dataclass

from engine.chat.tool_calls.base import CallRules, Schemas, ToolCallParser
from engine.chat.tool_calls.blocks import block_parser
from engine.chat.tool_calls.json_blocks import ID_AFTER, json_block, json_call, json_list


@dataclass(frozen=True)
class JsonList:
    """The array may be left out around one call, or around one call a line; a closer the model knows must come."""

    name: str
    opener: str
    closer: str = ""
    arguments_key: str = "arguments"

    @property
    def markers(self) -> tuple[str, ...]:
        return (self.opener, self.closer) if self.closer else (self.opener,)

    def parser(self, schemas: Schemas | None = None) -> ToolCallParser:
        closers = (self.closer,) if self.closer else ()
        return block_parser({self.opener: json_block(*closers)}, closers=closers)

    def grammar(self, rules: CallRules) -> str:
        call = json_call(rules, arguments_key=self.arguments_key, after=ID_AFTER)
        further = f"WHITE? {call}"
        listed = f"WHITE? ({json_list(rules, call)} | {call} {rules.more(further)}) WHITE?"
        return rf'{listed} {rules.marker(self.closer)} "\n"?' if self.closer else listed
