"""What counts as right."""

from __future__ import annotations

from datetime import date

import pytest

from mistralrs_agent.evaluation.cases import PYTHON, SEARCH, Case, cases
from mistralrs_agent.evaluation.judge import Turn, Verdict, judge

KNOWN = {case.ask: case for case in cases(date(2026, 11, 21))}
PERCENT = KNOWN["What is 17.5 % of 2,349?"]
WEB = KNOWN["Who wrote The Salt Cartographer?"]
HELLO = KNOWN["Hi there, lovely to meet you!"]
LIGHT = KNOWN["Please dim the lamp beside my bed."]
PLOT = KNOWN["Plot sin(x)/x"]
VACUUM = KNOWN["Let the robot vacuum the hallway."]


def verdict(case: Case, answer: str, *calls: tuple[str, str, str]) -> Verdict:
    made, results = tuple((name, arguments) for name, arguments, _ in calls), tuple(result for *_, result in calls)
    return judge(case, Turn(made, results, answer, len(calls) + 1, 0.1, 1.0, 10, 0.5))


def code(printed: str) -> tuple[str, str, str]:
    return PYTHON, '{"code": "print(…)"}', '{"status": "success", "stdout": "' + printed + '\\n"}'


def test_a_computed_answer_is_right():
    done = verdict(PERCENT, "17.5% of 2,349 is 411.075.", code("411.075"))
    assert done.solved and done.no_needless_call


def test_an_answer_by_heart_is_no_right_decision():
    done = verdict(PERCENT, "It is 411.075.")
    assert done.answer and not done.decision and not done.solved


def test_an_answer_that_does_not_say_what_was_found_is_wrong():
    assert not verdict(PERCENT, "It is 41.", code("411.075")).answer
    assert not verdict(PERCENT, "It is 1411.075.", code("411.075")).answer


def test_wrong_code_is_told_from_a_wrong_answer():
    assert not verdict(PERCENT, "It is 411.075.", code("41107.5")).arguments


@pytest.mark.parametrize("answer", ["16545", "The sum is 16,545.", "16545.0", "**16545**"])
def test_numbers_are_the_same_however_they_are_written(answer: str):
    case = Case("arithmetic", "", (PYTHON,), (PYTHON,), (("16545",),))
    assert verdict(case, answer, code("16545")).solved


@pytest.mark.parametrize(
    ("answer", "right"),
    [("16546.1137", True), ("16546.11", True), ("16546.12", False), ("6546.11", False), ("16546", False)],
)
def test_more_decimals_are_right_where_they_round_to_what_is_expected(answer: str, right: bool):
    case = Case("percentages", "", (PYTHON,), (PYTHON,), (("16546.11",),))
    assert verdict(case, f"It is {answer}.", code(answer)).solved is right


def test_a_minus_sign_counts():
    case = Case("units", "", (PYTHON,), (PYTHON,), (("-40",),))
    assert verdict(case, "It is -40.0 degrees.", code("-40.0")).solved
    assert not verdict(case, "It is 40 degrees.", code("40")).solved


@pytest.mark.parametrize("answer", ["20.4", "120", "2.0", "1.20"])
def test_a_whole_number_is_exact(answer: str):
    case = Case("percentages", "", (PYTHON,), (PYTHON,), (("20",),))
    assert not verdict(case, f"It is {answer}.", code(answer)).solved


@pytest.mark.parametrize("answer", ["05 May 2026", "May 5, 2026", "5 May 2026", "May 5th, 2026"])
def test_dates_are_the_same_however_they_are_written(answer: str):
    case = Case("dates", "", (PYTHON,), (PYTHON,), (("5 May 2026",),))
    assert verdict(case, f"It is {answer}.", code(answer)).solved


def test_lists_are_the_same_with_and_without_brackets():
    case = Case("lists", "", (PYTHON,), (PYTHON,), (("2, 7, 9",),))
    assert verdict(case, "Sorted: 2, 7 and 9.", code("[2, 7, 9]")).solved


def test_search_may_read_pages_and_must_search():
    found = (SEARCH, '{"query": "x"}', '{"output": [{"content": "It was written by Henrike Vollan."}]}')
    assert verdict(WEB, "Henrike Vollan wrote it.", found).solved
    assert not verdict(WEB, "Henrike Vollan wrote it.", code("Henrike Vollan")).decision


def test_small_talk_needs_no_call_and_some_answer():
    assert verdict(HELLO, "Hello!").solved
    assert not verdict(HELLO, "").solved
    called = verdict(HELLO, "Hello!", code("hi"))
    assert not called.decision and not called.no_needless_call


def test_what_no_tool_can_do_must_be_declined():
    assert verdict(LIGHT, "I can't control lights here.").solved
    assert not verdict(LIGHT, "The lamp is dimmed now.").solved


def test_a_plot_needs_a_figure():
    drawn = (PYTHON, "{}", '{"status": "success", "images_generated": 1}')
    assert verdict(PLOT, "Here it is.", drawn).solved
    assert not verdict(PLOT, "Here it is.", code("done")).solved


def test_a_callers_tool_needs_its_arguments():
    assert verdict(VACUUM, "The robot is on its way.", ("vacuum_robot", '{"room": "hallway"}', "ok")).solved
    assert verdict(VACUUM, "The robot is on its way.", ("vacuum_robot", '{"room": "the Hallway"}', "ok")).solved
    assert not verdict(VACUUM, "The robot is on its way.", ("vacuum_robot", '{"room": "attic"}', "ok")).arguments
    assert not verdict(VACUUM, "The robot is on its way.", ("vacuum_robot", '{"room": 3}', "ok")).valid


def test_an_invalid_call_counts_against_validity():
    refused = (PYTHON, "{}", '{"status": "invalid_call", "tool": "x", "error": "code is missing"}')
    assert not verdict(PERCENT, "411.075", refused, code("411.075")).valid


def test_another_tool_called_as_it_must_be_is_a_wrong_decision_and_a_valid_call():
    instead = verdict(VACUUM, "The robot is on its way.", code("ok"))
    assert instead.valid and not instead.decision and not instead.solved
