"""What a tool-call format is: how to read calls out of a reply, and how to write them in a grammar."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

MAX_PARALLEL_CALLS = 16


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of the answer that belongs to no call."""

    text: str


@dataclass(frozen=True, slots=True)
class Thought:
    """A piece of reasoning, told by formats that read the whole reply."""

    text: str


@dataclass(frozen=True, slots=True)
class CallStart:
    """A call began; what arguments follow are its own until the next one."""

    name: str


@dataclass(frozen=True, slots=True)
class CallArguments:
    """A piece of the current call's arguments: JSON text."""

    fragment: str


Piece = Text | Thought | CallStart | CallArguments
Schemas = Mapping[str, Mapping[str, Any]]
"""Tool name → JSON schema of its arguments."""


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
class CallableTool:
    """A tool as a grammar sees it."""

    name: str
    arguments: str
    """Name of the Lark rule of its arguments as a JSON object."""
    schema: Mapping[str, Any]
    """What they are held to."""


@dataclass(frozen=True, slots=True)
class CallRules:
    """Building blocks a format puts its grammar together from; every string is a Lark expression."""

    tools: Sequence[CallableTool]
    marker: Callable[[str], str]
    """A marker as a special token where the vocabulary has one, else as text."""
    is_token: Callable[[str], bool]
    """Whether the vocabulary has a text as one added token."""
    parallel: bool
    """More than one call may be made."""
    up_to: Callable[[str, str], list[str]]
    """Name, marker → rules that make `name` any text that ends with the first such marker."""

    def more(self, call: str) -> str:
        """What may follow the first call, when each further one is written `call`."""
        return f"({call}){{0,{MAX_PARALLEL_CALLS - 1}}}" if self.parallel else ""

    def each(self, write: Callable[[CallableTool], str]) -> str:
        """One call to any of the tools."""
        return f"({' | '.join(write(tool) for tool in self.tools)})"


class ToolCallFormat(Protocol):
    """One way to write calls."""

    @property
    def name(self) -> str: ...

    @property
    def opener(self) -> str | None:
        """The marker that begins calls; None when a call begins with its name or JSON."""
        ...

    @property
    def markers(self) -> tuple[str, ...]:
        """Texts that may be special tokens and yet must reach the parser."""
        ...

    def parser(self, schemas: Schemas | None = None) -> ToolCallParser:
        """`schemas`: of the tools offered; formats without types take the types of arguments from them."""
        ...

    def grammar(self, rules: CallRules) -> str:
        """Lark expression of one or more calls, to the end of the reply, from after the first opener on. It may bring
        rules of its own on further lines; `TEXT`, any text, `SPACE`, and `WHITE`, up to two blanks, are defined.
        """
        ...


@runtime_checkable
class BareFormat(ToolCallFormat, Protocol):
    """A format without opener."""

    @property
    def bare_start(self) -> str:
        """Regular expression of what a call begins with and other text does not."""
        ...


@runtime_checkable
class WholeReplyFormat(ToolCallFormat, Protocol):
    """A format that tells reasoning, answer and calls apart by itself."""

    def reply(self, rules: CallRules, *, required: bool, answer: str) -> str:
        """As `grammar`, for all of a reply: an answer, which is written `answer`, or calls; `required`: calls only."""
        ...


def lark_regex(text: str) -> str:
    """`text` inside a regular expression of that dialect."""
    return re.sub(r"[\\.+*?()|\[\]{}^$/]", r"\\\g<0>", text)


def lark_string(text: str) -> str:
    """`text` as a literal of llguidance's Lark dialect."""
    return json.dumps(text, ensure_ascii=False)


def styled_schema(schema: Mapping[str, Any]) -> str:
    """JSON text of a schema, with how llguidance is to space what it describes."""
    return json.dumps({**schema, "x-guidance": _JSON_STYLE}, ensure_ascii=False)


def definitions_of(root: Mapping[str, Any]) -> dict[str, Any]:
    """What references inside parts of a schema may point to."""
    return {key: root[key] for key in ("$defs", "definitions") if key in root}


_JSON_STYLE = {
    "whitespace_flexible": False,  # endless white space is where weak models get stuck
    "item_separator": ", ?",
    "key_separator": ": ?",
    "lenient": True,  # keywords that llguidance cannot enforce are left to the tool's own check
}
