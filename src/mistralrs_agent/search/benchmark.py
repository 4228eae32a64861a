"""How good and how fast searching is, over a web of known pages with questions whose answers are known."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

from engine.benchmark import forget_peak_memory, peak_memory_mib
from mistralrs_agent.errors import UserError
from mistralrs_agent.search.web import WebSearch


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and where the answer stands."""

    page: str
    """Path of the page below the folder."""
    words: str
    answer: str
    """Words of the page that hold the answer; white space does not count."""


@dataclass(frozen=True, slots=True)
class SearchMeasurement:
    """What came of all questions."""

    questions: int
    answered: int
    """How often the words of the answer, from its page, were in the text for the model."""
    p50_ms: float
    """From the query to the text."""
    p90_ms: float
    mean_chars: float
    """Length of the text."""
    peak_memory_mib: float
    missed: tuple[Question, ...]

    @property
    def hit_rate(self) -> float:
        return self.answered / self.questions


def read_questions(file: Path) -> list[Question]:
    """Lines of `page TAB question TAB answer`. Raises: UserError."""
    questions: list[Question] = []
    for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
        fields = line.split("\t")
        if len(fields) != 3 or not all(fields):
            raise UserError(f"{file}, line {number}: {line!r} is not page, question and answer with tabs between")
        questions.append(Question(*fields))
    if not questions:
        raise UserError(f"{file} holds no questions")
    return questions


async def measure_search(search: WebSearch, base: str, questions: Sequence[Question]) -> SearchMeasurement:
    """Ask every question, one after the other. `base` is the address of the pages.

    Raises: ToolFailed.
    """
    await search.prepare()
    forget_peak_memory()
    seconds: list[float] = []
    lengths: list[int] = []
    missed: list[Question] = []
    for question in questions:
        started = time.perf_counter()
        answer = await search.search(question.words)
        seconds.append(time.perf_counter() - started)
        lengths.append(sum(len(source.content) for source in answer.output))
        wanted = "".join(question.answer.split())
        pages = [source for source in answer.output if source.url == f"{base}/{question.page}"]
        if not any(wanted in "".join(f"{source.title} {source.content}".split()) for source in pages):
            missed.append(question)
    return SearchMeasurement(
        questions=len(questions),
        answered=len(questions) - len(missed),
        p50_ms=1000 * median(seconds),
        p90_ms=1000 * quantiles([*seconds, seconds[-1]], n=10, method="inclusive")[-1],
        mean_chars=sum(lengths) / len(lengths),
        peak_memory_mib=peak_memory_mib(),
        missed=tuple(missed),
    )
