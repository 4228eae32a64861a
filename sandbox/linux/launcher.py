"""Makes the processes of a session before it is asked for, and puts up the walls around them when it is.

Runs in a fresh fork of `zygote`, before any untrusted code exists in it. Three processes, each a copy of memory that
the zygote shares with all: the launcher enters the namespaces that are the same for every session, starts the first
process of those, which starts the interpreter; so far nobody has to know the plan. When it comes, the launcher builds
what stands around the whole session and ends; the first process stays to watch (`supervisor`), and is kept from
touching memory; the interpreter moves in and closes the doors behind itself (`entering`).

Each step notes whether it worked; nothing is decided here: the server reads the notes before it sends the first line of
code, and ends the session when they are not good enough for the policy.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
from collections.abc import Callable, Iterable
from os import close, setsid
from typing import NamedTuple

from sandbox.guest.__main__ import SIG_DFL, set_handler
from sandbox.linux import disk, landlock, mounts, namespaces, passing
from sandbox.linux.entering import BUILT, become_interpreter, join_group
from sandbox.linux.kernel import fork
from sandbox.linux.plan import Plan, Shape
from sandbox.linux.supervisor import SIGCHLD, supervise
from sandbox.linux.walls import USER_NAMESPACE_REMEDY, Walls

NOT_SEPARATED = namespaces.Separation(separated=False, as_root=False)


class Company(NamedTuple):
    """The processes of a session that wait for its plan, and this one, which will give it to them."""

    separation: namespaces.Separation
    first: int
    channel: socket.socket
    """To the interpreter; becomes readable when it is gone."""


def gather(shape: Shape, guest: Callable[[int, dict[str, str]], None], held: Iterable[int]) -> Company:
    """Make this process a launcher and start the others, which run `guest` in the end and close the descriptors `held`.

    Returns in this process only.
    """
    set_handler(SIGCHLD, SIG_DFL)
    separation = NOT_SEPARATED
    if shape.isolated:
        separation = namespaces.separate(shape.uid, shape.gid, shape.network != "full")
    channel, told = passing.pair()
    watching, watched = passing.pair()
    launcher = os.pidfd_open(os.getpid())
    of_nobody = (*held, channel.fileno())
    of_interpreter, ours = watched.fileno(), (launcher, told.fileno())
    first = fork()
    if first == 0:
        for fd in of_nobody:
            close(fd)
        interpreter = fork()
        if interpreter == 0:
            setsid()
            watching.close()
            become_interpreter(told, watched, launcher, separation, guest)
        close(of_interpreter)
        supervise(interpreter, watching, ours, separation)
    for end in (told, watching, watched):
        end.close()
    os.close(launcher)
    return Company(separation, first, channel)


def launch(company: Company, message: bytes, fds: tuple[int, ...]) -> None:
    """Make a session of `company` for the plan in `message`, with `FDS`; never returns.

    The server is given descriptors of this process and of the session's first, so that it can wait for their ends.
    """
    control, line, stdout, stderr = fds
    plan = Plan.from_bytes(message)
    os.dup2(stderr, 2)
    with contextlib.suppress(OSError):  # the server is gone, which the first process will notice too
        processes = [os.pidfd_open(os.getpid()), os.pidfd_open(company.first)]
        socket.send_fds(socket.socket(fileno=os.dup(line)), [b'{"event": "first"}\n'], processes)
    refused = _join_group(plan, company.first)
    passing.send(company.channel, message, fds)
    for fd in (control, stdout, stderr):
        os.close(fd)
    root, disk = list[int](), (0, 0)
    if plan.isolated:
        root, disk = _build(plan, company.separation, refused, line)
    passing.send(company.channel, BUILT.pack(bool(root), *disk), root)
    watch = select.poll()
    watch.register(company.channel, 0)
    watch.poll()  # until those inside have closed their end: they join namespaces that they find by this process
    os._exit(0)


def _build(plan: Plan, separation: namespaces.Separation, refused: str, line: int) -> tuple[list[int], tuple[int, int]]:
    """Put up the walls around the whole session, but for the steps that only those inside can take.

    This process ends afterwards: what memory it touches is given back. Returns a descriptor of the session's own root,
    if it has one, and bytes and entries on disk to begin with.
    """
    walls = Walls(separation.separated, own_root=False)
    before = disk.use(plan, own_root=False)
    if refused:
        walls.note("control group", False, (), f"it cannot be joined: {refused}", stand_in="watchdog")
    elif plan.group:
        walls.note("control group", True, ("limits",), "memory, swap, processes and CPU of the whole session")
    root = _stand(plan, separation, walls)
    _announce(plan, walls)
    walls.tell(line, "walls")
    return root, before


def _join_group(plan: Plan, first: int) -> str:
    """Join, with the first process; returns why not, empty if nothing failed."""
    try:
        if plan.group:
            join_group(plan.group, 0, first)
    except OSError as error:
        return str(error.strerror)
    return ""


def _stand(plan: Plan, separation: namespaces.Separation, walls: Walls) -> list[int]:
    """The walls that stand around the whole session. Returns a descriptor of its own root, if it has one."""
    if separation.separated:
        walls.note("namespaces", True, ("processes",), "own processes, IPC, host name and cgroup view")
    else:
        walls.note("namespaces", False, (), separation.reason, USER_NAMESPACE_REMEDY)
    root = _root(plan, walls)
    _network(plan, walls)
    if separation.separated:
        with contextlib.suppress(OSError):
            namespaces.set_hostname("sandbox")
    if separation.as_root:
        namespaces.step_down(plan.uid, plan.gid)
        with contextlib.suppress(OSError):  # then the process limit counts all processes of this user; see `limits`
            namespaces.enter_user_namespace(plan.uid, plan.gid)
    if separation.separated:
        with contextlib.suppress(OSError):  # /proc/sys cannot be written in some containers; seccomp refuses it too
            namespaces.forbid_more()
    return root


def _root(plan: Plan, walls: Walls) -> list[int]:
    if not walls.separated:
        walls.note("own root", False, (), "needs namespaces", USER_NAMESPACE_REMEDY)
        return []
    tree = mounts.Tree(plan.readable_paths(), plan.workdir, plan.tmp, plan.memory_bytes // 4, plan.uid, plan.gid)
    try:
        namespaces.separate_files()
        mounts.build(tree, plan.stage)
        root = os.open(plan.stage, os.O_PATH | os.O_CLOEXEC)  # now: the way may lead through folders of root alone
    except OSError as error:
        walls.note("own root", False, (), str(error.strerror), USER_NAMESPACE_REMEDY)
        return []
    walls.own_root = True
    walls.note("own root", True, ("files",), "only the system, the interpreter and the working directory")
    return [root]


def _network(plan: Plan, walls: Walls) -> None:
    if plan.network == "full":
        return
    if not walls.separated:
        detail = "no network namespace; the system call filter allows no sockets but pairs, not even a loopback"
        walls.note("own network", False, (), detail, USER_NAMESPACE_REMEDY)
        return
    if plan.network == "none":
        walls.note("own network", True, ("network",), "no interface is up")
        return
    try:
        namespaces.bring_up_loopback()
        walls.note("own network", True, ("network",), "a private loopback; the host's 127.0.0.1 is not reachable")
    except OSError as error:
        detail = f"isolated, but its loopback could not be brought up: {error.strerror}"
        walls.note("own network", False, ("network",), detail, USER_NAMESPACE_REMEDY)


def _announce(plan: Plan, walls: Walls) -> None:
    """Note what the interpreter will do to itself; it only notes what fails then (`_confine`), to touch less memory."""
    walls.note("watchdog", True, (), "memory, CPU and disk of the whole session")
    walls.note("limits", True, ("limits",), "memory, CPU, processes, open files and file size of each process")
    walls.note("no privileges", True, (), f"user {plan.uid}, no capabilities, no way to gain any")
    with contextlib.suppress(OSError):
        version = landlock.abi()
        protects = ("files", "processes") if version >= 6 else ("files",)
        scoped = "signals stay inside" if version >= 6 else "signals and abstract sockets are open before version 6"
        walls.note("landlock", True, protects, f"version {version}: files by path; {scoped}")
    held = () if plan.network == "full" or walls.has_loopback(plan.network) else ("network",)
    detail = "debugging, mounting, kernel keys and exotic sockets are refused"
    walls.note("seccomp", True, ("syscalls", *held), detail)
