"""What was typed while the app was not there yet.

Protects a question that somebody writes, and sends, while the model is loading: the terminal's own line editor would
hand over its Enter as a line feed, which the app reads as "new line".
"""

from __future__ import annotations

import os
import select
import termios

_LFLAG, _CC = 3, 6


def typed_ahead(terminal: int) -> str:
    """Take what waits in a terminal: lines as they were sent, then what of the last one was written so far."""
    before = termios.tcgetattr(terminal)
    unedited = termios.tcgetattr(terminal)
    unedited[_LFLAG] &= ~termios.ICANON  # also gives out a line that was not sent
    unedited[_CC][termios.VMIN] = 0
    termios.tcsetattr(terminal, termios.TCSANOW, unedited)
    waiting = b""
    try:
        while select.select([terminal], [], [], 0)[0] and (piece := os.read(terminal, 4096)):
            waiting += piece
    finally:
        termios.tcsetattr(terminal, termios.TCSANOW, before)
    text = waiting.decode(errors="ignore").replace("\r", "\n")
    return "".join(character for character in text if character.isprintable() or character == "\n")
