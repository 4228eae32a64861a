"""Text in the colours of its language."""

from __future__ import annotations

from textual.content import Content
from textual.highlight import highlight
from textual.widgets import Static

from tui.text import revealed


class Code(Static):
    """What a call would run; characters that could deceive the reader are written out."""

    def __init__(self, text: str = "", language: str | None = None) -> None:
        super().__init__(_coloured(text, language), markup=False)

    def show(self, text: str, language: str | None) -> None:
        self.update(_coloured(text, language))


def _coloured(text: str, language: str | None) -> Content:
    text = revealed(text)
    return highlight(text, language=language) if language else Content(text)
