"""What is asked and what is expected: `prompts.tsv`, `tools.json`, `files/` and `pages.tsv` beside this module."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

PYTHON, SEARCH, PAGE = "mistralrs_execute_python", "mistralrs_search_the_web", "mistralrs_website_content_extractor"
_TOOLS = {"python": (PYTHON,), "search": (SEARCH, PAGE), "search+python": (SEARCH, PAGE, PYTHON), "none": ()}
FIGURE = "=figure"


@dataclass(frozen=True, slots=True)
class OwnTool:
    """A tool of the caller."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    result: str
    """What it gives back."""

    def to_json(self) -> dict[str, Any]:
        function = {"name": self.name, "description": self.description, "parameters": dict(self.parameters)}
        return {"type": "function", "function": function}


@dataclass(frozen=True, slots=True)
class Case:
    """One prompt."""

    category: str
    ask: str
    tools: tuple[str, ...]
    """Those that are right to call; empty: none is."""
    needed: tuple[str, ...]
    """Those that must be called."""
    expected: tuple[tuple[str, ...], ...]
    """Each of these must be in the answer, in one of its forms."""
    figure: bool = False
    file: str = ""
    """Name of the table that comes with it."""
    own: OwnTool | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """With `own`: what it is to be called with."""


def cases(today: date) -> list[Case]:
    """All prompts; the answers to some depend on the day."""
    room = files(__package__ or "")
    own = {
        name: OwnTool(name, tool["description"], tool["parameters"], tool["result"])
        for name, tool in json.loads(room.joinpath("tools.json").read_text("utf-8")).items()
    }
    rows = csv.DictReader(room.joinpath("prompts.tsv").read_text("utf-8").splitlines(), delimiter="\t", quoting=3)
    return [_case(row, own, today) for row in rows]


def _case(row: Mapping[str, str], own: Mapping[str, OwnTool], today: date) -> Case:
    expected, arguments = row["expected"], {}
    tool = own.get(row["tool"])
    if tool is not None:
        called, _, expected = expected.partition(" => ")
        arguments = json.loads(called)
    tools = (tool.name,) if tool else _TOOLS[row["tool"]]
    needed = tuple(name for name in tools if name != PAGE)
    figure = expected == FIGURE
    parts = [] if figure else [part for part in expected.split(" & ") if part]
    forms = tuple(tuple(_computed(part, today).split("|")) for part in parts)
    return Case(row["category"], row["ask"], tools, needed, forms, figure, row["file"], tool, arguments)


def table(name: str) -> str:
    """The text of a table that comes with a prompt."""
    return files(__package__ or "").joinpath("files", name).read_text("utf-8")


def write_pages(folder: Path) -> None:
    """The little web that is searched: one page a line of `pages.tsv`, title and text."""
    lines = files(__package__ or "").joinpath("pages.tsv").read_text("utf-8").splitlines()
    for number, line in enumerate(lines):
        title, _, text = line.partition("\t")
        body = "".join(f"<p>{escape(paragraph)}</p>" for paragraph in text.split(" // "))
        head = f"<head><title>{escape(title)}</title></head>"
        page = f"<html>{head}<body><article><h1>{escape(title)}</h1>{body}</article></body></html>"
        (folder / f"page{number}.html").write_text(page, "utf-8")


def _computed(part: str, today: date) -> str:
    """`=days_since 2024-03-03` and the like as of today; other texts as they are."""
    if not part.startswith("="):
        return part
    name, _, argument = part[1:].partition(" ")
    return _OF_TODAY[name](today, argument)


def _day(when: date) -> str:
    return f"{when.day} {when:%B %Y}"


def _age(today: date, argument: str) -> str:
    born = date.fromisoformat(argument)
    return str(today.year - born.year - ((today.month, today.day) < (born.month, born.day)))


_OF_TODAY: dict[str, Callable[[date, str], str]] = {
    "days_since": lambda today, day: str((today - date.fromisoformat(day)).days),
    "days_until": lambda today, day: str((date.fromisoformat(day) - today).days),
    "age": _age,
    "in_days": lambda today, days: _day(today + timedelta(days=int(days))),
    "weekday_in": lambda today, days: f"{today + timedelta(days=int(days)):%A}",
    "year": lambda today, _: str(today.year),
    "years_since": lambda today, year: str(today.year - int(year)),
}
