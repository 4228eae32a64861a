"""The server's line to the first process of a session: its messages, commands to it, and its end.

Everything on this line comes from our own code inside the walls, in a process that the untrusted code cannot touch.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
from typing import Any

from sandbox.guest.wire import PROTOCOL_FAILURE
from sandbox.report import Layer

MAX_MESSAGE_BYTES = 64 * 1024


class SessionEnded(Exception):
    """The interpreter is gone, or must go, before it answered; the message says why."""


class Supervision:
    """One line, on the running event loop."""

    def __init__(self, line: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        self.layers: tuple[Layer, ...] = ()
        """The walls of which was told so far."""
        self.ready: asyncio.Future[str | None] = loop.create_future()
        """Set when every wall stands, to what went wrong if anything; never set when the session ended before."""
        self.ended: asyncio.Future[str] = loop.create_future()
        """Why the interpreter ended, as soon as it has."""
        self.built: asyncio.Future[None] = loop.create_future()
        """Set when the process that builds the walls has ended."""
        self._first: asyncio.Future[None] = loop.create_future()
        self._gone: asyncio.Future[None] = loop.create_future()
        """Set when no process of the session is left."""
        self._loop = loop
        self._line = line
        self._handles: set[int] = set()
        """Become readable when the first process, and the one that builds its walls, have ended."""
        self._pid: int | None = None
        """Number of the first process, where its handle cannot be signalled."""
        self._received = b""
        self._acknowledged: dict[str, asyncio.Future[None]] = {}
        self._reason = "it ended without a word"
        line.setblocking(False)
        loop.add_reader(line, self._read)

    def tell(self, command: str) -> None:
        """Send a command without waiting for it to be carried out. Raises SessionEnded."""
        if self.ended.done():
            raise SessionEnded(self.ended.result())
        with contextlib.suppress(OSError):  # it is ending, which the next read will tell
            self._line.send(command.encode())

    async def command(self, command: str) -> None:
        """Send a command and wait until it was carried out. Raises SessionEnded."""
        done = self._acknowledged[command] = self._loop.create_future()
        self.tell(command)
        await asyncio.wait([done, self.ended], return_when=asyncio.FIRST_COMPLETED)
        if not done.done():
            raise SessionEnded(self.ended.result())

    async def end(self, at_once: bool, timeout_s: float) -> None:
        """End every process of the session; they are gone when this returns.

        `at_once`: the kernel ends the others with the first (a pid namespace); else that one hunts them first.
        """
        if not self.ended.done():  # given up early: its descriptor is on its way
            await asyncio.wait([self._first, self.ended], timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        if at_once:
            self._kill()
        self._hang_up()
        if self._handles:
            done, _ = await asyncio.wait([self._gone], timeout=timeout_s)
            if not done:
                self._kill()
                await self._gone

    def _kill(self) -> None:
        for handle in self._handles:
            with contextlib.suppress(ProcessLookupError):
                if self._pid is not None:
                    os.kill(self._pid, signal.SIGKILL)
                else:
                    signal.pidfd_send_signal(handle, signal.SIGKILL)

    def _read(self) -> None:
        try:
            data, handles, _, _ = socket.recv_fds(self._line, MAX_MESSAGE_BYTES, 2)
        except BlockingIOError:
            return
        except OSError:
            data, handles = b"", []
        for handle in handles:
            self._handles.add(handle)
            self._loop.add_reader(handle, self._ended, handle)
        if not data:
            self._hang_up()
            return
        *messages, self._received = (self._received + data).split(b"\n")
        for message in messages:
            self._take(json.loads(message))

    def _take(self, message: dict[str, Any]) -> None:
        match message:
            case {"event": "first"}:
                self._pid = message.get("pid")
                self._first.set_result(None)  # the handles came with it
                if len(self._handles) == 1 and not self.built.done():
                    self.built.set_result(None)  # where the first process builds its own
            case {"event": "walls" | "ready" as event, "layers": rows, "error": error}:
                told = {
                    layer.name: layer for layer in (*self.layers, *map(Layer.from_row, rows))
                }  # the last word counts
                self.layers = tuple(told.values())
                if event == "ready":
                    self.ready.set_result(error)
            case {"event": "done", "command": command}:
                waiting = self._acknowledged.pop(command, None)
                if waiting is not None and not waiting.done():
                    waiting.set_result(None)
            case {"event": "exit", "code": code}:
                self._reason = _exit_sentence(code)
            case {"event": "over", "reason": over}:
                self._reason = over
            case _:
                self._reason = "its supervisor broke its protocol"
                self._hang_up()

    def _hang_up(self) -> None:
        if self._line.fileno() >= 0:
            self._loop.remove_reader(self._line)
            self._line.close()
        if not self.ended.done():
            self.ended.set_result(self._reason)

    def _ended(self, handle: int) -> None:
        self._loop.remove_reader(handle)
        os.close(handle)
        self._handles.remove(handle)
        if not self.built.done():
            self.built.set_result(None)  # it ends before the first process, or with it
        if not self._handles:
            self._gone.set_result(None)


def _exit_sentence(code: int) -> str:
    if code == PROTOCOL_FAILURE:
        return "the code broke the interpreter itself"
    if code >= 0:
        return f"the interpreter exited with status {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"the interpreter was ended by {name}"
