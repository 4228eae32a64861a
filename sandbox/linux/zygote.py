"""The process that sessions are forked from: Python and the common libraries loaded once, nothing else in its memory.

It is started as a program of its own with an empty environment, so that no key, conversation or weight of the server
is in what the sessions inherit. It has one thread and knows one request: a `Plan` and four descriptors; the rest of a
session's life is between the server and the session. Until the libraries are loaded, sessions start without them.
All sessions share its address layout and its hash seed; random number generators are seeded anew in each.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import select
import signal
import socket
import sys
from functools import partial

from sandbox.guest import __main__ as guest
from sandbox.linux import launcher
from sandbox.linux.kernel import PR_SET_CHILD_SUBREAPER, prctl
from sandbox.linux.plan import FDS, Plan

MAX_PLAN_BYTES = 128 * 1024
WARM_UP = ("asyncio", "subprocess", "tempfile", "numpy", "matplotlib.pyplot", "matplotlib.backends.backend_agg")
"""What takes long to import and is used often; what is not installed is left out."""
OUR_MODULES = tuple(name for name in sys.modules if name.split(".")[0] == "sandbox")
"""Looked for once: going through all modules in each session would copy the memory they share."""


def main(requests_fd: int) -> None:
    """Serve requests until the server closes its end; with warm libraries as soon as it has them.

    They are loaded by a child, which then serves in place of this process: loading would keep requests waiting.
    """
    requests = socket.socket(fileno=requests_fd)
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps what nobody waits for
    warm, warmed = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(warm)
        prctl(PR_SET_CHILD_SUBREAPER, 1)
        _load()
        os.write(warmed, b"1")
        os.close(warmed)
        _serve(requests)
        os._exit(0)
    os.close(warmed)
    if _serve(requests, until=warm) and os.read(warm, 1):
        requests.close()
        with contextlib.suppress(ChildProcessError):
            os.waitpid(child, 0)
    else:
        _serve(requests)  # the child died of what it loaded
    os._exit(0)


def _load() -> None:
    for name in WARM_UP:
        with contextlib.suppress(BaseException):  # a broken library is the business of the code that imports it
            importlib.import_module(name)
    gc.collect()
    gc.freeze()


def _serve(requests: socket.socket, until: int | None = None) -> bool:
    """Fork a session for each request; returns True when `until` becomes readable, False when the server is gone."""
    waiting = [requests, *([] if until is None else [until])]
    while True:
        ready, _, _ = select.select(waiting, [], [])
        if until in ready:
            return True
        message, fds, _, _ = socket.recv_fds(requests, MAX_PLAN_BYTES, len(FDS))
        if not message:
            return False
        if len(fds) == len(FDS) and os.fork() == 0:
            requests.close()
            _begin(message, fds)
        for fd in fds:
            os.close(fd)


def _begin(message: bytes, fds: list[int]) -> None:
    """Become the launcher of one session; never returns."""
    control, supervisor, stdout, stderr = fds
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for number, fd in ((1, stdout), (2, stderr)):
            os.dup2(fd, number)
        for fd in range(3, max(fds) + 1):
            if fd not in (control, supervisor):
                with contextlib.suppress(OSError):
                    os.close(fd)
        launcher.main(Plan.from_json(message), control, supervisor, partial(guest.main, ours=OUR_MODULES))
    except BaseException as error:  # noqa: BLE001 - this process must not go on as a second zygote
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)  # noqa: T201 - goes to the server
    os._exit(1)
