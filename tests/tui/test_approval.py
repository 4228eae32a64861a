from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from mistralrs_agent.agent.events import ApprovalResolved, Decision
from mistralrs_agent.errors import UserError
from tests.tui.conftest import busy, say, seen, until
from tests.tui.scripted_conversation import (
    CALL_READY,
    CODE,
    QUESTION,
    ScriptedConversation,
    answer,
    call_finished,
    finished,
)
from tui.widgets.approval import DEAF_S, ApprovalPrompt
from tui.widgets.prompt import Prompt
from tui.widgets.tool_card import CardState, ToolCard


@pytest.mark.parametrize(("key", "approve", "remember"), [("y", True, False), ("n", False, False), ("a", True, True)])
async def test_one_key_decides(open_chat, clock, key, approve, remember):
    app = open_chat([CALL_READY, QUESTION, call_finished("1", ok=approve), *answer("Done")])
    async with app.run_test() as pilot:
        await say(pilot, "Run it")
        await until(pilot, lambda: app.screen.query(ApprovalPrompt))
        assert app.screen.query_one(ToolCard).state is CardState.WAITING
        clock.now += DEAF_S
        await pilot.press(key)
        await until(pilot, lambda: not busy(app))
        ((approval_id, decision),) = app.conversation.decisions
        assert approval_id == "appr_1"
        assert (decision.approve, decision.remember) == (approve, remember)
        assert not app.screen.query(ApprovalPrompt)
        assert app.screen.query_one(Prompt).has_focus


async def test_keys_of_someone_who_was_typing_do_not_decide(open_chat, clock):
    app = open_chat([CALL_READY, QUESTION, finished("x")])
    async with app.run_test() as pilot:
        await say(pilot, "Run it")
        await until(pilot, lambda: app.screen.query(ApprovalPrompt))
        clock.now += DEAF_S - 0.01
        await pilot.press("y", "a", "n", "enter", "space")
        assert app.conversation.decisions == []
        clock.now += 0.01
        await pilot.press("enter", "space", "x")
        assert app.conversation.decisions == []
        await pilot.press("y")
        await until(pilot, lambda: app.conversation.decisions)


async def test_escape_at_a_question_stops_the_turn_without_an_approval(open_chat):
    app = open_chat([CALL_READY, QUESTION, finished("x")])
    async with app.run_test() as pilot:
        await say(pilot, "Run it")
        await until(pilot, lambda: app.screen.query(ApprovalPrompt))
        await pilot.press("escape")
        await until(pilot, lambda: not busy(app))
        assert app.conversation.closed_early == 1
        assert app.conversation.decisions == []
        assert not app.screen.query(ApprovalPrompt)
        assert app.screen.query_one(Prompt).has_focus


async def test_a_question_answered_elsewhere_goes_away(open_chat):
    resolved = ApprovalResolved("appr_1", "call_1", Decision(approve=False, message="timed out"))

    class TimesOut(ScriptedConversation):
        async def send(self, text, *, force_tool=None, files=()):
            yield CALL_READY
            yield QUESTION
            await held.wait()
            yield resolved
            yield finished("x")

    held = asyncio.Event()
    app = open_chat(TimesOut())
    async with app.run_test() as pilot:
        await say(pilot, "Run it")
        await until(pilot, lambda: app.screen.query(ApprovalPrompt))
        held.set()
        await until(pilot, lambda: not busy(app))
        assert not app.screen.query(ApprovalPrompt)


async def test_a_decision_that_cannot_be_told_becomes_an_error_line(open_chat, clock):
    class Gone(ScriptedConversation):
        async def decide(self, approval_id, decision):
            raise UserError("Cannot reach the server.")

    app = open_chat(Gone([[CALL_READY, QUESTION]]))
    async with app.run_test() as pilot:
        await say(pilot, "Run it")
        await until(pilot, lambda: app.screen.query(ApprovalPrompt))
        clock.now += DEAF_S
        await pilot.press("y")
        await until(pilot, lambda: seen(app, "ErrorNote"))
        assert seen(app, "ErrorNote") == ["Cannot reach the server."]


async def test_a_question_shows_every_argument_and_writes_deceiving_characters_out(open_chat):
    tricky = CODE + "\nprint('\u202eevil\x1b[2K')"
    arguments = {"code": tricky, "timeout": 5, "note": "[b]x[/]"}
    request = replace(QUESTION, arguments=arguments, card=replace(QUESTION.card, body=tricky))
    app = open_chat([CALL_READY, request])
    async with app.run_test() as pilot:
        await say(pilot, "Run it")
        await until(pilot, lambda: app.screen.query(ApprovalPrompt))
        (code,) = seen(app, "ApprovalPrompt Code")
        assert code == CODE + "\nprint('\\u202eevil\\x1b[2K')"
        lines = seen(app, "ApprovalPrompt VerticalScroll Plain")
        assert lines == ["timeout: 5", "note: [b]x[/]"]


async def test_a_long_question_scrolls_and_keeps_its_keys_in_sight(open_chat):
    code = "\n".join(f"x = {i}" for i in range(200))
    request = replace(QUESTION, arguments={"code": code}, card=replace(QUESTION.card, body=code))
    app = open_chat([CALL_READY, request])
    async with app.run_test(size=(80, 24)) as pilot:
        await say(pilot, "Run it")
        await until(pilot, lambda: app.screen.query(ApprovalPrompt))
        keys = app.screen.query_one("ApprovalPrompt .keys")
        assert keys.region.height == 1 and app.screen.region.contains_region(keys.region)
        view = app.screen.query_one("ApprovalPrompt VerticalScroll")
        await pilot.press("down", "down")
        await until(pilot, lambda: view.scroll_y == 2)


async def test_two_questions_are_asked_one_after_the_other(open_chat, clock):
    class AsksTwice(ScriptedConversation):
        async def send(self, text, *, force_tool=None, files=()):
            yield CALL_READY
            yield QUESTION
            yield replace(QUESTION, approval_id="appr_2")
            while len(self.decisions) < 2:
                self._answered.clear()
                await self._answered.wait()
            yield finished("x")

    app = open_chat(AsksTwice())
    async with app.run_test() as pilot:
        await say(pilot, "Run it")
        await until(pilot, lambda: len(app.screen.query(ApprovalPrompt)) == 2)
        assert [prompt.display for prompt in app.screen.query(ApprovalPrompt)] == [True, False]
        clock.now += DEAF_S
        await pilot.press("y")
        await until(pilot, lambda: len(app.screen.query(ApprovalPrompt)) == 1)
        await pilot.press("n")  # too early for the second question
        assert len(app.conversation.decisions) == 1
        clock.now += DEAF_S
        await pilot.press("n")
        await until(pilot, lambda: not busy(app))
        decided = [(approval_id, decision.approve) for approval_id, decision in app.conversation.decisions]
        assert decided == [("appr_1", True), ("appr_2", False)]
