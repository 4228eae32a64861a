"""Calls that may begin a reply without any marker, as JSON objects or as Python writes calls."""

from __future__ import annotations

from engine.chat.tool_calls.blocks import ReadBlock
from engine.chat.tool_calls.json_blocks import json_block
from engine.chat.tool_calls.json_value import call_object
from engine.chat.tool_calls.python_literals import python_calls
from engine.chat.tool_calls.source import Reader, ReplySource


def bare_calls(*closers: str, fence: str = "") -> ReadBlock:
    """Reads calls up to one of the closers, from where they begin or, with `fence`, from after it.

    As the reply may as well be other JSON, an object without arguments is no call.
    """

    def read(source: ReplySource) -> Reader:
        if fence:
            yield from source.need(fence)
            yield from source.skip()
        begin = source.at
        yield from source.skip(" \t\r\n[")
        first = yield from source.char()
        source.at = begin
        if first == "{":
            yield from json_block(*closers, read_call=_call)(source)
            return
        yield from python_calls(source)
        yield from source.skip()
        yield from source.take(*closers)

    return read


def _call(source: ReplySource) -> Reader:
    yield from call_object(source, needs_arguments=True)
