"""Text of models and tools made fit for a terminal: no control characters, bounded length, readable numbers."""

from __future__ import annotations

import re

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_DECEIVING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
"""Control characters, and the invisible ones that reorder or hide what stands around them."""


def printable(text: str) -> str:
    """Without escape sequences and control characters. A line that was overwritten (`\\r`) shows its last state."""
    lines = _ESCAPES.sub("", text).replace("\r\n", "\n").split("\n")
    return _CONTROLS.sub("", "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in lines))


def revealed(text: str) -> str:
    """With control and invisible characters written out, for what a person decides on."""
    return _DECEIVING.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def first_lines(text: str, max_lines: int, max_chars: int = 40_000) -> str:
    """The beginning; says how much was left out."""
    lines = text[:max_chars].split("\n")
    kept = "\n".join(lines[:max_lines])
    return kept + _left_out(text[len(kept) :], "more", "\n")


def last_lines(text: str, max_lines: int, max_chars: int = 40_000) -> str:
    """The end; says how much was left out."""
    lines = text[-max_chars:].split("\n")
    kept = "\n".join(lines[-max_lines:])
    return _left_out(text[: len(text) - len(kept)], "earlier", "") + kept


def _left_out(text: str, which: str, before: str) -> str:
    if not text.strip():
        return ""
    lines = text.strip("\n").count("\n") + 1
    count = f"{lines:,} {which} lines" if lines > 1 else f"{len(text):,} {which} characters"
    return f"{before}… {count}" + ("" if before else "\n")


def sentence(text: str) -> str:
    """A message of an error, which begins small, as a sentence of its own."""
    return text[:1].upper() + text[1:]


def duration(seconds: float) -> str:
    """Such as `12 ms`, `3.4 s`, `2 min 5 s`."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{seconds // 60:.0f} min {seconds % 60:.0f} s"


def count(number: int) -> str:
    """Such as `812`, `1.2k`, `131k`."""
    if number < 1000:
        return str(number)
    return f"{number / 1000:.1f}k" if number < 10_000 else f"{number / 1000:.0f}k"
