"""A chat on a scripted conversation, with a clock that only moves when told."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from textual.pilot import Pilot

from tests.tui.scripted_conversation import ScriptedConversation, Step
from tui.app import ChatApp
from tui.widgets.prompt import Prompt


@dataclass
class Clock:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def history_path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "prompt-history.jsonl"


@pytest.fixture
def open_chat(clock: Clock, history_path: Path, tmp_path: Path) -> Callable[..., ChatApp]:
    """`open_chat(turn, turn, …)` or `open_chat(conversation)`: the app, and its conversation as `.conversation`."""

    def open_it(*turns: Sequence[Step] | ScriptedConversation, typed: str = "") -> ChatApp:
        first = turns[0] if turns else None
        conversation = first if isinstance(first, ScriptedConversation) else ScriptedConversation(turns)
        app = ChatApp(conversation, typed=typed, history_path=history_path, image_folder=tmp_path, clock=clock)
        app.conversation = conversation
        return app

    return open_it


async def until(pilot: Pilot, condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Let the app work until the condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the app did not get there"
        await pilot.pause(0.01)
    await pilot.pause()


async def say(pilot: Pilot, text: str) -> None:
    """Write into the prompt and press Enter."""
    pilot.app.screen.query_one(Prompt).show(text)
    await pilot.press("enter")


def busy(app: ChatApp) -> bool:
    return bool(app.screen.query_one("Activity").doing)


def seen(app: ChatApp, selector: str) -> list[str]:
    """The text of the widgets that a selector finds."""
    return [str(widget.content) for widget in app.screen.query(selector)]
