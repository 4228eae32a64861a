"""What a person types while the model is loading is neither lost nor changed."""

from __future__ import annotations

import os
import pty
import tty
from collections.abc import Iterator

import pytest
from textual import events
from textual.widgets import TextArea

from tests.tui.conftest import busy, until
from tests.tui.scripted_conversation import answer
from tui.typed_ahead import typed_ahead


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """(what the person types on, what the program reads)"""
    keyboard, screen = pty.openpty()
    yield keyboard, screen
    os.close(keyboard)
    os.close(screen)


def test_sent_lines_and_an_unfinished_one_are_taken_from_the_terminal(terminal):
    keyboard, screen = terminal
    os.write(keyboard, "Ça va?\rWhat is\x1b[A 2".encode())
    before = tty.tcgetattr(screen)
    assert typed_ahead(screen) == "Ça va?\nWhat is[A 2"
    assert typed_ahead(screen) == ""
    assert tty.tcgetattr(screen) == before


async def test_a_message_sent_too_early_is_sent_when_the_chat_opens(open_chat):
    app = open_chat(answer("Hello"), typed="hi there\n\nand th")
    async with app.run_test() as pilot:
        await until(pilot, lambda: app.conversation.sent and not busy(app))
        assert app.conversation.sent == [("hi there", None)]
        assert app.screen.query_one(TextArea).text == "and th"


async def test_keys_that_come_before_the_prompt_has_the_focus_are_kept(open_chat):
    app = open_chat()
    for key in "abc":
        app.post_message(events.Key(key, key))
    async with app.run_test() as pilot:
        await until(pilot, lambda: app.screen.query_one(TextArea).text == "abc")
