"""Text that is shown as it is: never markup."""

from __future__ import annotations

from textual.widgets import Static

from tui.text import printable


class Plain(Static):
    """Text of people, models and tools."""

    def __init__(self, text: str = "", *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(printable(text), markup=False, id=id, classes=classes)

    def show(self, text: str) -> None:
        self.update(printable(text))
