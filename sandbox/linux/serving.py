"""The zygote's loop: one request, one fork, made before it is asked for.

It knows one kind of request, a `Plan` and four descriptors. The rest of a session's life is between the server and the
session.
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import signal
import socket
import struct
import sys

from sandbox.guest.__main__ import REHEARSALS, SIG_DFL, Guest, set_handler
from sandbox.linux import launcher, pages, seccomp
from sandbox.linux.kernel import PR_SET_CHILD_SUBREAPER, fork, prctl
from sandbox.linux.plan import FDS, Plan
from sandbox.linux.supervisor import SIGCHLD

MAX_PLAN_BYTES = 128 * 1024
ROOM_FOR_FDS = socket.CMSG_SPACE(4 * len(FDS))
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
"""Environment variables that say how many threads a numeric library uses."""


def serve(requests_fd: int, warm: int | None, until: int | None) -> None:
    """Start a session for each request, until the server closes its end or another process writes to `until`.

    Prepares first, and writes to `warm` when that is done. A fork stands by for the next request.
    """
    requests = socket.socket(fileno=requests_fd)
    requests.setblocking(False)  # one request can wake the forks of two zygotes
    guest = _prepare()
    if warm is not None:
        os.write(warm, b"1")
        os.close(warm)
    serving, held = os.pipe()  # `held` is closed when this process ends, at the latest
    while True:
        asked, asking = os.pipe()
        if fork() == 0:
            os.close(held)
            os.close(asked)
            _stand_by(requests, serving, asking, guest)
        os.close(asking)
        if until is not None and until in select.select([asked, until], [], [])[0]:
            if os.read(until, 1):
                break
            until = None  # it died of what it loaded
        if not os.read(asked, 1):
            break  # the server is gone, or ended the fork: then it asks another zygote
        os.close(asked)
    os.close(held)
    requests.detach()


def _stand_by(requests: socket.socket, serving: int, asking: int, guest: Guest) -> None:
    """Wait for a request, tell the zygote to fork the next one and become the launcher of a session; never returns."""
    message, passed = b"", []
    while not message:
        if requests not in select.select([requests, serving], [], [])[0]:
            os._exit(0)
        try:
            message, passed, _, _ = requests.recvmsg(MAX_PLAN_BYTES, ROOM_FOR_FDS)
        except BlockingIOError:
            continue  # taken by another
        if not message:
            os._exit(0)
    with contextlib.suppress(OSError):  # the zygote has just been replaced
        os.write(asking, b"1")
    requests.close()
    for fd in (serving, asking):
        os.close(fd)
    _begin(message, struct.unpack("4i", passed[0][2]), guest)


def _prepare() -> Guest:
    """Do once what would be the same in each session."""
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    signal.signal(SIGCHLD, signal.SIG_IGN)  # the kernel reaps what nobody waits for
    for name in THREADS:  # libraries were loaded for one: only a process with one thread can be forked
        os.environ[name] = str(min(4, os.cpu_count() or 1))
    os.environ.update(launcher.temporary_directories("/tmp"))
    for name in [name for name in sys.modules if name.split(".")[0] == "sandbox"]:
        del sys.modules[name]  # a module of that name that the code brings along must be importable
    for network in (False, True):
        with contextlib.suppress(OSError):
            seccomp.filter_here(network, None)
    guest = Guest()
    guest.rehearse()
    launcher.rehearse(REHEARSALS)
    gc.collect()
    gc.freeze()
    pages.gather()
    return guest


def _begin(message: bytes, fds: tuple[int, ...], guest: Guest) -> None:
    """Become the launcher of one session; never returns."""
    control, supervisor, stdout, stderr = fds
    try:
        set_handler(SIGCHLD, SIG_DFL)
        for number, fd in ((1, stdout), (2, stderr)):
            os.dup2(fd, number)
            os.close(fd)
        launcher.main(Plan.from_bytes(message), control, supervisor, guest.serve)
    except BaseException as error:  # noqa: BLE001 - this process must not go on as a second zygote
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)  # noqa: T201 - goes to the server
    os._exit(1)
