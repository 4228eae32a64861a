"""Puts up the walls, one after the other, and starts the interpreter behind them.

Runs in a fresh fork of `zygote`, before any untrusted code exists in it. Each step notes whether it worked; nothing is
decided here: the server reads the notes before it sends the first line of code, and ends the session when they are not
good enough for the policy.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sandbox.linux import landlock, limits, mounts, namespaces, seccomp, supervisor
from sandbox.linux.kernel import PR_SET_CHILD_SUBREAPER, PR_SET_DUMPABLE, PR_SET_PDEATHSIG, prctl
from sandbox.linux.plan import Plan

SIGKILL = 9
CONTROL_FD = 900
"""Lowest number of the control descriptor inside: out of the way of what the code opens and counts on."""
USER_NAMESPACE_REMEDY = (
    "allow unprivileged user namespaces (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone, "
    "kernel.apparmor_restrict_unprivileged_userns=0 or an AppArmor profile; in Docker a seccomp profile that allows "
    "unshare and mount)"
)
KERNEL_REMEDY = "use Linux 5.13 or newer with Landlock among its security modules (lsm=landlock,...)"
_OWN = (
    "cmdline",
    "comm",
    "environ",
    "exe",
    "fd",
    "fdinfo",
    "io",
    "limits",
    "maps",
    "oom_score",
    "smaps",
    "smaps_rollup",
)
PROC_ALONE = (
    *(f"/proc/self/{name}" for name in (*_OWN, "stat", "statm", "status")),  # "net" and "mounts" show those of the host
    *("/proc/meminfo", "/proc/cpuinfo", "/proc/stat", "/proc/filesystems", "/proc/version"),
)


@dataclass
class Walls:
    """What was tried and what came of it, as rows for `sandbox.report.Layer`."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    separated: bool = False
    own_root: bool = False

    def note(self, name: str, on: bool, protects: tuple[str, ...], detail: str, remedy: str = "") -> None:
        """Record one layer."""
        self.rows.append({"name": name, "on": on, "protects": protects, "detail": detail, "remedy": remedy})


def main(plan: Plan, control: int, supervisor_fd: int, guest: Callable[[int], None]) -> None:
    """Build everything for `plan` and run `guest` on `control` inside; returns in no process.

    The session's first process is told to the server by a descriptor of it, so that the server can wait for its end.
    """
    walls = Walls()
    separation = None
    if plan.isolated:
        _give_way_when_memory_runs_out()
        separation = namespaces.separate(plan.uid, plan.gid, plan.network != "full")
        walls.separated = separation.separated
    server = socket.socket(fileno=supervisor_fd)
    first = os.fork()
    if first:
        handle = os.pidfd_open(first)
        with contextlib.suppress(OSError):  # the server is gone, which the first process will notice too
            socket.send_fds(server, [b'{"event": "first"}\n'], [handle])
        os._exit(0)
    if separation is not None:
        _build(plan, separation, walls)
    if not walls.separated:
        prctl(PR_SET_CHILD_SUBREAPER, 1)
    prctl(PR_SET_DUMPABLE, 0)  # the code could write to /proc/1/mem otherwise
    interpreter, error = _start_interpreter(plan, walls, control, guest)
    watch = supervisor.Supervisor(server, interpreter, plan, walls.separated, walls.own_root)
    if plan.isolated:
        walls.note("watchdog", watch.can_see, (), "memory, CPU and disk of the whole session", "mount /proc")
    server.sendall(json.dumps({"event": "ready", "layers": walls.rows, "error": error}).encode() + b"\n")
    watch.run()


def _give_way_when_memory_runs_out() -> None:
    """Make this process and all it starts the kernel's first choice when the whole machine is out of memory."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "wb") as file:
        file.write(b"900")


def _build(plan: Plan, separation: namespaces.Separation, walls: Walls) -> None:
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
    tree = mounts.Tree(plan.readable, plan.workdir, plan.tmp, plan.memory_bytes // 4, plan.uid, plan.gid)
    try:
        remark = mounts.enter(tree, plan.stage)
    except OSError as error:
        walls.note("own root", False, (), str(error.strerror), USER_NAMESPACE_REMEDY)
        return
    walls.own_root = True
    walls.note("own root", True, ("files",), remark or "only the system, the interpreter and the working directory")


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


def _start_interpreter(plan: Plan, walls: Walls, control: int, guest: Callable[[int], None]) -> tuple[int, str | None]:
    """Fork the interpreter; returns its pid and what went wrong before it could start. Fills in `walls`."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            control = _become_interpreter(plan, walls, control, writing)
        except BaseException as error:  # noqa: BLE001 - this process must not go on as a second supervisor
            os.write(writing, (json.dumps({"error": f"{type(error).__name__}: {error}"}) + "\n").encode())
            os._exit(127)
        guest(control)
        os._exit(0)
    os.close(writing)
    os.close(control)
    for fd in (1, 2):
        os.dup2(0, fd)
    with open(reading, encoding="utf-8") as file:
        messages = [json.loads(line) for line in file]
    error = None
    for message in messages:
        walls.rows = message.get("rows", walls.rows)
        error = message.get("error", error)
    return child, error


def _become_interpreter(plan: Plan, walls: Walls, control: int, report: int) -> int:
    """The walls around each process of the code; returns the control descriptor, the only one left above 2."""
    prctl(PR_SET_DUMPABLE, 1)  # or its own /proc/self would be closed to it
    os.setsid()
    prctl(PR_SET_PDEATHSIG, SIGKILL)
    control = fcntl.fcntl(control, fcntl.F_DUPFD_CLOEXEC, CONTROL_FD)
    if not walls.own_root:
        _check_reach(plan)
    os.chdir(plan.workdir)
    temporary = "/tmp" if walls.own_root else plan.tmp
    os.environ.clear()
    os.environ.update({name: value.replace("{tmp}", temporary) for name, value in plan.environment.items()})
    if plan.isolated:
        _confine(plan, walls)
    os.write(report, (json.dumps({"rows": walls.rows}) + "\n").encode())
    os.closerange(3, control)
    return control


def _check_reach(plan: Plan) -> None:
    """Without a root of our own, the user the code runs as needs the way to the interpreter open. Raises OSError."""
    for prefix in (sys.prefix, sys.base_prefix):
        if not os.access(prefix, os.R_OK | os.X_OK):
            raise PermissionError(
                f"user {plan.uid}, as whom code runs when the server is root, cannot reach the interpreter in "
                f"{prefix!r}; install it where everybody can read, or run the server as an ordinary user"
            )


def _confine(plan: Plan, walls: Walls) -> None:
    processes = plan.processes + 1  # the first process counts too
    if not walls.separated:
        processes += limits.tasks_of(plan.uid)
    limits.set_limits(plan.memory_bytes, plan.cpu_s, processes)
    walls.note("limits", True, ("limits",), "memory, CPU, processes, open files and file size of each process")
    try:
        limits.drop_privileges()
        walls.note("no privileges", True, (), f"user {plan.uid}, no capabilities, no way to gain any")
    except OSError as error:
        walls.note("no privileges", False, (), str(error), "use Linux 3.5 or newer")
    _landlock(plan, walls)
    try:
        alone = None if walls.separated else os.getpid()
        seccomp.install(seccomp.build_here(plan.network == "full" or _has_loopback(plan, walls), alone))
        held = () if plan.network == "full" else ("network",)
        restricted = ("syscalls",) if _has_loopback(plan, walls) else ("syscalls", *held)
        walls.note("seccomp", True, restricted, "debugging, mounting, kernel keys and exotic sockets are refused")
    except OSError as error:
        walls.note("seccomp", False, (), str(error), "use x86-64 or aarch64 with CONFIG_SECCOMP_FILTER")


def _has_loopback(plan: Plan, walls: Walls) -> bool:
    """Internet sockets are allowed where the network namespace makes them harmless."""
    return plan.network == "loopback" and walls.separated


def _landlock(plan: Plan, walls: Walls) -> None:
    devices = [f"/dev/{name}" for name in mounts.DEVICES]
    if walls.own_root:
        readable, writable = ["/"], [plan.workdir, "/tmp", "/dev/shm"]
    else:
        readable, writable = [*plan.readable, *PROC_ALONE], [plan.workdir, plan.tmp]
    try:
        version = landlock.restrict(readable, writable, devices)
    except OSError as error:
        walls.note("landlock", False, (), str(error.strerror), KERNEL_REMEDY)
        return
    protects = ("files", "processes") if version >= 6 else ("files",)
    scoped = "signals stay inside" if version >= 6 else "signals and abstract sockets are not covered before version 6"
    walls.note("landlock", True, protects, f"version {version}: files by path; {scoped}")
