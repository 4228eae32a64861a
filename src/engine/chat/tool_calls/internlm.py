"""`<|action_start|><|plugin|>{"name": …, "parameters": {…}}<|action_end|>`: InternLM 2.5 and 3."""

from __future__ import annotations

from engine.chat.tool_calls.base import CallRules, Schemas, ToolCallParser
from engine.chat.tool_calls.blocks import block_parser
from engine.chat.tool_calls.json_blocks import json_block, json_call
from engine.chat.tool_calls.source import Reader, ReplySource

_OPENER, _PLUGIN, _CLOSER = "<|action_start|>", "<|plugin|>", "<|action_end|>"


class InternLM:
    name = "internlm"
    opener = _OPENER
    markers = (_OPENER, _PLUGIN, _CLOSER)

    def parser(self, schemas: Schemas | None = None) -> ToolCallParser:
        return block_parser({_OPENER: _read}, closers=(_CLOSER,))

    def grammar(self, rules: CallRules) -> str:
        plugin, closer = rules.marker(_PLUGIN), rules.marker(_CLOSER)
        call = f"WHITE? {plugin} WHITE? {json_call(rules, arguments_key='parameters')} WHITE? {closer} WHITE?"
        return call + rules.more(f"{rules.marker(_OPENER)} {call}")


def _read(source: ReplySource) -> Reader:
    yield from source.skip()
    yield from source.take(_PLUGIN)
    yield from json_block(_CLOSER)(source)
