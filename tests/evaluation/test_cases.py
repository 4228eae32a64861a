"""The held-out prompts: enough of each kind, and nothing of them in what the model learns from."""

from __future__ import annotations

import random
import re
from collections import Counter
from datetime import date

import pytest

from mistralrs_agent.evaluation.cases import Case, cases, table, write_pages
from training.ask import FAMILIES
from training.families import MODULES
from training.plain_questions import plain_questions

TODAY = date(2026, 11, 21)
CATEGORIES = (
    "arithmetic", "percentages", "dates", "strings", "lists", "units", "tables", "plots", "web", "small talk",
    "no tool", "together", "own tools",
)  # fmt: skip


@pytest.fixture(scope="module")
def known() -> list[Case]:
    return cases(TODAY)


def test_there_are_at_least_200_prompts_with_some_of_each_category(known: list[Case]):
    counts = Counter(case.category for case in known)
    assert set(counts) == set(CATEGORIES) and sum(counts.values()) >= 200
    assert min(counts.values()) >= 10
    assert len({case.ask for case in known}) == len(known)


def test_answers_that_depend_on_the_day_are_computed():
    then = {case.ask: case.expected for case in cases(date(2025, 1, 2))}
    assert then["How many days from 3 March 2024 to today?"] == (("305",),)
    assert then["What's the current year?"] == (("2025",),)
    assert then["Which date did we have three weeks ago?"] == (("12 December 2024",),)
    assert not any(form.startswith("=") for case in cases(TODAY) for forms in case.expected for form in forms)


def test_every_table_and_tool_is_there(known: list[Case], tmp_path):
    assert all(table(case.file).count("\n") > 3 for case in known if case.file)
    assert all(case.own is None or case.own.name in case.tools for case in known)
    write_pages(tmp_path)
    pages = "\n".join(path.read_text("utf-8") for path in tmp_path.iterdir())
    for case in known:
        if case.category == "web":
            assert all(any(form in pages for form in forms) for forms in case.expected), case.ask


def test_no_prompt_is_worded_like_what_the_model_learns_from(known: list[Case]):
    assert MODULES
    learned = {run for question in plain_questions() for run in runs(question)}
    for family in FAMILIES.values():
        learned |= {run for seed in range(30) for run in runs(family(random.Random(seed)).question)}
    assert not [case.ask for case in known if runs(case.ask) & learned]


def test_no_name_of_the_little_web_is_in_the_training_data(known: list[Case]):
    told = "\n".join(str(family(random.Random(seed))) for family in FAMILIES.values() for seed in range(10))
    names = ("Kestrel Bay", "Brackenfield", "Varnholm", "Quillwright", "Salt Cartographer", "Lower Pennick")
    assert not [name for name in names if name in told]


def runs(text: str, length: int = 6) -> set[str]:
    """Every so many words in a row, a number or a list of them counting as one word; short texts whole."""
    words = re.findall(r"#|[a-z']+", re.sub(r"\d[\d.,:]*(\s*(,|and)?\s*\d[\d.,:]*)*", "#", text.lower()))
    return {" ".join(words[at : at + length]) for at in range(max(1, len(words) - length + 1))}
