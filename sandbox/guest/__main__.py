"""The loop of the sandboxed interpreter: take a cell from the control socket, run it, answer.

It is made and rehearsed once, in the zygote, and serves in each session forked from that: what it set up and what ran
before is memory that sessions share.

Protects its own conversation only: the socket is on a high close-on-exec descriptor, a forked copy never answers, and
whatever the code does to `sys.stdout`, signals or builtins is put back or ends in an exit that the server notices.
The walls around this process are built by `sandbox.linux` before it starts.
"""

from __future__ import annotations

import builtins
import gc
import linecache
import os
import signal
import socket
import sys
import time
import types
from collections.abc import Callable, Iterable
from os import _exit, read, write
from typing import Any, TextIO

from sandbox.guest import shell, wire
from sandbox.guest.cell import Cell, no_input
from sandbox.guest.display import Gallery, table_of

REHEARSED = ("1", "print('1', end='')", "1 / 0")
REHEARSALS = 20
GREETING = wire.encode(wire.HELLO, {})
SIGINT, SIGXCPU, SIG_DFL, SIG_UNBLOCK = map(int, (signal.SIGINT, signal.SIGXCPU, signal.SIG_DFL, signal.SIG_UNBLOCK))
set_handler: Callable[[int, Any], object] = sys.modules["_signal"].signal
set_mask: Callable[[int, Iterable[int]], object] = sys.modules["_signal"].pthread_sigmask
"""What is below `signal`, without its conversions to enumerations, which copy a lot of shared memory."""


class CpuBudgetUsedUp(BaseException):
    """The CPU seconds of the session are used up; the interpreter is ended a few CPU seconds later."""


class Guest:
    """One interpreter's side of the control socket."""

    def __init__(self) -> None:
        """Prepare everything that is the same in each session."""
        self.owner = os.getpid()
        self.running = False
        self.gallery = Gallery()
        self.namespace: dict[str, Any] = {}
        self.streams: dict[str, TextIO] = {}
        self.standard_fds = [1, 2]
        self.count = 0
        self.directory = ""
        self.environment: dict[str, str] = {}
        sys.argv = [""]
        sys.path.insert(0, "")
        sys.dont_write_bytecode = True

    def rehearse(self) -> None:
        """Run cells of our own: Python rewrites code while it runs the first times, and that memory can be shared."""
        server, control = socket.socketpair()
        with server, control:
            for code in REHEARSED:
                server.sendall(wire.encode(wire.HELLO, {"code": code}))
            server.shutdown(socket.SHUT_WR)
            self._begin({"HOME": os.environ["HOME"]})
            self._serve(control.fileno())
        gc.disable()
        for fd in self.standard_fds:
            os.close(fd)
        set_handler(SIGINT, signal.default_int_handler)
        set_handler(SIGXCPU, SIG_DFL)
        tempfile = sys.modules.get("tempfile")
        if tempfile is not None:
            vars(tempfile)["tempdir"] = None  # it was found before the walls stood
        linecache.clearcache()
        self.environment = dict(os.environ)
        self.count = 0
        self.namespace = _fresh_main()

    def serve(self, control_fd: int, variables: dict[str, str]) -> None:
        """Answer cells until the server closes the socket; never returns. `variables`: environment of this session."""
        exit_now, failure = _exit, wire.PROTOCOL_FAILURE
        try:
            self._begin(variables)
            self._serve(control_fd)
        except BaseException:  # noqa: BLE001 - deleted builtins, closed descriptors: nothing here can be trusted any more
            exit_now(failure)
        exit_now(0)

    def _begin(self, variables: dict[str, str]) -> None:
        """Take over what differs from session to session."""
        self.owner = os.getpid()
        self.directory = sys.path[0] = os.getcwd()
        for name, value in variables.items():
            os.environ[name] = self.environment[name] = value
        self.standard_fds = [os.dup(1), os.dup(2)]
        _reseed()
        gc.enable()

    def _serve(self, control: int) -> None:
        _send(control, GREETING)
        while True:
            try:
                header = _receive(control, wire.HEADER.size)
                if header is None:
                    return
                length, nonce = wire.decode_header(header)
                message = wire.decode_body(_receive(control, length) or b"")
            except KeyboardInterrupt:
                continue
            answer = self._run(message)
            if os.getpid() != self.owner:
                os._exit(0)  # a forked copy that fell out of the cell: the original answers
            _send(control, _frame(nonce, answer))
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
        for name, fd in (("stdout", 1), ("stderr", 2)):
            os.dup2(self.standard_fds[fd - 1], fd)
            stream = self.streams.get(name)
            if stream is None or stream.closed:
                stream = open(fd, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115
                self.streams[name] = stream
            setattr(sys, "__" + name + "__", stream)
            setattr(sys, name, stream)
        builtins.input = no_input
        set_handler(SIGINT, self._interrupt)
        set_handler(SIGXCPU, self._out_of_cpu)
        set_mask(SIG_UNBLOCK, (SIGINT, SIGXCPU))

    def _interrupt(self, signum: int, frame: types.FrameType | None) -> None:
        if self.running or os.getpid() != self.owner:
            raise KeyboardInterrupt

    def _out_of_cpu(self, signum: int, frame: types.FrameType | None) -> None:
        if self.running:
            raise CpuBudgetUsedUp("the session has used up its CPU seconds; reset it to go on")


def _send(control: int, data: bytes) -> None:
    """Write all of it."""
    while data:
        data = data[write(control, data) :]


def _receive(control: int, length: int) -> bytes | None:
    """Read exactly `length` bytes; None at the end of the stream."""
    parts = bytearray()
    while len(parts) < length:
        part = read(control, length - len(parts))
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
        try:
            stream.flush()  # type: ignore[union-attr]
        except BaseException:  # noqa: BLE001 - the code may have put anything there
            continue


def _working_directory() -> str | None:
    try:
        return os.getcwd()
    except OSError:  # the code removed it
        return None


def _reseed() -> None:
    """Every session is a copy of one process: `random` and numpy must not draw the same numbers in each."""
    random, numpy_random = sys.modules.get("random"), sys.modules.get("numpy.random")
    if random is not None:
        super(random.Random, random.seed.__self__).seed()  # the method in C, which touches less memory
    if numpy_random is not None:
        numpy_random.seed()
