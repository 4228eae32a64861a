"""What a person sees. Look at a changed picture before accepting it: `pytest tests/tui --snapshot-update`."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
import textual

from engine import ThinkingDelta
from mistralrs_agent.agent.events import RoundStarted, ToolOutput
from mistralrs_agent.errors import UserError
from tests.tui.conftest import busy, say, until
from tests.tui.scripted_conversation import (
    CALL_READY,
    QUESTION,
    answer,
    call_finished,
    finished,
    words,
)
from tui.app import ChatApp
from tui.widgets.prompt import Prompt
from tui.widgets.tool_card import ToolCard

TAKEN_WITH = "8.2."
pytestmark = pytest.mark.skipif(
    not textual.__version__.startswith(TAKEN_WITH), reason=f"the pictures were taken with Textual {TAKEN_WITH}x"
)

MARKDOWN = """\
## Paris

The capital of France is **Paris**, on the *Seine*. See `louvre` and [the city](https://paris.fr).

- about 2.1 million people
- [not] a [/tag], nor <b>one</b>

```python
def area(radius: float) -> float:
    return 3.1416 * radius**2
```

| City  | People |
|-------|--------|
| Paris | 2.1 M  |
"""
FRANCE = [ThinkingDelta("The person asks about France."), *answer(MARKDOWN)]
OUTPUT = "0 0.0\n1 1.0\n2 1.4142135623730951\n"


@pytest.fixture
def picture(open_chat, snap_compare, monkeypatch, clock):
    """`picture(do, *turns)`: compare the screen after `do(app, pilot)` with the picture that is kept."""
    monkeypatch.delenv("NO_COLOR", raising=False)

    def compare(do, *turns, size=(100, 32)) -> bool:
        app: ChatApp = open_chat(*turns)

        async def run_before(pilot) -> None:
            app.animation_level = "none"
            prompt = app.screen.query_one(Prompt)
            prompt.cursor_blink = False
            await until(pilot, lambda: prompt.has_focus)
            await do(app, pilot)
            await pilot.pause()

        return snap_compare(app, run_before=run_before, terminal_size=size)

    return compare


async def nothing(app, pilot) -> None:
    pass


async def ask_and_wait(app, pilot) -> None:
    await say(pilot, "What is the capital of France?")
    await until(pilot, lambda: not busy(app))


async def run_tool(app, pilot) -> None:
    await say(pilot, "/python Print the square roots of 0, 1 and 2")
    await until(pilot, lambda: not busy(app))


def test_a_new_chat_shows_the_model_and_its_notice(picture):
    assert picture(nothing)


def test_a_new_chat_in_80_columns(picture):
    assert picture(nothing, size=(80, 24))


def test_an_answer_in_markdown(picture):
    assert picture(ask_and_wait, FRANCE, size=(100, 40))


def test_an_answer_in_a_narrow_terminal(picture):
    assert picture(ask_and_wait, FRANCE, size=(50, 30))


def test_a_tool_that_runs(picture, clock):
    async def watch(app, pilot) -> None:
        await say(pilot, "/python Print the square roots of 0, 1 and 2")
        await until(pilot, lambda: str(app.screen.query_one("ToolCard .output").content) == "0 0.0\n1 1.0")

    assert picture(watch, [CALL_READY, ToolOutput("call_1", "stdout", "0 0.0\n1 1.0\n"), asyncio.Event()])


def test_a_tool_that_is_done(picture):
    turn = [CALL_READY, call_finished(OUTPUT), RoundStarted(1), *words("They are **0**, 1 and 1.414."), finished("x")]
    assert picture(run_tool, turn)


def test_a_tool_that_failed(picture):
    trace = 'Traceback (most recent call last):\n  File "<cell>", line 1\nZeroDivisionError: division by zero'
    assert picture(run_tool, [CALL_READY, call_finished(trace, ok=False), *answer("It did not work.")])


def test_a_folded_tool(picture):
    async def fold(app, pilot) -> None:
        await run_tool(app, pilot)
        app.screen.query_one(ToolCard).focus()
        await pilot.press("enter")

    assert picture(fold, [CALL_READY, call_finished(OUTPUT), *answer("Done.")])


async def wait_for_question(app, pilot) -> None:
    await say(pilot, "/python Print the square roots of 0, 1 and 2")
    await until(pilot, lambda: app.screen.query("ApprovalPrompt"))


def test_a_question_before_a_tool_runs(picture):
    assert picture(wait_for_question, [CALL_READY, QUESTION])


def test_a_long_question_in_80_columns(picture):
    code = "\n".join(f"print({number})" for number in range(40))
    question = replace(QUESTION, arguments={"code": code}, card=replace(QUESTION.card, body=code))
    assert picture(wait_for_question, [CALL_READY, question], size=(80, 24))


def test_an_error(picture):
    error = UserError("The prompt has 9000 tokens; this model takes at most 8192. Shorten the conversation.")
    assert picture(ask_and_wait, [error])


def test_commands_while_typing(picture):
    async def type_slash(app, pilot) -> None:
        await pilot.press("slash", "p")
        await until(pilot, lambda: app.screen.query_one("CommandHints").display)

    assert picture(type_slash, size=(80, 24))


def test_what_stands_around_the_tools(picture):
    async def show_sandbox(app, pilot) -> None:
        await say(pilot, "/sandbox")
        await until(pilot, lambda: app.screen.query("Note"))

    assert picture(show_sandbox)


def test_help(picture):
    async def show_help(app, pilot) -> None:
        await say(pilot, "/help")
        await until(pilot, lambda: app.screen.query("Note"))

    assert picture(show_help, size=(80, 24))
