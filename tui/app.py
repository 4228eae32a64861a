"""The Textual app: theme, palette, and the chat screen on top of one conversation."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from textual.app import App, SystemCommand
from textual.screen import Screen

from mistralrs_agent.agent.conversation import Conversation
from tui.commands import COMMANDS, Command
from tui.history import PromptHistory, default_path
from tui.images import ImageFolder
from tui.screens.chat import ChatScreen
from tui.theme import EMBER


class ChatApp(App[None]):
    """A chat in the terminal. Whoever opened the conversation closes it."""

    TITLE = "mistralrs"
    CSS_PATH = "app.tcss"

    def __init__(
        self,
        conversation: Conversation,
        *,
        typed: str = "",
        history_path: Path | None = None,
        image_folder: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`typed`: what was written before the app came up, sent up to its last line end.

        `history_path`: earlier messages; `image_folder`: pictures of tools; None: the usual places.
        """
        super().__init__()
        history = PromptHistory(history_path or default_path())
        self._chat = ChatScreen(conversation, history, ImageFolder(image_folder), clock, typed)
        self.register_theme(EMBER)
        self.theme = EMBER.name

    def get_default_screen(self) -> Screen[None]:
        return self._chat

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """The slash commands, then what Textual offers."""
        for command in COMMANDS:
            yield SystemCommand(command.usage, command.summary, partial(self._start, command))
        yield SystemCommand("Theme", "change the colours", self.action_change_theme)

    async def _start(self, command: Command) -> None:
        """Run a command from the palette, or write its beginning into the prompt when it needs more."""
        await self._chat.start(command)
