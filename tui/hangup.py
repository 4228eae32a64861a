"""A terminal that vanished: its window was closed, its connection broke.

Reading from one returns nothing at once and for ever, which Textual takes for silence and asks again, on a whole core;
writing to one ends its writing thread, for which the app would wait when it ends. SIGHUP, the usual word for it, does
not come to a program that was started with it ignored.
"""

from __future__ import annotations

import asyncio
import contextlib
import select
import sys
from collections.abc import Generator
from typing import Any, TextIO, cast

_SECONDS_BETWEEN = 0.5


async def hangup(terminal: int) -> None:
    """Return when the terminal is gone."""
    poll = select.poll()
    poll.register(terminal, 0)  # a hang-up is told unasked
    while not poll.poll(0):  # noqa: ASYNC110 - no event comes of it
        await asyncio.sleep(_SECONDS_BETWEEN)


@contextlib.contextmanager
def writing_never_fails() -> Generator[None]:
    """What Textual draws on drops what nobody can see any more."""
    terminal = sys.__stderr__
    assert terminal is not None
    sys.__stderr__ = cast("Any", _Terminal(terminal))
    try:
        yield
    finally:
        sys.__stderr__ = cast("Any", terminal)


class _Terminal:
    def __init__(self, file: TextIO) -> None:
        self._file = file

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def write(self, text: str) -> None:
        with contextlib.suppress(OSError):
            self._file.write(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._file.flush()
