from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from engine import EngineError, FinishReason, TextDelta, ThinkingDelta, ToolCallStarted
from mistralrs_agent.agent.events import RoundStarted, ToolOutput
from mistralrs_agent.errors import UserError
from tests.tui.conftest import busy, say, seen, until
from tests.tui.scripted_conversation import (
    CALL_READY,
    INFO,
    ScriptedConversation,
    answer,
    call_finished,
    finished,
    words,
)
from tui.widgets.activity import Activity
from tui.widgets.answer import Answer
from tui.widgets.prompt import Prompt
from tui.widgets.status_line import StatusLine
from tui.widgets.thinking import Thinking
from tui.widgets.tool_card import CardState, ToolCard

LONG = "# Title\n\nText with [brackets], [/closing] and <b>tags</b>.\n\n" + "\n".join(f"- item {i}" for i in range(40))


async def test_an_answer_streams_into_the_transcript_whole_and_in_order(open_chat):
    app = open_chat(answer(LONG))
    async with app.run_test() as pilot:
        await say(pilot, "Tell me")
        await until(pilot, lambda: not busy(app))
        assert app.conversation.sent == [("Tell me", None)]
        assert app.screen.query_one(Answer).source == LONG
        shown = [str(block.content) for block in app.screen.query("Answer MarkdownParagraph")]
        assert shown[0] == "Text with [brackets], [/closing] and <b>tags</b>."
        assert shown[1:] == [f"item {i}" for i in range(40)]


async def test_lines_of_an_answer_stay_lines(open_chat):
    app = open_chat(answer("The sea,\nthe *sea*.\n\nNext verse"))
    async with app.run_test() as pilot:
        await say(pilot, "A poem")
        await until(pilot, lambda: not busy(app))
        shown = [str(block.content) for block in app.screen.query("Answer MarkdownParagraph")]
        assert shown == ["The sea,\nthe sea.", "Next verse"]


async def test_escape_while_an_answer_streams_closes_the_turn_and_says_so(open_chat):
    app = open_chat([TextDelta("Once upon"), asyncio.Event()], answer("Hello again"))
    async with app.run_test() as pilot:
        await say(pilot, "A story")
        await until(pilot, lambda: app.screen.query(Answer))
        await pilot.press("escape")
        await until(pilot, lambda: not busy(app))
        assert app.conversation.closed_early == 1
        assert app.screen.query_one(Answer).source == "Once upon"
        assert seen(app, "Note") == ["Stopped."]
        await say(pilot, "Hi")
        await until(pilot, lambda: len(app.screen.query(Answer)) == 2)
        assert app.conversation.sent[1] == ("Hi", None)


async def test_escape_while_a_tool_runs_marks_its_card_as_stopped(open_chat):
    app = open_chat([CALL_READY, asyncio.Event()])
    async with app.run_test() as pilot:
        await say(pilot, "Run it")
        await until(pilot, lambda: app.screen.query(ToolCard))
        await pilot.press("escape")
        await until(pilot, lambda: not busy(app))
        assert app.screen.query_one(ToolCard).state is CardState.STOPPED
        assert app.conversation.closed_early == 1


async def test_leaving_during_a_turn_closes_the_turn(open_chat):
    app = open_chat([TextDelta("Once upon"), asyncio.Event()])
    async with app.run_test() as pilot:
        await say(pilot, "A story")
        await until(pilot, lambda: app.screen.query(Answer))
        app.exit()
    assert app.conversation.closed_early == 1


@pytest.mark.parametrize("error", [UserError("no [such] session"), EngineError("the model [/] died")])
async def test_an_error_becomes_a_line_and_the_chat_goes_on(open_chat, error):
    app = open_chat([error], answer("Back"))
    async with app.run_test() as pilot:
        await say(pilot, "Hi")
        await until(pilot, lambda: seen(app, "ErrorNote"))
        assert seen(app, "ErrorNote") == [str(error)]
        await say(pilot, "Hi")
        await until(pilot, lambda: app.screen.query(Answer))


async def test_a_bug_in_a_turn_is_told_and_does_not_take_the_chat_away(open_chat):
    app = open_chat([TextDelta("He"), KeyError("oops")])
    async with app.run_test() as pilot:
        await say(pilot, "Hi")
        await until(pilot, lambda: seen(app, "ErrorNote"))
        assert "KeyError" in seen(app, "ErrorNote")[0]
        assert app.screen.query_one(Prompt).has_focus


async def test_enter_during_a_turn_keeps_the_text_in_the_prompt(open_chat):
    held = asyncio.Event()
    app = open_chat([TextDelta("Once"), held, finished("Once")])
    async with app.run_test() as pilot:
        await say(pilot, "A story")
        await until(pilot, lambda: app.screen.query(Answer))
        await say(pilot, "And another")
        await until(pilot, lambda: app.screen.query_one(Prompt).text == "And another")
        assert len(app.conversation.sent) == 1
        held.set()
        await until(pilot, lambda: not busy(app))


async def test_a_tool_card_follows_its_call_from_first_word_to_result(open_chat, tmp_path):
    written, running = asyncio.Event(), asyncio.Event()
    result = call_finished("0\n1\n", images=(b"png",))
    begun = ToolCallStarted("call_1", "mistralrs_execute_python", 0)
    output = ToolOutput("call_1", "stdout", "10%\r20%\n\x1b[31m[red]\x1b[0m\n")
    app = open_chat([begun, written, CALL_READY, output, running, result, *answer("Done")])
    async with app.run_test() as pilot:
        await say(pilot, "Run it")
        await until(pilot, lambda: app.screen.query(ToolCard))
        card = app.screen.query_one(ToolCard)
        assert card.state is CardState.WRITING
        written.set()
        await until(pilot, lambda: seen(app, "ToolCard .output") == ["20%\n[red]"])
        assert card.state is CardState.RUNNING
        running.set()
        await until(pilot, lambda: not busy(app))
        assert card.state is CardState.DONE
        assert seen(app, "ToolCard .output") == ["0\n1"]
        assert seen(app, "ToolCard .duration") == ["12 ms"]
        assert seen(app, "ToolCard .products") == [f"Image: {tmp_path / 'image-1.png'}"]
        assert (tmp_path / "image-1.png").read_bytes() == b"png"


async def test_a_long_result_is_folded_and_cut_a_failure_stays_open(open_chat):
    long = "\n".join(f"line {i}" for i in range(5000))
    app = open_chat(
        [CALL_READY, call_finished(long), finished("x")],
        [CALL_READY, call_finished(long, ok=False), finished("x")],
    )
    async with app.run_test() as pilot:
        for text in ("one", "two"):
            await say(pilot, text)
            await until(pilot, lambda: not busy(app))
        done, failed = app.screen.query(ToolCard)
        assert done.folded and not failed.folded
        assert seen(app, "ToolCard .output")[0].endswith("line 399\n… 4,600 more lines")


async def test_ctrl_o_folds_all_cards_and_then_unfolds_them(open_chat):
    app = open_chat([CALL_READY, call_finished("1"), finished("x")])
    async with app.run_test() as pilot:
        await say(pilot, "Run it")
        await until(pilot, lambda: not busy(app))
        card = app.screen.query_one(ToolCard)
        assert not card.folded
        await pilot.press("ctrl+o")
        assert card.folded
        await pilot.press("ctrl+o")
        assert not card.folded


async def test_a_card_in_focus_folds_with_enter_and_a_click(open_chat):
    app = open_chat([CALL_READY, call_finished("1"), finished("x")])
    async with app.run_test() as pilot:
        await say(pilot, "Run it")
        await until(pilot, lambda: not busy(app))
        card = app.screen.query_one(ToolCard)
        card.focus()
        await pilot.press("enter")
        assert card.folded
        await pilot.click("ToolCard .title")
        assert not card.folded


async def test_thinking_folds_when_the_answer_begins(open_chat, clock):
    held = asyncio.Event()
    app = open_chat([ThinkingDelta("Hmm. "), ThinkingDelta("Easy."), held, *answer("Four")])
    async with app.run_test() as pilot:
        await say(pilot, "2 + 2?")
        await until(pilot, lambda: seen(app, "Thinking .body") == ["Hmm. Easy."])
        assert not app.screen.query_one(Thinking).folded
        clock.now += 2.5
        held.set()
        await until(pilot, lambda: not busy(app))
        assert app.screen.query_one(Thinking).folded
        assert "Thought for 2.5 s" in seen(app, "Thinking FoldTitle")


@pytest.mark.parametrize(
    ("reason", "remark"),
    [(FinishReason.LENGTH, "cut off"), (FinishReason.ERROR, "broke off"), (FinishReason.STOP, None)],
)
async def test_an_unusual_end_is_explained(open_chat, reason, remark):
    app = open_chat(answer("Some words", reason=reason))
    async with app.run_test() as pilot:
        await say(pilot, "Hi")
        await until(pilot, lambda: not busy(app))
        notes = seen(app, "Note")
        assert (remark in notes[0]) if remark else notes == []


async def test_an_empty_answer_is_called_empty(open_chat):
    app = open_chat(answer(""))
    async with app.run_test() as pilot:
        await say(pilot, "Hi")
        await until(pilot, lambda: seen(app, "Note"))
        assert seen(app, "Note") == ["The model gave no answer."]


async def test_the_status_line_shows_speed_and_context_of_the_last_turn(open_chat):
    app = open_chat(answer("Hello"), [RoundStarted(0), *words("Hi"), finished("Hi", rounds=2)])
    async with app.run_test() as pilot:
        assert not app.screen.query_one("StatusLine .speed").display
        await say(pilot, "Hi")
        await until(pilot, lambda: not busy(app))
        assert seen(app, "StatusLine .speed") == ["30.0 tokens/s"]
        assert seen(app, "StatusLine .context") == ["15% of 8.2k context"]
        await say(pilot, "Hi")
        await until(pilot, lambda: not busy(app))
        assert not app.screen.query_one("StatusLine .context").display  # of two rounds the sum says nothing


async def test_a_nearly_full_context_is_marked(open_chat):
    app = open_chat(ScriptedConversation([answer("Hello")], info=replace(INFO, context_tokens=1300)))
    async with app.run_test() as pilot:
        await say(pilot, "Hi")
        await until(pilot, lambda: not busy(app))
        assert app.screen.query_one("StatusLine .context").has_class("-nearly-full")
        assert app.screen.query_one(StatusLine).size.height == 1


async def test_the_reader_who_scrolled_up_is_left_alone(open_chat):
    held = asyncio.Event()
    paragraphs = "One more paragraph.\n\n" * 15
    app = open_chat([*words(paragraphs), held, *words(paragraphs), finished(paragraphs)])
    async with app.run_test() as pilot:
        transcript = app.screen.query_one("Transcript")
        await say(pilot, "Tell me")
        await until(pilot, lambda: transcript.max_scroll_y > 20)
        await until(pilot, lambda: transcript.scroll_y == transcript.max_scroll_y)
        await pilot.press("pageup")
        await pilot.pause()
        place = transcript.scroll_y
        assert place < transcript.max_scroll_y
        held.set()
        await until(pilot, lambda: not busy(app))
        assert transcript.scroll_y == place


async def test_the_activity_line_counts_seconds(open_chat, clock):
    app = open_chat([CALL_READY, asyncio.Event()])
    async with app.run_test() as pilot:
        await say(pilot, "Run it")
        await until(pilot, lambda: app.screen.query(ToolCard))
        clock.now += 3
        app.screen.query_one(Activity).draw()
        assert seen(app, "Activity") == ["● Running: Python code  3 s"]


async def test_a_chat_without_tools_says_so_instead_of_naming_permission_and_sandbox(open_chat):
    info = replace(INFO, model_id="org/tiny", tools=(), sandbox="No code runs here.")
    app = open_chat(ScriptedConversation(info=info))
    async with app.run_test():
        assert seen(app, "StatusLine Plain") == ["tiny", "no tools", "", "", INFO.endpoint, ""]
