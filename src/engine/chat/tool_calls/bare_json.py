"""For templates whose format is not known: Hermes blocks and bare JSON are read, bare JSON is forced."""

from __future__ import annotations

from engine.chat.tool_calls.bare import bare_calls
from engine.chat.tool_calls.base import CallRules, Schemas, ToolCallParser
from engine.chat.tool_calls.blocks import block_parser
from engine.chat.tool_calls.json_blocks import json_block, json_call, json_list


class BareJson:
    """An array of calls or one call after the other, in a code fence or not; also what xLAM writes."""

    name = "json"
    opener = None
    bare_start = r'(\[[ \n]{0,2})?\{"name": ?"'
    markers = ("<tool_call>", "</tool_call>")

    def parser(self, schemas: Schemas | None = None) -> ToolCallParser:
        bare = bare_calls("</tool_call>")
        starts = {fence: bare_calls("```", fence=fence) for fence in ("```json", "```tool_code", "```\n")}
        closers = ("</tool_call>", "```")
        return block_parser({"<tool_call>": json_block("</tool_call>")}, {"{": bare, "[": bare, **starts}, closers)

    def grammar(self, rules: CallRules) -> str:
        call = json_call(rules)
        further = f"WHITE? {call}"
        listed = json_list(rules, call, json_call(rules, start=r"\[[ \n]{0,2}"))
        return f"({listed} | {call} {rules.more(further)})"
