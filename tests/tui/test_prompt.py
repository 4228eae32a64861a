from __future__ import annotations

import asyncio

import pytest

from engine import TextDelta
from mistralrs_agent.agent.events import Permission
from tests.tui.conftest import busy, say, seen, until
from tests.tui.scripted_conversation import CALL_READY, INFO, answer, call_finished, finished
from tui.commands import COMMANDS
from tui.widgets.answer import Answer
from tui.widgets.notes import Note
from tui.widgets.prompt import Prompt
from tui.widgets.tool_card import ToolCard


def prompt_of(app) -> Prompt:
    return app.screen.query_one(Prompt)


async def test_ctrl_j_makes_a_line_and_enter_sends(open_chat):
    app = open_chat(answer("Hello"))
    async with app.run_test() as pilot:
        await pilot.press("a", "ctrl+j", "b", "enter")
        await until(pilot, lambda: app.conversation.sent)
        assert app.conversation.sent == [("a\nb", None)]
        assert prompt_of(app).text == ""


async def test_an_empty_message_is_not_sent(open_chat):
    app = open_chat()
    async with app.run_test() as pilot:
        await say(pilot, "  \n ")
        await pilot.press("enter")
        assert app.conversation.sent == []


async def test_up_and_down_walk_through_earlier_messages_and_back_to_the_draft(open_chat):
    app = open_chat(answer("1"), answer("2"))
    async with app.run_test() as pilot:
        for text in ("first", "second\nline"):
            await say(pilot, text)
            await until(pilot, lambda: app.conversation.sent and not busy(app))
        await pilot.press("d", "up")
        assert prompt_of(app).text == "second\nline"
        await pilot.press("up", "up")  # one line up, then the message before
        assert prompt_of(app).text == "first"
        await pilot.press("down", "down", "down")
        assert prompt_of(app).text == "d"


async def test_earlier_messages_survive_a_restart(open_chat):
    app = open_chat(answer("1"))
    async with app.run_test() as pilot:
        await say(pilot, "remember me")
        await until(pilot, lambda: app.conversation.sent and not busy(app))
    again = open_chat()
    async with again.run_test() as pilot:
        await pilot.press("up")
        assert prompt_of(again).text == "remember me"


async def test_typing_goes_to_the_prompt_when_a_card_has_the_focus(open_chat):
    app = open_chat([CALL_READY, call_finished("1"), finished("x")])
    async with app.run_test() as pilot:
        await say(pilot, "Run it")
        await until(pilot, lambda: not busy(app))
        app.screen.query_one(ToolCard).focus()
        await pilot.press("h", "i")
        assert prompt_of(app).text == "hi"


async def test_ctrl_d_leaves_only_without_text(open_chat):
    app = open_chat()
    async with app.run_test() as pilot:
        await pilot.press("a", "b", "left", "ctrl+d")
        assert prompt_of(app).text == "a"
        assert app.is_running
        await pilot.press("backspace", "ctrl+d")
        await until(pilot, lambda: not app.is_running)


async def test_ctrl_c_stops_a_turn_and_leaves_only_when_pressed_twice(open_chat, clock):
    app = open_chat([TextDelta("Once"), asyncio.Event()])
    async with app.run_test() as pilot:
        await say(pilot, "A story")
        await until(pilot, lambda: app.screen.query(Answer))
        await pilot.press("ctrl+c")
        await until(pilot, lambda: not busy(app))
        assert app.conversation.closed_early == 1
        await pilot.press("ctrl+c")
        clock.now += 5
        await pilot.press("ctrl+c")
        assert app.is_running
        await pilot.press("ctrl+c")
        await until(pilot, lambda: not app.is_running)


async def test_ctrl_c_copies_selected_text(open_chat):
    app = open_chat()
    async with app.run_test() as pilot:
        prompt_of(app).show("copy me")
        prompt_of(app).select_all()
        await pilot.press("ctrl+c", "ctrl+c")
        assert app.clipboard == "copy me"
        assert app.is_running


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("/python add 1 and 2", ("add 1 and 2", "mistralrs_execute_python")),
        ("/search news of today", ("news of today", "mistralrs_search_the_web")),
        ("/tool mistralrs_reset_python_session please", ("please", "mistralrs_reset_python_session")),
        ("/usr/bin is a path", ("/usr/bin is a path", None)),
    ],
)
async def test_a_command_can_force_a_tool(open_chat, typed, sent):
    app = open_chat(answer("Done"))
    async with app.run_test() as pilot:
        await say(pilot, typed)
        await until(pilot, lambda: app.conversation.sent)
        assert app.conversation.sent == [sent]


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("/pyton x", "did you mean /python?"),
        ("/xyzzy", "/help lists them"),
        ("/python", "message"),
        ("/tool nothing x", "no tool 'nothing'"),
        ("/permission maybe", "'maybe'"),
        ("/permission", "mode"),
        ("/copy", "no answer"),
    ],
)
async def test_a_wrong_command_is_explained_and_stays_in_the_prompt_until_something_else_is_typed(
    open_chat, typed, told
):
    app = open_chat()
    async with app.run_test() as pilot:
        await say(pilot, typed)
        await until(pilot, lambda: app.screen.query(Note))
        (note,) = seen(app, "Transcript Note")
        assert note.startswith(f"{typed}\n") and told in note
        assert prompt_of(app).text == typed
        await pilot.press("H", "i")
        assert prompt_of(app).text == "Hi"
        await pilot.press("up")
        assert prompt_of(app).text == typed
        assert app.conversation.sent == []


async def test_the_status_line_shows_whole_facts_or_none(open_chat):
    shown = set()
    for width in (24, 45, 60, 80, 120):
        app = open_chat()
        async with app.run_test(size=(width, 24)) as pilot:
            await pilot.pause()
            for field in app.screen.query("StatusLine Plain").results():
                if field.display:
                    assert field.region.right <= width and field.region.width >= len(str(field.content)) > 0
                    shown.add((width, next(iter(field.classes))))
    assert (120, "endpoint") in shown and (45, "endpoint") not in shown and (24, "permission") in shown


async def test_the_text_can_be_cleared_and_comes_back(open_chat):
    app = open_chat()
    async with app.run_test() as pilot:
        prompt_of(app).show("one\ntwo")
        await pilot.press("ctrl+u")
        assert prompt_of(app).text == ""
        await pilot.press("ctrl+z")
        assert prompt_of(app).text == "one\ntwo"


async def test_permission_changes_and_a_refusal_is_told(open_chat):
    app = open_chat()
    async with app.run_test() as pilot:
        await say(pilot, "/permission deny")
        await until(pilot, lambda: app.conversation.permission is Permission.DENY)
        assert seen(app, "StatusLine .permission") == ["tools: deny"]
        app.conversation.floor = Permission.ASK
        await say(pilot, "/permission auto")
        await until(pilot, lambda: app.screen.query("Transcript Note"))
        assert seen(app, "StatusLine .permission") == ["tools: deny"]


async def test_clear_forgets_and_shows_a_new_chat(open_chat):
    app = open_chat(answer("Hello"))
    async with app.run_test() as pilot:
        await say(pilot, "Hi")
        await until(pilot, lambda: app.screen.query(Answer) and not busy(app))
        await say(pilot, "/clear")
        await until(pilot, lambda: not app.screen.query(Answer))
        assert app.conversation.resets == 1
        assert INFO.notice in seen(app, "Welcome .notice")
        assert not app.screen.query_one("StatusLine .context").display


async def test_help_lists_every_command_and_tools_every_tool(open_chat):
    app = open_chat()
    async with app.run_test() as pilot:
        await say(pilot, "/help")
        await say(pilot, "/tools")
        await until(pilot, lambda: len(app.screen.query("Note")) == 2)
        help_text, tools = seen(app, "Note")
        assert all(command.usage in help_text and command.summary in help_text for command in COMMANDS)
        assert all(tool in tools for tool in INFO.tools)


async def test_copy_takes_the_last_answer_as_markdown(open_chat):
    app = open_chat(answer("It is **four**."))
    async with app.run_test() as pilot:
        await say(pilot, "2 + 2?")
        await until(pilot, lambda: app.screen.query(Answer) and not busy(app))
        await say(pilot, "/copy")
        await until(pilot, lambda: app.clipboard)
        assert app.clipboard == "It is **four**."


async def test_exit_leaves(open_chat):
    app = open_chat()
    async with app.run_test() as pilot:
        await say(pilot, "/exit")
        await until(pilot, lambda: not app.is_running)


async def test_tab_completes_a_command_and_hints_show_what_fits(open_chat):
    app = open_chat()
    async with app.run_test() as pilot:
        hints = app.screen.query_one("CommandHints")
        assert not hints.display
        await pilot.press("slash", "p")
        await until(pilot, lambda: hints.display)
        assert [line.split()[0] for line in str(hints.content).splitlines()] == ["/python", "/permission"]
        await pilot.press("e", "tab")
        assert prompt_of(app).text == "/permission "
        await until(pilot, lambda: not hints.display)


async def test_keys_typed_faster_than_they_are_handled_keep_their_order(open_chat):
    app = open_chat(answer("Hello"))
    async with app.run_test() as pilot:
        for key in ("a", "b", "enter", "c"):
            app.simulate_key(key)
        await until(pilot, lambda: app.conversation.sent and not busy(app))
        assert app.conversation.sent == [("ab", None)]
        assert prompt_of(app).text == "c"


async def test_a_key_can_be_moved(open_chat):
    app = open_chat([TextDelta("Once"), asyncio.Event()])
    async with app.run_test() as pilot:
        app.set_keymap({"chat.stop": "f8", "prompt.submit": "f9"})
        prompt_of(app).show("A story")
        await pilot.press("f9")
        await until(pilot, lambda: app.screen.query(Answer))
        await pilot.press("f8")
        await until(pilot, lambda: not busy(app))
        assert app.conversation.closed_early == 1


async def test_the_palette_starts_commands(open_chat):
    app = open_chat()
    async with app.run_test() as pilot:
        await pilot.press("ctrl+p", *"permission")
        await until(pilot, lambda: len(app.screen.query_one("CommandList").options) == 1)
        await pilot.press("down", "enter")
        await until(pilot, lambda: prompt_of(app).text == "/permission ")
