"""Where the person writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.message import Message
from textual.widgets import TextArea

from tui.commands import matching
from tui.history import PromptHistory
from tui.keys import PROMPT_KEYS


class Prompt(TextArea):
    """A message of one or more lines, with earlier ones in reach and commands completed."""

    BINDINGS: ClassVar[list[BindingType]] = [*PROMPT_KEYS]

    @dataclass
    class Submitted(Message):
        text: str

    class Left(Message):
        """Ctrl-D without text."""

    def __init__(self, history: PromptHistory) -> None:
        super().__init__(
            placeholder="Write a message, or / for commands", compact=True, highlight_cursor_line=False, soft_wrap=True
        )
        self._history = history

    def show(self, text: str) -> None:
        """Replace the text and put the cursor behind it."""
        self.text = text
        self.move_cursor(self.document.end)

    def update_suggestion(self) -> None:
        commands = matching(self.text)
        self.suggestion = f"/{commands[0].name}"[len(self.text) :] if commands and len(self.text) > 1 else ""

    def give_back(self, text: str) -> None:
        """Put a message that could not be sent before what was typed since."""
        self.show(f"{text}\n{self.text}" if self.text else text)

    def give_back_selected(self, text: str) -> None:
        """Put back what was wrong, unless something was typed since: the next letter replaces it, a move keeps it."""
        if not self.text:
            self.show(text)
            self.select_all()

    async def _on_key(self, event: events.Key) -> None:
        """Obey own keys here rather than after bubbling up, so that they act in the order of typing."""
        active = self.screen.active_bindings.get(event.key)
        if active is not None and active.node is self:
            event.stop()
            event.prevent_default()
            await self.run_action(active.binding.action)
        else:
            await super()._on_key(event)

    def action_submit(self) -> None:
        if text := self.text.strip():
            self.clear()
            self.post_message(self.Submitted(text))

    def action_clear_text(self) -> None:
        """It can be undone."""
        self.clear()

    def action_newline(self) -> None:
        self.insert("\n")

    def action_complete(self) -> None:
        if self.suggestion:
            self.insert(f"{self.suggestion} ")
        else:
            self.screen.focus_next()

    def action_older(self) -> None:
        """The earlier message, from the first line; else one line up."""
        if not self.cursor_at_first_line:
            self.action_cursor_up()
        elif (text := self._history.older(self.text)) is not None:
            self.show(text)

    def action_newer(self) -> None:
        """The later message, from the last line; else one line down."""
        if not self.cursor_at_last_line:
            self.action_cursor_down()
        elif (text := self._history.newer()) is not None:
            self.show(text)

    def action_delete_or_leave(self) -> None:
        if self.text:
            self.action_delete_right()
        else:
            self.post_message(self.Left())
