"""The loop of the sandboxed interpreter: take a cell from the control socket, run it, answer.

Protects its own conversation only: the socket is on a high close-on-exec descriptor, a forked copy never answers, and
whatever the code does to `sys.stdout`, signals or builtins is put back or ends in an exit that the server notices.
The walls around this process are built by `sandbox.linux` before it starts.
"""

from __future__ import annotations

import builtins
import contextlib
import os
import signal
import socket
import sys
import time
import types
from collections.abc import Iterable
from typing import Any, TextIO

from sandbox.guest import shell, wire
from sandbox.guest.cell import Cell, no_input
from sandbox.guest.display import Gallery, table_of


class CpuBudgetUsedUp(BaseException):
    """The CPU seconds of the session are used up; the interpreter is ended a few CPU seconds later."""


class Guest:
    """One interpreter's side of the control socket."""

    def __init__(self, control: socket.socket) -> None:
        self.control = control
        self.owner = os.getpid()
        self.running = False
        self.gallery = Gallery()
        self.namespace = _fresh_main()
        self.streams: dict[str, TextIO] = {}
        self.standard_fds = [os.dup(1), os.dup(2)]
        self.count = 0
        self.directory = os.getcwd()
        self.environment = dict(os.environ)

    def serve(self) -> None:
        """Answer cells until the server closes the socket."""
        self.control.sendall(wire.encode(wire.HELLO, {}))
        while True:
            try:
                header = self._receive(wire.HEADER.size)
                if header is None:
                    return
                length, nonce = wire.decode_header(header)
                message = wire.decode_body(self._receive(length) or b"")
            except KeyboardInterrupt:
                continue
            answer = self._run(message)
            if os.getpid() != self.owner:
                os._exit(0)  # a forked copy that fell out of the cell: the original answers
            self.control.sendall(_frame(nonce, answer))
            _check_that_code_runs()

    def _run(self, message: dict[str, Any]) -> dict[str, Any]:
        self._restore()
        started = time.perf_counter()
        outcome: dict[str, Any] = {"status": "error", "exception": "KeyboardInterrupt", "value": None}
        try:
            self.running = True
            if "shell" in message:
                outcome = shell.run(message["shell"], self.directory, self.environment)
            else:
                outcome = self._run_cell(message["code"])
            self.running = False
        except KeyboardInterrupt:  # the interrupt came between the end of the cell and the end of this block
            self.running = False
        if os.getpid() == self.owner:
            _flush()
        return {**outcome, "duration_ms": (time.perf_counter() - started) * 1000, "cwd": _working_directory()}

    def _run_cell(self, code: str) -> dict[str, Any]:
        self.count += 1
        cell = Cell(code, f"<cell {self.count}>")
        outcome = cell.run(self.namespace)
        for name, show in (("images", self.gallery.collect), ("table", table_of)):
            try:
                outcome[name] = show(cell.value)
            except KeyboardInterrupt:
                raise
            except BaseException:  # noqa: BLE001 - a library or a value that is not what it says
                outcome[name] = None
        return outcome

    def _restore(self) -> None:
        """Undo what an earlier cell did to descriptors, streams and signals."""
        for target, saved in zip((1, 2), self.standard_fds):  # noqa: B905 - the guest runs on Python 3.9 too
            os.dup2(saved, target)
        for name, fd in (("stdout", 1), ("stderr", 2)):
            stream = self.streams.get(name)
            if stream is None or stream.closed:
                stream = open(fd, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115
                self.streams[name] = stream
            setattr(sys, "__" + name + "__", stream)
            setattr(sys, name, stream)
        builtins.input = no_input
        signal.signal(signal.SIGINT, self._interrupt)
        signal.signal(signal.SIGXCPU, self._out_of_cpu)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT, signal.SIGXCPU])

    def _interrupt(self, signum: int, frame: types.FrameType | None) -> None:
        if self.running or os.getpid() != self.owner:
            raise KeyboardInterrupt

    def _out_of_cpu(self, signum: int, frame: types.FrameType | None) -> None:
        if self.running:
            raise CpuBudgetUsedUp("the session has used up its CPU seconds; reset it to go on")

    def _receive(self, length: int) -> bytes | None:
        """Read exactly `length` bytes; None at the end of the stream."""
        parts = bytearray()
        while len(parts) < length:
            part = self.control.recv(length - len(parts))
            if not part:
                return None
            parts += part
        return bytes(parts)


def _fresh_main() -> dict[str, Any]:
    """Return the namespace of a real `__main__` module, so that pickle and multiprocessing find what cells define."""
    module = types.ModuleType("__main__")
    module.__dict__["__builtins__"] = __builtins__
    module.__dict__["_"] = None
    sys.modules["__main__"] = module
    return module.__dict__


def _frame(nonce: bytes, answer: dict[str, Any]) -> bytes:
    """The answer; without what is shown beside the value when that does not fit."""
    try:
        return wire.encode(nonce, answer)
    except wire.BadFrame:
        note = "\n[the figures and the table of this call were left out: too large]"
        return wire.encode(
            nonce, {**answer, "images": None, "table": None, "value": f"{answer.get('value') or ''}{note}"}
        )


def _check_that_code_runs() -> None:
    """Raises what stands in the way of any further cell, such as an audit hook that refuses everything."""
    exec(compile("6 * 7", "<check>", "exec"), {})


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        with contextlib.suppress(BaseException):  # the code may have put anything there
            stream.flush()  # type: ignore[union-attr]


def _working_directory() -> str | None:
    try:
        return os.getcwd()
    except OSError:  # the code removed it
        return None


def _reseed() -> None:
    """Every session is a copy of one process; `random` seeds itself after a fork, numpy does not."""
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed()


def main(control_fd: int, ours: Iterable[str]) -> None:
    """Serve the socket on `control_fd` until it closes. `ours`: modules that are no business of the code."""
    sys.path.insert(0, os.getcwd())
    tempfile = sys.modules.get("tempfile")
    if tempfile is not None:
        vars(tempfile)["tempdir"] = None  # it was found before the walls stood
    _reseed()
    sys.argv = [""]
    sys.dont_write_bytecode = True
    for name in ours:
        del sys.modules[name]  # the user's own module of that name must be importable
    guest = Guest(socket.socket(fileno=control_fd))
    exit_now, failure = os._exit, wire.PROTOCOL_FAILURE
    try:
        guest.serve()
    except BaseException:  # noqa: BLE001 - deleted builtins, closed descriptors: nothing here can be trusted any more
        exit_now(failure)
    exit_now(0)
