"""The conversation so far, from top to bottom."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.widget import Widget

from tui.widgets.tool_card import ToolCard

MAX_ENTRIES = 400
"""Older entries leave the screen (not the conversation), so that a long chat stays quick."""


class Transcript(VerticalScroll, can_focus=False):
    """Stays at the end while it grows, until the reader scrolls up."""

    def __init__(self) -> None:
        super().__init__()
        self._entries = Vertical()

    def compose(self) -> ComposeResult:
        yield self._entries

    def on_mount(self) -> None:
        self.anchor()

    async def add(self, entry: Widget) -> None:
        await self._entries.mount(entry)
        if len(self._entries.children) > MAX_ENTRIES:
            await self._entries.children[0].remove()

    async def clear(self) -> None:
        await self._entries.remove_children()

    def fold_cards(self) -> None:
        """Fold all cards, or unfold them when all are folded."""
        cards = self.query(ToolCard)
        fold = not all(card.folded for card in cards)
        for card in cards:
            card.folded = fold
