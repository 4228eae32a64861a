"""Reads one call written as a JSON object, character by character."""

from __future__ import annotations

import json
import re
import string
from collections.abc import Mapping
from enum import Enum, auto
from typing import Any, cast

_STRING = r'"(?:[^"\\]|\\.)*"'
_HEAD = re.compile(
    rf'\{{\s*(?:"(?:type|id)"\s*:\s*{_STRING}\s*,\s*)*"(?:name|function)"\s*:\s*({_STRING})\s*,'
    r'\s*"(?:arguments|parameters)"\s*:\s*'
)
_FIRST_KEY = re.compile(r'\{\s*"(?:type|id|name|function|arguments|parameters)"\s*')
_OUTSIDE_STRINGS = frozenset(' \t\r\n{}[],:"+-.' + string.digits + string.ascii_letters)


class Status(Enum):
    READING = auto()
    DONE = auto()
    """The call is complete."""
    REJECTED = auto()
    """The object is complete and is no call."""
    BROKEN = auto()
    """The last character cannot belong to the object; it was not taken."""


class JsonCallReader:
    """`{"name": "f", "arguments": {…}}`: the name as soon as the arguments begin, then their text as it comes.

    Keys in another order, OpenAI's nested `function` and arguments given as a JSON string are understood when the
    object is whole.
    """

    def __init__(self, *, needs_arguments: bool = False, name: str | None = None) -> None:
        """`needs_arguments`: an object without them is no call. `name`: known already, only the arguments come."""
        self._needs_arguments = needs_arguments
        self.raw = ""
        """What was taken before the name was known: text, if this is no call."""
        self.name = name
        self._outer_depth = self._depth = 0 if name is None else 1
        self._in_arguments = name is not None
        self._in_string = self._escaped = False
        self._fresh = ""

    def push(self, char: str) -> Status:
        """Take one character."""
        if not self._in_string and (char not in _OUTSIDE_STRINGS or self._is_wrong_key(char)):
            return Status.BROKEN
        if char == "{" and not self._in_string and self.name is None and self._depth == 1:
            self._begin_arguments()
        if self._in_arguments:
            self._fresh += char
        elif self.name is None:
            self.raw += char
        self._track(char)
        if self._depth > self._outer_depth:
            return Status.READING
        return Status.DONE if self.name is not None or self._read_whole() else Status.REJECTED

    def take_arguments(self) -> str:
        """The arguments' text since the last time this was asked."""
        fresh, self._fresh = self._fresh, ""
        return fresh

    def _track(self, char: str) -> None:
        if self._in_string:
            self._in_string = self._escaped or char != '"'
            self._escaped = char == "\\" and not self._escaped
        elif char == '"':
            self._in_string = True
        elif char in "{[":
            self._depth += 1
        elif char in "}]":
            self._depth -= 1
            if self._depth == 1:
                self._in_arguments = False

    def _is_wrong_key(self, char: str) -> bool:
        """Whether this colon ends a first key that no call has: then the object is plain text, and soon shown."""
        undecided = char == ":" and self.name is None and self._depth == 1 and ":" not in self.raw
        return undecided and not _FIRST_KEY.fullmatch(self.raw)

    def _begin_arguments(self) -> None:
        head = _HEAD.fullmatch(self.raw)
        name = _loads(head[1]) if head else None
        if isinstance(name, str) and name:
            self.name, self._in_arguments = name, True

    def _read_whole(self) -> bool:
        """The object is complete: find name and arguments in it; False when it is no call."""
        call = _loads(self.raw)
        if isinstance(call, dict) and isinstance(call.get("function"), dict):
            call = call["function"]
        if not isinstance(call, dict):
            return False
        fields = cast("Mapping[str, Any]", call)
        name = fields.get("name", fields.get("function"))
        given = [fields[key] for key in ("arguments", "parameters") if key in fields]
        if not isinstance(name, str) or not name or (self._needs_arguments and not given):
            return False
        self.name, self._fresh = name, _arguments_text(given[0] if given else None)
        return True


def _arguments_text(value: Any) -> str:
    if value is None:
        return "{}"
    if isinstance(value, str) and isinstance(_loads(value), dict):
        return value
    return json.dumps(value, ensure_ascii=False)


def _loads(text: str) -> Any:
    """The JSON value, or None when it is not JSON."""
    try:
        return json.loads(text)
    except ValueError:
        return None
