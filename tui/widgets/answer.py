"""The model's answer: Markdown that grows."""

from __future__ import annotations

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from textual.widgets import Markdown
from textual.widgets.markdown import MarkdownStream

from tui.text import printable


def _parser() -> MarkdownIt:
    """Tags are shown as they are: Textual would leave them out. Lines stay lines: so models write verses."""
    parser = MarkdownIt("gfm-like", {"html": False})
    parser.core.ruler.push("line_breaks", _keep_line_breaks)
    return parser


def _keep_line_breaks(state: StateCore) -> None:
    for token in state.tokens:
        for child in token.children or ():
            if child.type == "softbreak":
                child.type = "hardbreak"


class Answer(Markdown):
    """Drawn while it streams; pieces that come faster than they can be drawn are drawn together."""

    def __init__(self) -> None:
        super().__init__(parser_factory=_parser, open_links=False)
        self._stream: MarkdownStream | None = None

    async def write(self, text: str) -> None:
        if self._stream is None:
            self._stream = Markdown.get_stream(self)
        await self._stream.write(printable(text))

    async def finish(self) -> None:
        """Draw what is left."""
        if self._stream is None:
            return
        async with self.lock:  # stopping in the middle of an append would draw its text twice
            pass
        await self._stream.stop()
        self._stream = None

    def on_markdown_link_clicked(self, event: Markdown.LinkClicked) -> None:
        """A model chose the address: show it rather than open it."""
        self.app.copy_to_clipboard(event.href)
        self.notify(event.href, title="Address copied", markup=False)
