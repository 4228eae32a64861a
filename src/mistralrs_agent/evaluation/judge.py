"""Was it done right? What a turn did, against what its prompt expects."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from jsonschema import Draft202012Validator

from mistralrs_agent.evaluation.cases import PYTHON, SEARCH, Case

_NUMBER = re.compile(r"(?<![\d.])-?\d*\.?\d+")
_DATE = re.compile(r"\b0(\d) (?=[A-Z][a-z]+ \d{4})")


@dataclass(frozen=True, slots=True)
class Turn:
    """What happened after a prompt."""

    calls: tuple[tuple[str, str], ...]
    """Name and arguments."""
    results: tuple[str, ...]
    """What came back, call by call."""
    answer: str
    rounds: int
    first_token_s: float
    seconds: float
    completion_tokens: int
    decode_s: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was right about a turn."""

    decision: bool
    """A tool was called, or not, as it should be, and it was the right one."""
    valid: bool
    """Every call had a known name and arguments that fit."""
    arguments: bool
    """The calls brought what the answer needs."""
    answer: bool
    """The final answer holds what is expected."""
    no_needless_call: bool
    """Nothing was called that need not be."""

    @property
    def solved(self) -> bool:
        return all(getattr(self, one.name) for one in fields(self) if one.name != "no_needless_call")


def judge(case: Case, turn: Turn) -> Verdict:
    """How a turn went."""
    names = [name for name, _ in turn.calls]
    decision = set(case.needed) <= set(names) and set(names) <= set(case.tools)
    valid = not any('"status": "invalid_call"' in result for result in turn.results)
    if (own := case.own) is not None:  # the agent checks only calls of its own tools
        valid = valid and all(_fits(own.parameters, arguments) for name, arguments in turn.calls if name == own.name)
    return Verdict(
        decision=decision,
        valid=valid,
        arguments=_arguments_right(case, turn),
        answer=_says(turn.answer, case.expected) and bool(turn.answer.strip()),
        no_needless_call=len(turn.calls) <= (max(3, len(case.needed) + 1) if case.tools else 0),
    )


def _arguments_right(case: Case, turn: Turn) -> bool:
    if not case.tools:
        return not turn.calls
    if case.own is not None:
        return any(_same(_parsed(arguments), case.arguments) for _, arguments in turn.calls)
    results = [result for (name, _), result in zip(turn.calls, turn.results, strict=False) if name in case.tools]
    if case.figure:
        return any('"images_generated"' in result for result in results)
    if case.tools == (PYTHON,):
        return _says(_printed(results), _countable(case.expected))
    return (SEARCH not in case.needed or any(name == SEARCH for name, _ in turn.calls)) and _says(
        "\n".join(results), case.expected
    )


def _countable(expected: Sequence[Sequence[str]]) -> list[Sequence[str]]:
    """Answers in words (`palindrome|yes`) may print as True; only numbers and names must be printed."""
    return [forms for forms in expected if not {"yes", "no", "not"} & set(forms)]


def _printed(results: Sequence[str]) -> str:
    """What code printed, `[3, 1]` as `3, 1` so that lists compare however they are written."""
    texts = [str(_parsed(result).get("stdout", "")) + str(_parsed(result).get("result", "")) for result in results]
    return "\n".join(texts)


def _says(text: str, expected: Sequence[Sequence[str]]) -> bool:
    plain = _plain(text)
    return all(any(_found(_plain(form), plain) for form in forms) for forms in expected)


def _plain(text: str) -> str:
    """Without what differs between ways to write the same: separators, quotes, brackets, case of dates."""
    text = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text)
    text = _DATE.sub(r"\1 ", text)
    text = re.sub(r"(\d)(st|nd|rd|th)\b", r"\1", text)
    text = re.sub(r"\b([A-Z][a-z]+) (\d{1,2}),? (\d{4})", r"\2 \1 \3", text)
    text = re.sub(r"(\.\d*?)0+(?=\D|$)", r"\1", text)
    text = re.sub(r"\.(?=\D|$)", "", text)
    return re.sub(r"[\[\]'\"“”]", "", text).replace(" and ", ", ").replace(",,", ",")


def _found(form: str, text: str) -> bool:
    """Words are found whole, what has other signs anywhere, a number also where it is given with more decimals."""
    if not form:
        return True
    if re.fullmatch(r"-?\d*\.?\d+", form):
        places = len(form.partition(".")[2])
        numbers = _NUMBER.findall(text) if form.startswith("-") else _NUMBER.findall(text.replace("-", " "))
        return any(_same_number(float(form), number, places) for number in numbers)
    return form.lower() in text.lower() if form.islower() else form in text


def _same_number(expected: float, found: str, places: int) -> bool:
    """Whole numbers are exact; others may be told with more decimals, which round to the expected ones."""
    return abs(float(found) - expected) <= (0.5 * 10**-places if places else 0) * (1 + 1e-9)


def _fits(schema: Mapping[str, Any], arguments: str) -> bool:
    try:
        parsed = json.loads(arguments)
    except ValueError:
        return False
    return not any(Draft202012Validator(schema).iter_errors(parsed))


def _parsed(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _same(called: Mapping[str, Any], expected: Mapping[str, Any]) -> bool:
    return {k: _bare(v) for k, v in called.items()} == {k: _bare(v) for k, v in expected.items()}


def _bare(value: Any) -> Any:
    return value.strip(" .'\"").lower().removeprefix("the ") if isinstance(value, str) else value
