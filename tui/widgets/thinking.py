"""What the model thinks before it answers."""

from __future__ import annotations

from collections.abc import Callable

from textual.app import ComposeResult
from textual.containers import Horizontal

from tui.text import duration, last_lines
from tui.widgets.fold import Fold, FoldTitle
from tui.widgets.plain import Plain

LIVE_LINES = 6
MAX_LINES = 400


class Thinking(Fold):
    """Shows its last lines while it grows, then folds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self._clock = clock
        self._started = clock()
        self._text = ""
        self._title = FoldTitle("Thinking")
        self._body = Plain(classes="body")

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield self.arrow
            yield self._title
        yield self._body

    def write(self, text: str) -> None:
        self._text += text
        self._body.show(last_lines(self._text.strip(), LIVE_LINES))

    def finish(self) -> None:
        self._title.show(f"Thought for {duration(self._clock() - self._started)}")
        self._body.show(last_lines(self._text.strip(), MAX_LINES))
        self.folded = True
