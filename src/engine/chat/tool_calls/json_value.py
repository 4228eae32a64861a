"""Reads JSON out of a reply while it is written: values, and calls written as objects."""

from __future__ import annotations

import json
import string
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.chat.tool_calls.source import WHITE, NotACall, Reader, ReplySource, Wait

_OUTSIDE_STRINGS = frozenset(' \t\r\n{}[],:"+-.' + string.digits + string.ascii_letters)
_NAMES = ("name", "function", "tool_name")
_ARGUMENTS = ("arguments", "parameters")
_OTHERS = ("type", "id", "index", "tool_call_id")


def json_value(source: ReplySource, tell: Callable[[str], None]) -> Wait[bool]:
    """Take one JSON value and tell its text as it comes; False when it broke off or cannot go on.

    Control characters inside strings, which models write and JSON forbids, are told as their escapes.
    """
    depth, in_string, begun = 0, False, False
    while char := (yield from source.char()):
        if in_string:
            source.at += 1
            if char == "\\":
                escaped = yield from source.char()
                source.at += len(escaped)
                char += escaped
            in_string = char != '"'
            tell(char if char >= " " else json.dumps(char)[1:-1])
        elif char not in _OUTSIDE_STRINGS or (depth == 0 and char in (",:}] \t\r\n" if begun else ",:}]")):
            return begun and depth == 0
        else:
            source.at += 1
            tell(char)
            in_string = char == '"'
            depth += (char in "{[") - (char in "}]")
        begun = True
        if depth == 0 and not in_string and char in '"}]':
            return True
    return begun and depth == 0 and not in_string


@dataclass(slots=True)
class _Call:
    """What is known of a call while its object is read."""

    name: str = ""
    arguments: str | None = None
    told: bool = False


def call_object(source: ReplySource, *, needs_arguments: bool = False) -> Reader:
    """`{"name": …, "arguments": {…}}`: the name as soon as the arguments begin, then their text as it comes.

    Keys may stand in another order or in OpenAI's nested `function`, and arguments may be given as a JSON string.
    `needs_arguments`: an object without them is no call.

    Raises: NotACall.
    """
    call = _Call()
    try:
        yield from source.need("{")
        yield from _fields(source, call)
    except NotACall:
        if not call.told:
            raise
        source.rewind()
    if not call.told:
        if not call.name or (needs_arguments and call.arguments is None):
            raise NotACall
        tell_call(source, call.name, call.arguments)
    source.mark()


def _fields(source: ReplySource, call: _Call) -> Reader:
    """The fields of a call object, after its `{` and to its `}`."""
    while True:
        yield from source.skip(WHITE + ",")
        if (yield from source.take("}")):
            return
        key = yield from source.string()
        if key not in _NAMES + _ARGUMENTS + _OTHERS:
            raise NotACall
        yield from source.skip()
        yield from source.need(":")
        yield from source.skip()
        first = yield from source.char()
        if key in _ARGUMENTS and first == "{" and call.name:
            call.told = True
            if not (yield from stream_arguments(source, call.name)):
                return
        elif key == "function" and first == "{":
            source.at += 1
            yield from _fields(source, call)
        elif key in _NAMES:
            call.name = yield from source.string()
        else:
            value = yield from whole_value(source)
            call.arguments = value if key in _ARGUMENTS else call.arguments


def whole_value(source: ReplySource) -> Wait[str]:
    """Take one JSON value. Raises: NotACall when it does not end."""
    parts: list[str] = []
    if not (yield from json_value(source, parts.append)):
        raise NotACall
    return "".join(parts)


def stream_arguments(source: ReplySource, name: str) -> Wait[bool]:
    """Begin a call whose arguments stand here as JSON, and tell them as they come; whether they were whole."""
    source.start(name)
    whole = yield from json_value(source, source.argue)
    source.mark()
    return whole


def tell_call(source: ReplySource, name: str, arguments: str | None) -> None:
    """A call all at once, from the JSON text the model gave for its arguments; objects may be inside a string."""
    value = loads(arguments or "null")
    source.start(name)
    if isinstance(value, str) and isinstance(loads(value), dict):
        arguments = value
    source.argue("{}" if value is None else arguments or "{}")


def loads(text: str) -> Any:
    """The JSON value, or None when it is not JSON."""
    try:
        return json.loads(text, strict=False)
    except ValueError:
        return None
