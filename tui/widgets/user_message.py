"""What the person said."""

from __future__ import annotations

from collections.abc import Sequence

from tui.text import first_lines
from tui.widgets.plain import Plain


class UserMessage(Plain):
    """One message as it was sent, cut when it is very long."""

    def __init__(self, text: str, files: Sequence[str] = ()) -> None:
        """`files`: names of those that go with it."""
        attached = f"\nWith {', '.join(files)}" if files else ""
        super().__init__(first_lines(text, 100) + attached)
