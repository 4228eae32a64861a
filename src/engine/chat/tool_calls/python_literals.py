"""Reads calls written as Python writes them: `name(key="value", other=[1, True])`."""

from __future__ import annotations

import ast
import json
import warnings

from engine.chat.tool_calls.json_value import loads
from engine.chat.tool_calls.source import NotACall, Reader, ReplySource, Wait

_NAME_LETTERS = frozenset("_.-")
_PAIRS = {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}


def python_calls(source: ReplySource) -> Reader:
    """One or more calls, in a list or each on its own, with commas, semicolons or line breaks between them.

    Raises: NotACall when the first is none.
    """
    yield from source.skip()
    listed = bool((yield from source.take("[")))
    while True:
        yield from source.skip()
        yield from _call(source)
        source.mark()
        yield from source.skip(" \t\r\n,;")
        following = yield from source.char()
        if following == "]" and listed:
            source.at += 1
            return
        if not (following.isalpha() or following == "_"):
            return


def _call(source: ReplySource) -> Reader:
    name = yield from source.while_in(_NAME_LETTERS)
    if not name or name[0].isdigit():
        raise NotACall
    yield from source.need("(")
    yield from source.skip()
    key, end = (yield from _key(source)), ","
    if not key and not (yield from source.peek(")")):
        raise NotACall
    source.start(name)
    opening = "{"
    while key:
        written, end = yield from _value(source)
        source.argue(f"{opening}{json.dumps(key, ensure_ascii=False)}: {_json_of(written) if end else written}")
        if not end:
            source.mark()
            return
        opening = ", "
        yield from source.skip()
        key = (yield from _key(source)) if end == "," else ""
    if end == ",":
        yield from source.take(")")
    source.argue("{}" if opening == "{" else "}")


def _key(source: ReplySource) -> Wait[str]:
    """`key=`; empty when something else stands here."""
    place = source.at
    key = yield from source.while_in("_-")
    yield from source.skip()
    if key and (yield from source.take("=")):
        yield from source.skip()
        return key
    source.at = place
    return ""


def _value(source: ReplySource) -> Wait[tuple[str, str]]:
    """The text of a value, and the `,` or `)` after it; that is empty when the reply ends first."""
    start, depth, quote = source.at, 0, ""
    while char := (yield from source.char()):
        if quote:
            if char == "\\":
                source.at += 1
                yield from source.char()
            elif (yield from source.peek(quote)):
                source.at += len(quote) - 1
                quote = ""
        elif char in "\"'":
            quote = (yield from source.peek('"""', "'''")) or char
            source.at += len(quote) - 1
        elif depth == 0 and char in ",)":
            source.at += 1
            return source.text[start : source.at - 1].strip(), char
        else:
            depth += _PAIRS.get(char, 0)
        source.at += 1
    source.at = len(source.text)
    return source.text[start:], ""


def _json_of(written: str) -> str:
    """JSON text of a JSON or Python literal; whatever else it is, as a string."""
    if written == "null" or loads(written) is not None:
        return written
    try:
        with warnings.catch_warnings(action="ignore"):  # Python warns of escapes it does not know
            return json.dumps(ast.literal_eval(written), ensure_ascii=False)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return json.dumps(written, ensure_ascii=False)
