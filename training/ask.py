"""One request and how it is met: what generators of conversations are made of."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Literal

from training.phrases import filled, phrased, well_spelled, written
from training.slots import Maker, Value, drawn

Kind = Literal["python", "search", "page", "shell", "own"]


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a tool; which tool that is, under which name, the conversation's tool list says."""

    kind: Kind
    text: str
    """Code, query, address or command."""
    result: str | None = None
    """What comes back; None: it is run."""
    name: str = ""
    """With kind `own`: the tool, and `arguments` for it."""
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Round:
    """Calls made together."""

    calls: tuple[Call, ...]
    learned: bool = True
    """False: a mistake, which is shown and not taught."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A request, the rounds of calls that meet it, and the answer."""

    question: str
    rounds: tuple[Round, ...] = ()
    answer: str = ""
    """`{0}`, `{1}`, … are the lines that the last round's calls printed."""
    files: Mapping[str, str] = field(default_factory=dict[str, str])
    """In the working folder beforehand."""
    looks: int = 0
    """How many of the first rounds only look at a file, which need not be where the message shows it."""
    today: date | None = None
    """What day it is for the code."""
    family: str = ""
    no_output: bool = False
    """The last round prints nothing that the answer quotes."""
    by_base: bool = False
    """The base model answered so, by itself."""
    tool: Mapping[str, Any] | None = None
    """A tool of the caller that must be offered, as a function in OpenAI's shape."""
    without: tuple[Kind, ...] = ()
    """Tools that must not be offered."""

    @property
    def kinds(self) -> set[Kind]:
        return {call.kind for one in self.rounds for call in one.calls}

    def attached(self) -> Ask:
        """The same where the files come with the message."""
        return replace(self, rounds=self.rounds[self.looks :]) if self.files else self


Family = Callable[[random.Random], Ask]
FAMILIES: dict[str, Family] = {}


def family(name: str) -> Callable[[Family], Family]:
    """Adds a generator of requests."""

    def add(make: Family) -> Family:
        assert name not in FAMILIES, name

        def named(rng: random.Random) -> Ask:
            return replace(make(rng), family=name)

        named.__module__ = make.__module__
        FAMILIES[name] = named
        return make

    return add


def simple(name: str, question: str, code: str, answer: str, **slots: Maker) -> None:
    """A family whose code prints one line. `question` and `answer` are grammars of phrasings with `{slots}`."""
    _templated(name, question, code, answer, lambda rng: drawn(rng, slots))


def linked(name: str, question: str, code: str, answer: str, draw: Callable[[random.Random], dict[str, Value]]) -> None:
    """As `simple` where the slots depend on each other, so that `draw` makes them all."""
    _templated(name, question, code, answer, draw)


def _templated(
    name: str, question: str, code: str, answer: str, draw: Callable[[random.Random], dict[str, Value]]
) -> None:
    def make(rng: random.Random) -> Ask:
        values = draw(rng)
        return python_ask(
            rng,
            question,
            filled(phrased(rng, code) if "[[" in code else code, {k: v.code for k, v in values.items()}),
            answer,
            {k: v.said for k, v in values.items()},
        )

    make.__module__ = str(sys._getframe(2).f_globals["__name__"])
    family(name)(make)


def python_ask(rng: random.Random, question: str, code: str, answer: str, said: Mapping[str, str], **more: Any) -> Ask:
    """A request that one piece of code meets."""
    asked = well_spelled(filled(written(rng, phrased(rng, question)), said))
    told = filled(phrased(rng, answer), {k: v.strip() for k, v in said.items()})
    names_file = "." in told.split()[0]
    return Ask(asked, (Round((Call("python", code),)),), told if names_file else told[:1].upper() + told[1:], **more)


def as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
