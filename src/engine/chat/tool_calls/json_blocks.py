"""Calls written as JSON objects between markers: how to read them, and their grammar."""

from __future__ import annotations

import json

from engine.chat.tool_calls.base import CallableTool, CallRules, lark_regex
from engine.chat.tool_calls.blocks import ReadBlock
from engine.chat.tool_calls.json_value import call_object
from engine.chat.tool_calls.source import WHITE, Reader, ReplySource

SEPARATORS = WHITE + ",;"
ID_AFTER = r'(", \"id\": " /"[^"\\\n]{0,40}"/)?'
"""A call's id, which some templates write after the arguments."""


def json_block(*closers: str, read_call: ReadBlock = call_object) -> ReadBlock:
    """Reads one or more call objects, in an array or not, up to one of the closers if any."""

    def read(source: ReplySource) -> Reader:
        yield from source.skip(WHITE + "[")
        yield from read_call(source)
        while True:
            yield from source.skip(SEPARATORS)
            if not (yield from source.peek("{")):
                break
            yield from read_call(source)
        yield from source.skip(WHITE + "]")
        yield from source.take(*closers)

    return read


def json_call(
    rules: CallRules, *, arguments_key: str = "arguments", start: str = "", before: str = "", after: str = ""
) -> str:
    """Lark expression of one call to any of the tools.

    All before the arguments is one lexeme, which other text that begins alike cannot shadow. `start`: regular
    expression of what comes before the object, `before`: of fields before the name; `after`: that of further fields.
    """

    def write(tool: CallableTool) -> str:
        name = lark_regex(json.dumps(tool.name, ensure_ascii=False))
        return rf'/{start}\{{{before}"name": ?{name}, ?"{arguments_key}": ?/ {tool.arguments}'

    return f'{rules.each(write)} {after} "}}"'


def json_list(rules: CallRules, call: str, first: str = "") -> str:
    """An array of calls. `first`: the first of them, its bracket included."""
    further = f'"," WHITE? {call}'
    begin = first or f'"[" WHITE? {call}'
    return f'{begin} {rules.more(further)} WHITE? "]"'
