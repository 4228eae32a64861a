"""How good and how fast searching is, over a web of known pages with questions whose answers are known."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

from engine.benchmark import forget_peak_memory, peak_memory_mib
from mistralrs_agent.errors import UserError
from mistralrs_agent.search.extractor import shared_extractor
from mistralrs_agent.search.web import BUDGET_TOKENS, CHARS_PER_TOKEN, SearchWishes, Source, WebSearch


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
    found: int
    """How often the page of the answer was among those that the search engine named."""
    in_text: Mapping[str, int]
    """By size of the context: how often something of that page was in the text for the model."""
    answered: Mapping[str, int]
    """By size of the context: how often the words of the answer, from that page, were in it."""
    p50_ms: float
    """From the query to the text."""
    p95_ms: float
    memory_mib: float
    """What searching took at its peak, the embedding model and the processes that read pages included."""
    missed: tuple[Question, ...]
    """Those not answered at `medium`."""


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
    forget_peak_memory()
    before = peak_memory_mib()
    await search.prepare()
    seconds: list[float] = []
    found, missed = 0, list[Question]()
    in_text, answered = Counter[str](), Counter[str]()
    for question in questions:
        url = f"{base}/{question.page}"
        started = time.perf_counter()
        findings = await search.find(question.words, SearchWishes())
        within = {size: findings.within(tokens * CHARS_PER_TOKEN) for size, tokens in BUDGET_TOKENS.items()}
        seconds.append(time.perf_counter() - started)
        found += any(hit.url == url for hit in findings.hits)
        for size, answer in within.items():
            sources = [source for source in answer.output if source.url == url]
            in_text[size] += bool(sources)
            answered[size] += any(_holds(source, question.answer) for source in sources)
            if size == "medium" and not any(_holds(source, question.answer) for source in sources):
                missed.append(question)
    return SearchMeasurement(
        questions=len(questions),
        found=found,
        in_text={size: in_text[size] for size in BUDGET_TOKENS},
        answered={size: answered[size] for size in BUDGET_TOKENS},
        p50_ms=1000 * median(seconds),
        p95_ms=1000 * quantiles([*seconds, seconds[-1]], n=20, method="inclusive")[-1],
        memory_mib=peak_memory_mib() - before + sum(map(_peak_mib, shared_extractor().process_ids())),
        missed=tuple(missed),
    )


def _holds(source: Source, words: str) -> bool:
    return "".join(words.split()) in "".join(f"{source.title} {source.content}".split())


def _peak_mib(process: int) -> float:
    """Of another process, where the system tells (Linux); else 0."""
    try:
        status = Path(f"/proc/{process}/status").read_text("ascii")
    except OSError:
        return 0.0
    (peak,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(peak) / 1024
