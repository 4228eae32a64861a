"""Finds calls written as JSON objects in a reply: after a marker, one or many, in an array or bare."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from engine.chat.stop import partial_marker
from engine.chat.tool_calls.base import CallArguments, CallRules, CallStart, Piece, Text, lark_string
from engine.chat.tool_calls.json_call import JsonCallReader, Status

_SEPARATORS = " \t\r\n,;"
_LONGEST_NAME = 256


@dataclass(frozen=True, slots=True)
class BlockSyntax:
    """`opener` call… `closer`, with white space, commas, semicolons and array brackets between calls."""

    opener: str
    closer: str | None = None
    bare: bool = True
    """A reply that begins with `{` or `[` may be calls without opener."""
    name_end: str = ""
    """With it, `name<name_end>{arguments}` is a call too."""


class JsonBlockParser:
    """A machine that takes one character at a time, in one of four states: `_text`, `_between` calls of a block,
    `_named` (a name without JSON around it was read) and `_call`.
    """

    def __init__(self, syntax: BlockSyntax) -> None:
        self._syntax = syntax
        self._markers = (syntax.opener, syntax.closer or syntax.opener)
        self._state: Callable[[str], None] = self._text
        self._pieces: list[Piece] = []
        self._any_text = self._any_call = False
        self._held = ""
        """In text: the end of it, white space and what may become the opener."""
        self._bare = False
        """In a block: it has no opener."""
        self._unclaimed = ""
        """In a block: what came since it began or since the last call; text, if no call follows."""
        self._gap = ""
        """In a block: what came since the opener or the last call."""
        self._reader = JsonCallReader()

    def feed(self, text: str) -> list[Piece]:
        for char in text:
            self._state(char)
        if self._state == self._call:
            self._emit_arguments()
        return self._take()

    def finish(self) -> list[Piece]:
        rest = self._held + self._unclaimed
        if self._state == self._call and self._reader.name is None:
            rest += self._reader.raw
        if not self._any_call or not self._may_be_marker(rest.lstrip(_SEPARATORS + "[]").rstrip()):
            self._emit_text(rest)
        self._held = self._unclaimed = ""
        return self._take()

    def _text(self, char: str) -> None:
        self._held += char
        if self._held.endswith(self._syntax.opener):
            self._open_block(self._held, bare=False)
        elif self._syntax.bare and char in "{[" and not self._any_text and not self._held[:-1].strip():
            self._open_block(self._held[:-1], bare=True)
            self._between(char)
        else:
            certain = self._held[: len(self._held) - partial_marker(self._held, (self._syntax.opener,))].rstrip()
            self._emit_text(certain)
            self._held = self._held[len(certain) :]

    def _open_block(self, unclaimed: str, *, bare: bool) -> None:
        self._unclaimed, self._bare = unclaimed, bare
        self._held = self._gap = ""
        self._state = self._between

    def _between(self, char: str) -> None:
        word = self._gap.strip(_SEPARATORS + "[]")
        if char == "{" and not word:
            self._begin_call(JsonCallReader(needs_arguments=self._bare), char)
            return
        self._gap += char
        self._unclaimed += char
        spaced = self._gap.lstrip(_SEPARATORS)
        word = spaced.lstrip("[]" + _SEPARATORS)
        if spaced == self._syntax.opener:
            self._gap, self._bare = "", False
        elif word == self._syntax.closer and not self._bare and self._unclaimed == self._gap:
            self._unclaimed = ""
            self._state = self._text
        elif self._may_be_marker(word) or self._may_be_marker(spaced):
            return
        elif self._syntax.name_end and not self._bare and self._may_be_name(word):
            if word.endswith(self._syntax.name_end):
                self._state = self._named
        else:
            self._give_back()

    def _may_be_marker(self, word: str) -> bool:
        """Whether `word`, empty too, begins a marker."""
        return any(marker.startswith(word) for marker in self._markers)

    def _may_be_name(self, word: str) -> bool:
        return "\n" not in word and len(word) <= _LONGEST_NAME

    def _named(self, char: str) -> None:
        if char == "{":
            word = self._gap.lstrip(_SEPARATORS + "[]")
            name = word.partition("[CALL_ID]")[0].removesuffix(self._syntax.name_end)
            self._begin_call(JsonCallReader(name=name), char)
        else:
            self._gap += char
            self._unclaimed += char
            if not char.isspace():
                self._give_back()

    def _begin_call(self, reader: JsonCallReader, char: str) -> None:
        self._reader = reader
        self._state = self._call
        if reader.name is not None:
            self._start(reader.name)
        self._call(char)

    def _call(self, char: str) -> None:
        was_named = self._reader.name is not None
        status = self._reader.push(char)
        if self._reader.name is None:
            if status is not Status.READING:
                self._unclaimed += self._reader.raw
                self._give_back()
        else:
            if not was_named:
                self._start(self._reader.name)
            if status is not Status.READING:
                self._emit_arguments()
                self._gap = ""
                self._state = self._between
        if status is Status.BROKEN:
            self._state(char)

    def _start(self, name: str) -> None:
        self._pieces.append(CallStart(name))
        self._any_call = True
        self._unclaimed = ""

    def _give_back(self) -> None:
        """What came since the block began or since the last call is no call: show it and go on reading text."""
        text, self._unclaimed = self._unclaimed, ""
        self._emit_text(text)
        self._state = self._text

    def _emit_arguments(self) -> None:
        if fragment := self._reader.take_arguments():
            self._pieces.append(CallArguments(fragment))

    def _emit_text(self, text: str) -> None:
        if not text:
            return
        self._any_text = True
        last = self._pieces[-1] if self._pieces else None
        if isinstance(last, Text):
            self._pieces[-1] = Text(last.text + text)
        else:
            self._pieces.append(Text(text))

    def _take(self) -> list[Piece]:
        pieces, self._pieces = self._pieces, []
        return pieces


def json_calls(rules: CallRules, arguments_key: str = "arguments") -> str:
    """Lark expression of one call to any of the tools, as the JSON object this parser reads."""
    heads = (f'{{"name": {json.dumps(name, ensure_ascii=False)}, "{arguments_key}": ' for name, _ in rules.tools)
    return " | ".join(f'{lark_string(head)} {rule} "}}"' for head, (_, rule) in zip(heads, rules.tools, strict=True))
