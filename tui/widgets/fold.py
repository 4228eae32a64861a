"""Something with a title line that can be folded away."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.containers import Vertical
from textual.reactive import reactive

from tui.keys import FOLD_KEYS
from tui.widgets.plain import Plain


class FoldTitle(Plain):
    """The line that a click folds."""

    ALLOW_SELECT = False


class Fold(Vertical, can_focus=True):
    """Its `FoldTitle`s stay visible, all its other children only while unfolded."""

    BINDINGS: ClassVar[list[BindingType]] = [*FOLD_KEYS]
    folded = reactive(False, toggle_class="-folded")

    def __init__(self) -> None:
        super().__init__()
        self.arrow = FoldTitle(classes="arrow")
        """For the title line: says whether there is more to see."""

    def watch_folded(self) -> None:
        self.arrow.show("▸" if self.folded else "▾")

    def action_fold(self) -> None:
        self.folded = not self.folded

    def on_click(self, event: events.Click) -> None:
        if isinstance(event.widget, FoldTitle):
            event.stop()
            self.action_fold()
