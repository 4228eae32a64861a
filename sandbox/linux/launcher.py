"""Puts up the walls, one after the other, and starts the interpreter behind them.

Runs in a fresh fork of `zygote`, before any untrusted code exists in it. Each step notes whether it worked; nothing is
decided here: the server reads the notes before it sends the first line of code, and ends the session when they are not
good enough for the policy.

Three processes, each a copy of memory that the zygote shares with all: the launcher enters new namespaces, builds in
them and ends; the first process of those stays, and is kept from touching memory; the interpreter closes the doors
behind itself.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import struct
import sys
from collections.abc import Callable
from typing import Any

from sandbox.guest.__main__ import SIG_DFL, set_handler
from sandbox.linux import landlock, limits, mounts, namespaces, seccomp, supervisor
from sandbox.linux.kernel import PR_SET_CHILD_SUBREAPER, PR_SET_DUMPABLE, PR_SET_PDEATHSIG, fork, prctl
from sandbox.linux.plan import Plan
from sandbox.linux.supervisor import SIGCHLD

SIGKILL = 9
CONTROL_FD = 900
"""Number of the control descriptor inside: out of the way of what the code opens and counts on."""
USER_NAMESPACE_REMEDY = (
    "allow unprivileged user namespaces (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone, "
    "kernel.apparmor_restrict_unprivileged_userns=0 or an AppArmor profile; in Docker a seccomp profile that allows "
    "unshare and mount)"
)
KERNEL_REMEDY = "use Linux 5.13 or newer with Landlock among its security modules (lsm=landlock,...)"
_OWN = (
    *("cmdline", "comm", "environ", "exe", "fd", "fdinfo", "io", "limits", "maps", "oom_score", "smaps"),
    *("smaps_rollup", "stat", "statm", "status"),
)
PROC_ALONE = (
    *(f"/proc/self/{name}" for name in _OWN),  # "net" and "mounts" show those of the host
    *("/proc/meminfo", "/proc/cpuinfo", "/proc/stat", "/proc/filesystems", "/proc/version"),
)
DEVICES = tuple(f"/dev/{name}" for name in mounts.DEVICES)
BUILT = struct.Struct("=?QQ")
READY = b'{"event": "ready", "layers": [], "error": null}\n'
NOT_SEPARATED = namespaces.Separation(separated=False, as_root=False)


class Walls:
    """What was tried and what came of it, as rows for `sandbox.report.Layer`."""

    def __init__(self, separated: bool, own_root: bool) -> None:
        self.separated = separated
        self.own_root = own_root
        self.rows: list[dict[str, Any]] = []

    def note(
        self, name: str, on: bool, protects: tuple[str, ...], detail: str, remedy: str = "", stand_in: str = ""
    ) -> None:
        """Record one layer."""
        row = {"name": name, "on": on, "protects": protects, "detail": detail, "remedy": remedy, "stand_in": stand_in}
        self.rows.append(row)

    def tell(self, line: int, event: str, error: str | None = None) -> None:
        """Send the rows so far to the server."""
        os.write(line, json.dumps({"event": event, "layers": self.rows, "error": error}).encode() + b"\n")


def main(plan: Plan, control: int, line: int, guest: Callable[[int, dict[str, str]], None]) -> None:
    """Build everything for `plan` and run `guest` on `control` inside; returns in no process.

    The server is given descriptors of this process and of the session's first, so that it can wait for their ends.
    """
    separation, refused = NOT_SEPARATED, ""
    if plan.isolated:
        refused = _join_group(plan)
        separation = namespaces.separate(plan.uid, plan.gid, plan.network != "full")
    launcher = os.pidfd_open(os.getpid())
    told, telling = os.pipe()
    first = fork()
    if first:
        os.close(told)
        server = socket.socket(fileno=line)
        with contextlib.suppress(OSError):  # the server is gone, which the first process will notice too
            socket.send_fds(server, [b'{"event": "first"}\n'], [launcher, os.pidfd_open(first)])
        if plan.isolated:
            _build(plan, separation, refused, line, telling)
        os._exit(0)
    os.close(telling)
    own_root, disk_before = False, (0, 0)
    if plan.isolated:
        own_root, disk_before = _move_in(plan, separation, told, launcher, line)
    for fd in (told, launcher):
        os.close(fd)
    if not separation.separated:
        prctl(PR_SET_CHILD_SUBREAPER, 1)
    prctl(PR_SET_DUMPABLE, 0)  # the code could write to /proc/1/mem otherwise
    watch = supervisor.Supervisor(line, plan, separation.separated, own_root, disk_before)
    set_handler(SIGCHLD, watch.child_ended)
    interpreter = fork()
    if interpreter == 0:
        _become_interpreter(plan, Walls(separation.separated, own_root), control, line)
        variables = {"HOME": plan.workdir}
        guest(CONTROL_FD, variables if own_root else variables | temporary_directories(plan.tmp))
    os.close(control)
    watch.run(interpreter)


def temporary_directories(top: str) -> dict[str, str]:
    """Return the environment variables that say where temporary files and caches are."""
    return {"TMPDIR": top, "XDG_CACHE_HOME": f"{top}/.cache", "MPLCONFIGDIR": f"{top}/.matplotlib"}


def rehearse(times: int) -> None:
    """Run what every session runs, where it does no harm; see `Guest.rehearse`."""
    example = Plan(True, "none", 1, 1, 1, 1, 65534, 65534, "/", "/", "/", "", "/usr").to_bytes()
    for _ in range(times):
        plan = Plan.from_bytes(example)
        Walls(separated=True, own_root=True)
        os.environ["HOME"] = os.environ["HOME"]
        limits.address_space()
        limits.capabilities()
        prctl(PR_SET_DUMPABLE, 1)
        with contextlib.suppress(OSError):
            os.close(landlock.ruleset(("/",), ("/",), DEVICES))
        supervisor.Supervisor(0, plan, own_processes=True, own_root=False, disk_before=(0, 0)).rehearse()


def _build(plan: Plan, separation: namespaces.Separation, refused: str, line: int, telling: int) -> None:
    """Put up the walls around the whole session, but for the steps that only its first process can take.

    This process ends afterwards: what memory it touches is given back.
    """
    walls = Walls(separation.separated, own_root=False)
    if refused:
        walls.note("control group", False, (), f"it cannot be joined: {refused}", stand_in="watchdog")
    elif plan.group:
        walls.note("control group", True, ("limits",), "memory, swap, processes and CPU of the whole session")
    _stand(plan, separation, walls)
    _announce(plan, walls)
    walls.tell(line, "walls")
    os.write(telling, BUILT.pack(walls.own_root, *supervisor.disk_use(plan, own_root=False)))
    watch = select.poll()
    watch.register(telling, 0)
    watch.poll()  # until the first process has closed its end: it joins a namespace that it finds by this process


def _move_in(
    plan: Plan, separation: namespaces.Separation, told: int, launcher: int, line: int
) -> tuple[bool, tuple[int, int]]:
    """Enter what the launcher built, as the code's user. Notes only the walls that fail.

    Returns whether the session has its own root, and bytes and entries on disk to begin with.
    """
    own_root, bytes_before, entries_before = BUILT.unpack(os.read(told, BUILT.size))
    walls = Walls(separation.separated, own_root)
    if own_root:
        try:
            remark = mounts.enter(plan.stage)
            if remark:
                walls.note("own root", True, ("files",), remark)
        except OSError as error:
            walls.own_root = False
            walls.note("own root", False, (), str(error.strerror), USER_NAMESPACE_REMEDY)
    if not supervisor.proc_is_ours():
        walls.note("watchdog", False, (), "/proc does not show the session", "mount /proc")
    if walls.rows:
        walls.tell(line, "walls")
    if separation.as_root:
        namespaces.step_down(plan.uid, plan.gid)
        namespaces.join_user_namespace(launcher)
    _limit(plan, separation)
    return walls.own_root, (bytes_before, entries_before)


def _join_group(plan: Plan) -> str:
    """Join before anything is started, and before namespaces hide the way; returns why not, empty if nothing failed."""
    if not plan.group:
        return ""
    try:
        file = os.open(f"{plan.group}/cgroup.procs", os.O_WRONLY | os.O_CLOEXEC)
        os.write(file, b"0")
        os.close(file)
    except OSError as error:
        return str(error.strerror)
    return ""


def _stand(plan: Plan, separation: namespaces.Separation, walls: Walls) -> None:
    """The walls that stand around the whole session."""
    if separation.separated:
        walls.note("namespaces", True, ("processes",), "own processes, IPC, host name and cgroup view")
    else:
        walls.note("namespaces", False, (), separation.reason, USER_NAMESPACE_REMEDY)
    _root(plan, walls)
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


def _root(plan: Plan, walls: Walls) -> None:
    if not walls.separated:
        walls.note("own root", False, (), "needs namespaces", USER_NAMESPACE_REMEDY)
        return
    tree = mounts.Tree(plan.readable_paths(), plan.workdir, plan.tmp, plan.memory_bytes // 4, plan.uid, plan.gid)
    try:
        mounts.build(tree, plan.stage)
    except OSError as error:
        walls.note("own root", False, (), str(error.strerror), USER_NAMESPACE_REMEDY)
        return
    walls.own_root = True
    walls.note("own root", True, ("files",), "only the system, the interpreter and the working directory")


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


def _become_interpreter(plan: Plan, walls: Walls, control: int, line: int) -> None:
    """Put up the walls around each process of the code and tell the server that the session is ready, or why not.

    Afterwards the control descriptor is `CONTROL_FD`, the only one above 2.
    """
    try:
        set_handler(SIGCHLD, SIG_DFL)
        prctl(PR_SET_DUMPABLE, 1)  # or its own /proc/self would be closed to it
        os.setsid()
        prctl(PR_SET_PDEATHSIG, SIGKILL)
        os.dup2(control, CONTROL_FD, inheritable=False)
        if not walls.own_root:
            _check_reach(plan)
        os.chdir(plan.workdir)
        if plan.isolated:
            _confine(plan, walls)
        if walls.rows:
            walls.tell(line, "ready")
        else:
            os.write(line, READY)
    except BaseException as error:  # noqa: BLE001 - this process must not go on as a second supervisor
        walls.tell(line, "ready", f"{type(error).__name__}: {error}")
        os._exit(127)
    os.closerange(3, CONTROL_FD)


def _check_reach(plan: Plan) -> None:
    """Without a root of our own, the user the code runs as needs the way to the interpreter open. Raises OSError."""
    for prefix in (sys.prefix, sys.base_prefix):
        if not os.access(prefix, os.R_OK | os.X_OK):
            raise PermissionError(
                f"user {plan.uid}, as whom code runs when the server is root, cannot reach the interpreter in "
                f"{prefix!r}; install it where everybody can read, or run the server as an ordinary user"
            )


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
    held = () if plan.network == "full" or _has_loopback(plan, walls) else ("network",)
    detail = "debugging, mounting, kernel keys and exotic sockets are refused"
    walls.note("seccomp", True, ("syscalls", *held), detail)


def _limit(plan: Plan, separation: namespaces.Separation) -> None:
    """Set what the interpreter inherits: every limit but that of CPU time, and that no rights can be gained."""
    processes = plan.processes + 1  # the first process counts too
    if not separation.separated:
        processes += limits.tasks_of(plan.uid)
    limits.set_limits(plan.memory_bytes, processes)
    limits.forbid_gaining()


def _confine(plan: Plan, walls: Walls) -> None:
    """Give up rights; notes only the walls that fail."""
    limits.set_cpu_limit(plan.cpu_s)
    try:
        limits.drop_privileges()
    except OSError as error:
        walls.note("no privileges", False, (), str(error), "use Linux 3.5 or newer")
    if walls.own_root:
        readable, writable = ("/",), (plan.workdir, "/tmp", "/dev/shm")
    else:
        readable, writable = (*plan.readable_paths(), *PROC_ALONE), (plan.workdir, plan.tmp)
    try:
        landlock.restrict(readable, writable, DEVICES)
    except OSError as error:
        walls.note("landlock", False, (), str(error.strerror), KERNEL_REMEDY)
    try:
        alone = None if walls.separated else os.getpid()
        seccomp.filter_here(plan.network == "full" or _has_loopback(plan, walls), alone).install()
    except OSError as error:
        walls.note("seccomp", False, (), str(error), "use x86-64 or aarch64 with CONFIG_SECCOMP_FILTER")


def _has_loopback(plan: Plan, walls: Walls) -> bool:
    """Internet sockets are allowed where the network namespace makes them harmless."""
    return plan.network == "loopback" and walls.separated
