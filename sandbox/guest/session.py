"""The first process of a session where there is no Linux: starts the interpreter, watches over it, ends it.

Protects against one process that takes too much, by the limits that every Unix has, and ends the interpreter's group
of processes with it. Does not see processes that left the group, and counts neither memory nor files.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import resource
import select
import signal
import socket
import sys
import types
from typing import Any

from sandbox.guest.__main__ import Guest

CONTROL_FD = 900
LIMITS = {"RLIMIT_CORE": 0, "RLIMIT_FSIZE": 256 * 2**20, "RLIMIT_NOFILE": 1024}
CPU_GRACE_S = 5
LACKS = "memory, processes and disk of a session are not limited here"


def main(told: str) -> None:
    """Run the session that `told` describes; never returns."""
    plan = json.loads(told)
    line = socket.socket(fileno=plan["line"])
    alive, _held = os.pipe()  # closes with this process: the server sees by it that we are gone
    socket.send_fds(line, [json.dumps({"event": "first", "pid": os.getpid()}).encode() + b"\n"], [alive])
    os.close(alive)
    waker, wakened = os.pipe()
    interpreter = os.fork()
    if interpreter == 0:
        control = _become_interpreter(plan)
        for name in [name for name in sys.modules if name.split(".")[0] == "sandbox"]:
            del sys.modules[name]  # a module of that name that the code brings along must be importable
        guest = Guest()
        guest.rehearse()
        guest.serve(control, {})
    os.close(plan["control"])
    for fd in (1, 2):
        os.dup2(0, fd)
    for fd in (waker, wakened):
        os.set_blocking(fd, False)
    signal.set_wakeup_fd(wakened)
    signal.signal(signal.SIGCHLD, _noticed)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    line.sendall(json.dumps({"event": "ready", "layers": _layers(plan), "error": None}).encode() + b"\n")
    _serve(line, waker, interpreter)


def _noticed(signum: int, frame: types.FrameType | None) -> None:
    """A handler must exist for the wake-up descriptor to be written to."""


def _serve(line: socket.socket, waker: int, interpreter: int) -> None:
    """Carry out commands until the interpreter or the server ends. I: interrupt; C: end all that the code started."""
    while True:
        found, status = os.waitpid(interpreter, os.WNOHANG)
        if found:
            _tell(line, {"event": "exit", "code": os.waitstatus_to_exitcode(status)})
            _end(interpreter)
        ready, _, _ = select.select([line, waker], [], [])
        if waker in ready:
            os.read(waker, 512)
        if line in ready:
            commands = line.recv(64)
            if not commands:
                _end(interpreter)
            for command in commands.decode("utf-8", "replace"):
                if command == "I":
                    os.kill(interpreter, signal.SIGINT)
                _tell(line, {"event": "done", "command": command})


def _tell(line: socket.socket, message: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):  # the server is gone; its end is noticed at the next read
        line.sendall(json.dumps(message).encode() + b"\n")


def _end(interpreter: int) -> None:
    with contextlib.suppress(OSError):
        os.killpg(interpreter, signal.SIGKILL)
    os._exit(0)


def _become_interpreter(plan: dict[str, Any]) -> int:
    """Put on the limits; returns the control descriptor, the only one left above 2."""
    os.setsid()
    if plan["isolated"]:
        for name, limit in LIMITS.items():
            _lower(getattr(resource, name), limit, limit)
        _lower(resource.RLIMIT_CPU, plan["cpu_s"], plan["cpu_s"] + CPU_GRACE_S)
    control = fcntl.fcntl(plan["control"], fcntl.F_DUPFD_CLOEXEC, CONTROL_FD)
    os.closerange(3, control)
    return control


def _lower(which: int, soft: int, hard: int) -> None:
    _, ceiling = resource.getrlimit(which)
    if ceiling != resource.RLIM_INFINITY:
        soft, hard = min(soft, ceiling), min(hard, ceiling)
    with contextlib.suppress(ValueError, OSError):  # macOS allows fewer open files than it says
        resource.setrlimit(which, (soft, hard))


def _layers(plan: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows for `sandbox.report.Layer`."""
    if not plan["isolated"]:
        return []
    protects = ["files", "processes", *([] if plan["network"] == "full" else ["network"])]
    use_linux = "use Linux, or a virtual machine with it"
    rows = [_row("sandbox profile", True, protects, "files, network and signals, by macOS's sandbox-exec")]
    if plan["network"] == "loopback":
        rows.append(
            _row("own network", False, [], "macOS has no private loopback; there is no network at all", use_linux)
        )
    rows.append(_row("limits", False, [], f"CPU time, open files and file size of each process; {LACKS}", use_linux))
    rows.append(_row("system calls", False, [], "macOS offers no filter of system calls", use_linux))
    return rows


def _row(name: str, on: bool, protects: list[str], detail: str, remedy: str = "") -> dict[str, Any]:
    return {"name": name, "on": on, "protects": protects, "detail": detail, "remedy": remedy}
