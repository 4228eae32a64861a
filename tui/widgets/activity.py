"""What is going on in the turn that runs, and for how long."""

from __future__ import annotations

from collections.abc import Callable

from textual.reactive import reactive

from tui.widgets.plain import Plain


class Activity(Plain):
    """One line, visible while `doing` says something."""

    doing = reactive("")

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self._clock = clock
        self._since = clock()

    def on_mount(self) -> None:
        self.set_interval(1, self.draw)

    def begin(self) -> None:
        self._since = self._clock()

    def watch_doing(self) -> None:
        self.display = bool(self.doing)
        self.draw()

    def draw(self) -> None:
        seconds = int(self._clock() - self._since)
        self.show(f"● {self.doing}" + (f"  {seconds} s" if seconds else ""))
