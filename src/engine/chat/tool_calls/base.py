"""What a tool-call format is: how to read calls out of a reply, and how to write them in a grammar."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

MAX_PARALLEL_CALLS = 16


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of the answer that belongs to no call."""

    text: str


@dataclass(frozen=True, slots=True)
class CallStart:
    """A call began; what arguments follow are its own until the next one."""

    name: str


@dataclass(frozen=True, slots=True)
class CallArguments:
    """A piece of the current call's arguments: JSON text."""

    fragment: str


Piece = Text | CallStart | CallArguments


class ToolCallParser(Protocol):
    """Splits one reply. The pieces, joined, do not depend on how the text was cut.

    Text that turns out to be no call comes back as `Text`, markers included: nothing is lost. Arguments are what
    the model wrote; when it broke off or broke the JSON after its name was given, the call is still delivered.
    """

    def feed(self, text: str) -> list[Piece]: ...

    def finish(self) -> list[Piece]:
        """The reply ended: return what was held back."""
        ...


@dataclass(frozen=True, slots=True)
class CallRules:
    """Building blocks a format puts its grammar together from; every string is a Lark expression."""

    tools: Sequence[tuple[str, str]]
    """Name of each callable tool, and the rule of its arguments object."""
    marker: Callable[[str], str]
    """A marker as a special token where the vocabulary has one, else as text."""
    parallel: bool
    """More than one call may be made."""

    def more(self, call: str) -> str:
        """What may follow the first call, when each further one is written `call`."""
        return f"({call}){{0,{MAX_PARALLEL_CALLS - 1}}}" if self.parallel else ""


class ToolCallFormat(Protocol):
    """One way to write calls."""

    @property
    def name(self) -> str: ...

    @property
    def markers(self) -> tuple[str, ...]:
        """Texts that may be special tokens and yet must reach the parser."""
        ...

    @property
    def opener(self) -> str | None:
        """The marker that begins calls; None when a call begins with its JSON."""
        ...

    def parser(self) -> ToolCallParser: ...

    def grammar(self, rules: CallRules) -> str:
        """Lark expression of one or more calls, to the end of the reply, from after the first opener on. It may bring
        rules of its own on further lines; `TEXT`, any text, is defined.
        """
        ...


def lark_string(text: str) -> str:
    """`text` as a literal of llguidance's Lark dialect."""
    return json.dumps(text, ensure_ascii=False)
