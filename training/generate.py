"""Makes the conversations the adapter learns from: `python -m training.generate FILE --count 4000 --answers ANSWERS`.

Everything follows from the seed; code is run for its results.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
from collections import Counter
from collections.abc import AsyncGenerator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from training.ask import FAMILIES, Ask
from training.families import MODULES
from training.play import Conversation, Player, Unplayable
from training.render import as_text, example
from training.toolsets import Toolset, agent, toolset

assert MODULES
LONGEST = 900
"""Tokens of a conversation after its tools."""
GROUP = 8
"""Conversations that are made, and played, together: those with the same callers' tools."""
PLAIN = "plain"
NEW = "own new "
"""Families whose tools are made up, each another."""
PLOTS = ("plot", "histogram", "pie", "scatter", "random walk", "circle")
SHARES = {
    "arithmetic": 20, "stories": 14, "strings": 20, "dates": 11, "units": 14, "tables": 24, "plots": 6, "web": 24, "special": 14, "shell": 3,
    "own": 25, "without": 5, "cannot": 5, PLAIN: 70,
}  # fmt: skip
"""How common kinds of requests are where the tools for them are there."""

COMMON = frozenset((
    "product", "sum two", "difference", "quotient", "decimals", "sum decimals", "expression", "power", "square root", "percent of", "increase", "decrease",
    "discount", "tax", "net of tax", "tip", "tip split", "percent change", "what percent", "percent whole", "score", "average", "median",
    "is prime", "gcd", "remainder", "binary", "factorial", "compound", "days since", "days until", "days between", "weekday of", "add days", "minus days",
    "age", "in days", "days ago", "weekday in days", "today", "this year", "add minutes", "time between", "leap year", "days in month", "letters in word",
    "count letter", "reverse word", "reverse sentence", "upper", "lower", "title", "count words", "count vowels", "vowels in word", "palindrome",
    "replace letter", "sort letters", "longest word", "first letters", "last letters", "remove vowels", "repeat", "anagram", "unique letters", "sort up",
    "sort down", "sort words", "sort by length", "list sum", "list product", "list max", "list min", "count above", "even numbers", "odd numbers",
    "dedupe", "count items", "count value", "reverse list", "squares of", "top three", "longest of", "convert length", "convert mass", "convert volume",
    "convert temperature", "convert speed", "convert area", "convert time", "plot function", "two in one code", "copy print", "copy digits", "compute and search", "swap letter", "remove letter",
    "first n letters", "last letter", "every second letter", "nth word", "last word", "repeat without space", "repeat with separator", "join with",
    "count word", "distinct letters of text", "words by length up", "words by length down", "starts with", "ends with", "snake case", "camel case",
    "rot13", "base64", "from base64", "word in base64", "to hex", "md5", "list sort by length down", "list nth item", "list is in list",
    "list without item", "list shortest of", "count below", "filter above", "second largest", "sort words back", "count letter sentence",
    "reverse words", "count characters", "no spaces", "remove spaces", "nth letter", "common letter", "join",
))  # fmt: skip
"""Families of what people ask every day: four times as common as others of their kind."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the base model says to a plain question."""

    question: str
    answer: str


class Maker:
    """Draws conversations one after the other, all from one seed."""

    def __init__(self, seed: int, answers: list[Answer]) -> None:
        self._rng = random.Random(seed)
        self._answers = answers
        self._families: dict[str, list[str]] = {}
        for name in FAMILIES:
            self._families.setdefault(_kind(name), []).append(name)

    def asks(self, tools: Toolset) -> tuple[Toolset, list[Ask]]:
        """The turns of one conversation, and its tools with what they need."""
        rng, made = self._rng, []
        for _ in range(rng.choices((1, 2, 3), (6, 3, 1))[0]):
            ask = self._ask(tools)
            tools = tools.with_tool(ask)
            made.append(ask)
        return tools, made

    def groups(self, count: int) -> list[tuple[Toolset, int]]:
        """Tool lists and how many conversations have each, mixed: the first part of a file is like the whole."""
        usual = ((agent(), 0.5), (agent(attached=True), 0.08), (Toolset((), {}), 0.03))
        made = [(tools, GROUP) for tools, share in usual for _ in range(int(count * share) // GROUP)]
        while sum(size for _, size in made) < count:
            made.append((toolset(self._rng), GROUP))
        self._rng.shuffle(made)
        return made

    def _ask(self, tools: Toolset) -> Ask:
        while True:
            kinds = [k for k in SHARES if k != "own" or tools.own or not tools.names]
            if not tools.specs:
                kinds = [PLAIN]
            more = ({"tables": 100} if tools.attached else {}) | ({"own": 90} if tools.own else {})
            kind = self._rng.choices(kinds, [more.get(k, SHARES[k]) for k in kinds])[0]
            if kind == PLAIN and self._answers:
                chosen = self._rng.choice(self._answers)
                return Ask(chosen.question, (), chosen.answer, family=PLAIN, no_output=True, by_base=True)
            names = self._families.get(kind, [])
            if kind == "own":
                known = tools.own and self._rng.random() < 0.3
                names = [n for n in names if (_owns(tools, n) if known else n.startswith(NEW))]
            if not names:
                continue
            name = self._rng.choices(names, [4 if name in COMMON else 1 for name in names])[0]
            ask = FAMILIES[name](self._rng)
            if ask.tool is not None:
                ask = _for_tool(ask, tools, self._rng)
            if kind == "without" and _owns(tools, "own" + ask.family.removeprefix("without")):
                continue
            if tools.fits(ask):
                return ask.attached() if tools.attached else ask


def _kind(family: str) -> str:
    first = family.split(maxsplit=1)[0]
    if family.startswith(PLOTS) and FAMILIES[family].__module__.endswith("tables"):
        return "plots"
    if first in ("own", "without", "cannot", "shell"):
        return first
    return FAMILIES[family].__module__.rpartition(".")[2].partition("_")[0]


def _names(family: str) -> set[str]:
    from training.families.foreign import TOOLS  # noqa: PLC0415

    tool = TOOLS.get(family.split()[1])
    return set(tool.names.split("|")) if tool else set()


def _owns(tools: Toolset, family: str) -> bool:
    return bool(tools.own & _names(family))


def _for_tool(ask: Ask, tools: Toolset, rng: random.Random) -> Ask:
    """The request for the caller's tool under the name it has here."""
    here = tools.own & _names(ask.family)
    if not here or ask.tool is None:
        return ask
    name = sorted(here)[0]
    call = replace(ask.rounds[0].calls[0], name=name)
    return replace(
        ask, tool={**ask.tool, "name": name}, rounds=(replace(ask.rounds[0], calls=(call,)), *ask.rounds[1:])
    )


async def conversations(count: int, seed: int, answers: list[Answer]) -> AsyncGenerator[Conversation, None]:
    """About `count` conversations; the few whose code fails are left out."""
    maker, player = Maker(seed, answers), Player()
    number = 0
    for tools, size in maker.groups(count):
        shared, batch = tools, []
        for _ in range(size):
            shared_now, asks = maker.asks(shared)
            if tools.own or not tools.names:
                shared = shared_now
            batch.append(asks)
        plays = (
            player.play(n, shared, asks, random.Random(seed * 1_000_003 + n)) for n, asks in enumerate(batch, number)
        )
        for played in await asyncio.gather(*plays, return_exceptions=True):
            if isinstance(played, Unplayable):
                print(f"left out: {played}", file=sys.stderr)
            elif isinstance(played, BaseException):
                raise played
            else:
                yield played
        number += size


async def write(file: Path, count: int, seed: int, answers: list[Answer], show: int) -> None:
    """One example a line, in tokens."""
    families: Counter[str] = Counter()
    tokens = learned = 0
    with file.open("w", encoding="utf-8") as out:
        async for conversation in conversations(count, seed, answers):
            made = example(conversation)
            if len(made.ids) > LONGEST:
                continue
            out.write(json.dumps(asdict(made)) + "\n")
            families[conversation.family] += 1
            tokens += len(made.ids)
            learned += sum(b - a for a, b in made.spans)
            if families.total() <= show:
                print(as_text(made.prefix + made.ids), "\n" + "=" * 100)
            if families.total() % 500 == 0:
                print(f"{families.total()} conversations", file=sys.stderr, flush=True)
    print(f"{families.total()} conversations of {len(families)} families, {tokens} tokens, {learned} of them learned")


def read_answers(file: Path | None) -> list[Answer]:
    """What `training.base_answers` wrote."""
    if file is None:
        return []
    return [Answer(**fields) for fields in map(json.loads, file.read_text("utf-8").splitlines())]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--count", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--answers", type=Path, help="what training.base_answers wrote; small talk is left out without")
    parser.add_argument("--show", type=int, default=0, help="print the first this many")
    chosen = parser.parse_args()
    asyncio.run(write(chosen.file, chosen.count, chosen.seed, read_answers(chosen.answers), chosen.show))


if __name__ == "__main__":
    main()
