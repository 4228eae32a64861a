"""A reply's text as it comes, for readers written as if all of it were there.

A reader is a generator that yields whenever it cannot decide without more text. What it does depends only on the text,
never on how that was cut.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from typing import TypeVar

from engine.chat.stop import partial_marker
from engine.chat.tool_calls.base import CallArguments, CallStart, Piece, Text, Thought

T = TypeVar("T")
Wait = Generator[None, None, T]
"""A step of a reader that gives a T once enough text has come."""
Reader = Wait[None]
WHITE = " \t\r\n"


class NotACall(Exception):
    """What stands here cannot be a call: the driver gives it back as text."""


class ReplySource:
    """Text read so far, the place in it, and the pieces told."""

    def __init__(self) -> None:
        self.text = ""
        self.at = 0
        self.ended = False
        self.calls = 0
        """How many began."""
        self.pieces: list[Piece] = []

    # --- looking and taking ---

    def char(self) -> Wait[str]:
        """The next character, not taken; empty at the end of the reply."""
        while self.at == len(self.text) and not self.ended:
            yield
        return self.text[self.at : self.at + 1]

    def peek(self, *literals: str) -> Wait[str]:
        """The longest of the literals that comes next, not taken; empty when none does."""
        while not self.ended:
            rest = len(self.text) - self.at
            if not any(rest < len(text) and text.startswith(self.text[self.at :]) for text in literals):
                break
            yield
        return max((text for text in literals if self.text.startswith(text, self.at)), key=len, default="")

    def take(self, *literals: str) -> Wait[str]:
        found = yield from self.peek(*literals)
        self.at += len(found)
        return found

    def need(self, *literals: str) -> Wait[str]:
        """As `take`. Raises: NotACall when none comes."""
        found = yield from self.take(*literals)
        if not found:
            raise NotACall
        return found

    def skip(self, blanks: str = WHITE) -> Reader:
        """Go past any of the characters `blanks`."""
        while (yield from self.char()) in tuple(blanks):
            self.at += 1

    def while_in(self, letters: str | frozenset[str], *, limit: int = 256) -> Wait[str]:
        """Take characters as long as they are letters or digits or among `letters`.

        Raises: NotACall past the limit.
        """
        start = self.at
        while (char := (yield from self.char())) and (char.isalnum() or char in letters):
            self.at += 1
            if self.at - start > limit:
                raise NotACall
        return self.text[start : self.at]

    def until(self, *markers: str, limit: int | None = 256) -> Wait[str]:
        """Take the text before the first of the markers, which is not taken.

        Raises: NotACall when it does not come, or not within `limit` characters of one line.
        """
        start = self.at
        while not (yield from self.peek(*markers)):
            char = yield from self.char()
            if not char or (limit is not None and (char == "\n" or self.at - start > limit)):
                raise NotACall
            self.at += 1
        return self.text[start : self.at]

    def string(self) -> Wait[str]:
        """Take a JSON string. Raises: NotACall."""
        start = self.at
        yield from self.need('"')
        while (char := (yield from self.char())) != '"':
            if not char:
                raise NotACall
            self.at += 1
            if char == "\\":
                self.at += len((yield from self.char()))
        self.at += 1
        try:
            return json.loads(self.text[start : self.at], strict=False)
        except ValueError:
            raise NotACall from None

    # --- telling ---

    def start(self, name: str) -> None:
        """A call begins; there is no way back before this place."""
        self.pieces.append(CallStart(name))
        self.calls += 1
        self.mark()

    def argue(self, fragment: str) -> None:
        """More of the current call's arguments."""
        self._tell(CallArguments, fragment)

    def say(self, text: str) -> None:
        self._tell(Text, text)

    def think(self, text: str) -> None:
        self._tell(Thought, text)

    def _tell(self, kind: type[CallArguments] | type[Text] | type[Thought], text: str) -> None:
        if not text:
            return
        last = self.pieces[-1] if self.pieces else None
        match last:
            case CallArguments(before) | Text(before) | Thought(before) if type(last) is kind:
                self.pieces[-1] = kind(before + text)
            case _:
                self.pieces.append(kind(text))

    # --- moving on ---

    def mark(self) -> None:
        """All before this place is told; `rewind` comes back here."""
        self.text, self.at = self.text[self.at :], 0

    def rewind(self) -> None:
        self.at = 0

    def put_back(self, text: str) -> None:
        """Read `text` next, which was taken and told to nobody."""
        self.text, self.at = text + self.text[self.at :], 0

    def text_before(self, *markers: str, tell: Callable[[str], None] | None = None, trim: bool = True) -> Wait[str]:
        """Tell the text up to the first of the markers, as an answer or by `tell`; returns that marker, not taken, or
        nothing at the end of the reply.

        With `trim`, white space before the marker is neither told nor taken, nor is that at the end.
        """
        tell = tell or self.say
        while True:
            self.mark()
            found = min(((at, m) for m in markers if (at := self.text.find(m)) >= 0), default=(-1, ""))
            held = 0 if self.ended else partial_marker(self.text, markers)
            certain = self.text[: found[0] if found[1] else len(self.text) - held]
            certain = certain.rstrip() if trim else certain
            tell(certain)
            self.at = len(certain)
            if found[1] or self.ended:
                self.mark()
                return found[1]
            yield
