"""The zygote's loop: one request, one session, whose processes were made before it was asked for.

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
import sys
import traceback
from collections.abc import Callable
from functools import partial

from sandbox.guest.__main__ import REHEARSALS, Guest
from sandbox.linux import entering, launcher, pages, passing, seccomp, supervisor
from sandbox.linux.kernel import PR_SET_CHILD_SUBREAPER, fork, prctl
from sandbox.linux.plan import Plan, Shape
from sandbox.linux.supervisor import SIGCHLD

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
"""Environment variables that say how many threads a numeric library uses."""


FILLING: list[object] = []
"""What `pages.fill_holes` made after the rehearsals."""


def serve(requests_fd: int, warm: int | None, until: int | None) -> None:
    """Start a session for each request, until the server closes its end or another process writes to `until`.

    Prepares first, and writes to `warm` when that is done. A launcher stands by for the next request, made for one of
    the same shape as the last: one of another comes back from it and gets a launcher of its own.
    """
    requests = socket.socket(fileno=requests_fd)
    requests.setblocking(False)  # one request can wake the launchers of two zygotes
    guest = _prepare()
    if warm is not None:
        os.write(warm, b"1")
        os.close(warm)
    serving, held = os.pipe()  # `held` is closed when this process ends, at the latest
    shape, replaced = None, False
    while not replaced:
        asked, asking = passing.pair()
        if fork() == 0:
            os.close(held)
            asked.close()
            _become(partial(_stand_by, requests, serving, asking, shape, guest))
        asking.close()
        if until is not None and until in select.select([asked, until], [], [])[0]:
            replaced = os.read(until, 1) != b""  # empty: it died of what it loaded
            until = None
        if replaced:
            os.close(held)  # the launcher ends, if it was not asked yet
        message, fds = passing.receive(asked)
        asked.close()
        if fds:
            shape = Plan.from_bytes(message).shape()
            ends = (requests.fileno(), serving, *(() if replaced else (held,)))
            if fork() == 0:
                _become(partial(_launch, ends, guest, message, fds))
        for fd in fds:
            os.close(fd)
        if not message:
            break  # the server is gone, or ended the launcher: then it asks another zygote
    requests.detach()


def _become(work: Callable[[], None]) -> None:
    """Do something else than the zygote; never returns."""
    try:
        work()
    except BaseException:  # noqa: BLE001 - this process must not go on as a second zygote
        traceback.print_exc()  # goes to the server, if it asked
    os._exit(1)


def _stand_by(requests: socket.socket, serving: int, asking: socket.socket, shape: Shape | None, guest: Guest) -> None:
    """Wait for a request, tell the zygote to fork the next launcher, and launch a session; never returns."""
    company = None
    if shape is not None:
        company = launcher.gather(shape, guest.serve, (requests.fileno(), serving, asking.fileno()))
    message, fds = _take(requests, serving, company)
    if company is None or Plan.from_bytes(message).shape() != shape:
        passing.send(asking, message, fds)
        os._exit(0)
    with contextlib.suppress(OSError):  # the zygote has just been replaced
        passing.send(asking, b"1")
    requests.close()
    launcher.launch(company, message, fds)


def _launch(held: tuple[int, ...], guest: Guest, message: bytes, fds: tuple[int, ...]) -> None:
    """Launch a session that no launcher was made for; never returns."""
    company = launcher.gather(Plan.from_bytes(message).shape(), guest.serve, (*held, *fds))
    launcher.launch(company, message, fds)


def _rehearse(guest: Guest) -> None:
    """Run what the processes of every session run, so that they find everything as they need it; see there."""
    plan = Plan(True, "none", 1, 1, 1, 1, 65534, 65534, "/", "/", "/", "", "/usr").to_bytes()
    entering.rehearse(plan)
    supervisor.rehearse(plan)
    guest.rehearse()


def _take(requests: socket.socket, serving: int, company: launcher.Company | None) -> tuple[bytes, tuple[int, ...]]:
    """Wait for a request; does not return when there will be none, or when one of `company` has died."""
    ends = [serving] if company is None else [serving, company.channel]
    while True:
        ready = select.select([requests, *ends], [], [])[0]
        if requests not in ready or (company is not None and company.channel in ready):
            os._exit(0)
        with contextlib.suppress(BlockingIOError):  # taken by another
            message, fds = passing.receive(requests)
            if not message:
                os._exit(0)
            return message, fds


def _prepare() -> Guest:
    """Do once what would be the same in each session."""
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    signal.signal(SIGCHLD, signal.SIG_IGN)  # the kernel reaps what nobody waits for
    for name in THREADS:  # libraries were loaded for one: only a process with one thread can be forked
        os.environ[name] = str(min(4, os.cpu_count() or 1))
    os.environ.pop("LD_BIND_NOW", None)
    os.environ.update(entering.temporary_directories("/tmp"))
    for name in [name for name in sys.modules if name.split(".")[0] == "sandbox"]:
        del sys.modules[name]  # a module of that name that the code brings along must be importable
    for network in (False, True):
        with contextlib.suppress(OSError):
            seccomp.filter_here(network, None)
    guest = Guest()
    for _ in range(REHEARSALS):
        _rehearse(guest)
    gc.collect()
    FILLING.extend(pages.fill_holes())
    gc.freeze()
    pages.gather()
    _rehearse(guest)
    return guest
