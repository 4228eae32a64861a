"""What the code writes, caught at descriptors 1 and 2 and kept within bounds.

Protects the server's memory: of any amount of output the first and last part are kept. Output of child processes and
C code is caught too. The text is untrusted.
"""

from __future__ import annotations

import asyncio
import codecs
import os
from collections.abc import Callable
from typing import Literal

Stream = Literal["stdout", "stderr"]
OnOutput = Callable[[Stream, str], None]

HEAD_BYTES = 128 * 1024
TAIL_BYTES = 128 * 1024
READ_BYTES = 64 * 1024
DRAIN_BYTES = 2**20
"""What may still be read of a pipe after the answer came: more than a pipe holds, less than a writer without end."""


class Capture:
    """One stream of one call: its first and last bytes, passed on live while the first part lasts."""

    def __init__(self) -> None:
        self.head = bytearray()
        self.tail = bytearray()
        self.left_out = 0
        self.on_text: Callable[[str], None] | None = None
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def add(self, data: bytes) -> None:
        """Take what was written next."""
        room = HEAD_BYTES - len(self.head)
        shown, rest = data[:room], data[room:]
        self.head += shown
        self.tail += rest
        surplus = len(self.tail) - TAIL_BYTES
        if surplus > 0:
            self.left_out += surplus
            del self.tail[:surplus]
        if self.on_text is not None and shown and (text := self._decoder.decode(shown)):
            self.on_text(text)

    def text(self) -> str:
        """Return everything kept; says how much was left out of the middle."""
        if not self.left_out:
            return (self.head + self.tail).decode("utf-8", "replace")
        gap = f"\n[... {self.left_out} bytes left out ...]\n"
        return self.head.decode("utf-8", "replace") + gap + self.tail.decode("utf-8", "replace")


class Pump:
    """Reads one pipe on the event loop, as long as the interpreter lives, into the capture of the current call."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.capture = Capture()
        self._loop = asyncio.get_running_loop()
        os.set_blocking(fd, False)
        self._loop.add_reader(fd, self._read)

    def take(self) -> Capture:
        """Empty the pipe, return the capture and start the next one."""
        taken = 0
        while self.fd >= 0 and taken < DRAIN_BYTES and (got := self._read()):
            taken += got
        capture, self.capture = self.capture, Capture()
        return capture

    def close(self) -> None:
        """Stop reading."""
        if self.fd >= 0:
            self._loop.remove_reader(self.fd)
            os.close(self.fd)
            self.fd = -1

    def _read(self) -> int:
        try:
            data = os.read(self.fd, READ_BYTES)
        except BlockingIOError:
            return 0
        if not data:
            self.close()
            return 0
        self.capture.add(data)
        return len(data)
