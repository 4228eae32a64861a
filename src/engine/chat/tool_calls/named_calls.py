"""Calls written as a name, a marker and a JSON object: what the formats of this kind share."""

from __future__ import annotations

from engine.chat.tool_calls.json_value import stream_arguments, tell_call, whole_value
from engine.chat.tool_calls.source import NotACall, Reader, ReplySource


def arguments_after(source: ReplySource, name: str, *ends: str) -> Reader:
    """The arguments of `name` stand here; none at all when one of `ends` or the reply's end comes instead.

    Raises: NotACall.
    """
    if not name:
        raise NotACall
    yield from source.skip()
    first = yield from source.char()
    if first == "{":
        yield from stream_arguments(source, name)
    elif first == '"':
        tell_call(source, name, (yield from whole_value(source)))
        source.mark()
    elif not first or (yield from source.peek(*ends)):
        tell_call(source, name, None)
    else:
        raise NotACall
