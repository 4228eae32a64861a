"""What the person said."""

from __future__ import annotations

from tui.text import first_lines
from tui.widgets.plain import Plain


class UserMessage(Plain):
    """One message as it was sent, cut when it is very long."""

    def __init__(self, text: str) -> None:
        super().__init__(first_lines(text, 100))
