"""A tool call: what runs, what it prints, what came of it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.reactive import reactive

from mistralrs_agent.agent.events import Card, ToolFinished
from tui.text import duration, first_lines, last_lines, printable
from tui.widgets.code import Code
from tui.widgets.fold import Fold, FoldTitle
from tui.widgets.plain import Plain

LIVE_LINES = 10
MAX_LINES = 400
MAX_CHARS = 40_000
FOLD_ABOVE_LINES = 16
"""A finished card that is longer folds by itself."""
REDRAW_S = 0.05


class CardState(StrEnum):
    WRITING = "writing"
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"


_MARKS = {
    CardState.WRITING: "○",
    CardState.WAITING: "?",
    CardState.RUNNING: "●",
    CardState.DONE: "✓",
    CardState.FAILED: "✗",
    CardState.STOPPED: "■",
}
_SUMMARIES = {
    CardState.WRITING: "the model is writing the call",
    CardState.WAITING: "waiting for your permission",
    CardState.RUNNING: "running",
    CardState.STOPPED: "stopped",
}


class ToolCard(Fold):
    """One call, from the moment the model begins to write it."""

    state = reactive(CardState.WRITING)

    def __init__(self, tool_name: str) -> None:
        super().__init__()
        self._mark = FoldTitle(classes="mark")
        self._title = FoldTitle(tool_name, classes="title")
        self._summary = FoldTitle(classes="summary")
        self._duration = FoldTitle(classes="duration")
        self._code = Code()
        self._output = Plain(classes="output")
        self._products = Plain(classes="products")
        self._made: list[str] = []
        self._call_lines = 0
        self._live_output = ""
        self._redraw_pending = False

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield self._mark
            yield self._title
            yield self._summary
            yield self._duration
            yield self.arrow
        yield self._code
        yield self._output
        yield self._products

    def watch_state(self, before: CardState, state: CardState) -> None:
        self.remove_class(f"-{before}")
        self.add_class(f"-{state}")
        self._mark.show(_MARKS[state])
        if state in _SUMMARIES:
            self._summary.show(_SUMMARIES[state])

    def show_call(self, card: Card) -> None:
        """The call is complete and about to run."""
        code = first_lines(card.body.strip("\n"), MAX_LINES, MAX_CHARS)
        self._call_lines = code.count("\n") + 1 if code else 0
        self._title.show(card.title)
        self._code.show(code, card.language)
        self._code.set_class(bool(code), "-filled")
        self.state = CardState.RUNNING

    def wait(self) -> None:
        """The call needs an answer; the question shows it, so the card need not."""
        self.state = CardState.WAITING
        self.folded = True

    def go_on(self) -> None:
        """The answer is there."""
        self.state = CardState.RUNNING
        self.folded = False

    def write(self, text: str) -> None:
        """Live output; drawn a few times a second."""
        self._live_output = (self._live_output + text)[-MAX_CHARS:]
        if not self._redraw_pending:
            self._redraw_pending = True
            self.set_timer(REDRAW_S, self._redraw)

    def _redraw(self) -> None:
        self._redraw_pending = False
        if self.state is CardState.RUNNING:
            self._show_output(last_lines(printable(self._live_output).rstrip(), LIVE_LINES))

    def _show_output(self, text: str) -> None:
        self._output.show(text)
        self._output.set_class(bool(text), "-filled")

    def made(self, line: str) -> None:
        """The call made something; `line` says what and where."""
        self._made.append(line.replace("\n", " "))
        self._products.show("\n".join(self._made))
        self._products.add_class("-filled")

    def finish(self, event: ToolFinished, images: list[Path]) -> None:
        """`images`: files with the pictures the tool made."""
        card = event.result.card
        output = first_lines(printable(card.body).strip("\n"), MAX_LINES, MAX_CHARS)
        self._summary.show(card.title)
        self._duration.show(duration(event.duration_s))
        self._show_output(output)
        for path in images:
            self.made(f"Image: {path}")
        self.state = CardState.DONE if event.result.ok else CardState.FAILED
        self.folded = event.result.ok and self._call_lines + output.count("\n") >= FOLD_ABOVE_LINES

    def stop(self) -> None:
        """The turn ended before the call did."""
        if self.state in (CardState.WRITING, CardState.WAITING, CardState.RUNNING):
            self.state = CardState.STOPPED
