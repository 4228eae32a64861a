"""How the interpreter moves into what the launcher built, and closes the doors behind itself.

It waits for its plan since before the session was asked for. It runs our code only until `Guest.serve`; what it cannot
put up it tells the server, which decides.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
from collections.abc import Callable

from sandbox.linux import kernel, landlock, limits, mounts, namespaces, passing, seccomp
from sandbox.linux.kernel import PR_SET_DUMPABLE, PR_SET_PDEATHSIG, prctl
from sandbox.linux.plan import Plan
from sandbox.linux.walls import USER_NAMESPACE_REMEDY, Walls

SIGKILL = 9
CONTROL_FD = 900
"""Number of the control descriptor inside: out of the way of what the code opens and counts on."""
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
READY = b'{"event": "ready", "layers": [], "error": null}\n'
BUILT = struct.Struct("=?QQ")
"""What the launcher tells about its work: whether there is a root to enter; bytes and entries on disk before."""


def become_interpreter(
    told: socket.socket,
    watched: socket.socket,
    launcher: int,
    separation: namespaces.Separation,
    guest: Callable[[int, dict[str, str]], None],
) -> None:
    """Wait for a plan and run `guest` under it; never returns.

    `told` leads to the launcher, `watched` to the first process, `launcher` is a descriptor of that process.
    """
    message, passed = passing.receive(told)
    if not message:
        os._exit(0)  # no session is needed any more
    plan = Plan.from_bytes(message)
    line = passed[1]
    walls = Walls(separation.separated, own_root=False)
    try:
        _enter(plan, message, passed, walls, told, watched, launcher, separation)
    except BaseException as error:  # noqa: BLE001 - this process must not go on as another one
        walls.tell(line, "ready", f"{type(error).__name__}: {error}")
        os._exit(127)
    os.closerange(3, CONTROL_FD)
    variables = {"HOME": plan.workdir}
    guest(CONTROL_FD, variables if walls.own_root else {**variables, **temporary_directories(plan.tmp)})


def _enter(
    plan: Plan,
    message: bytes,
    passed: tuple[int, ...],
    walls: Walls,
    told: socket.socket,
    watched: socket.socket,
    launcher: int,
    separation: namespaces.Separation,
) -> None:
    """Take the plan's place behind the walls and tell the server so. Raises OSError, RuntimeError."""
    control, line, stdout, stderr = passed
    os.dup2(stdout, 1)
    os.dup2(stderr, 2)
    os.dup2(control, CONTROL_FD, inheritable=False)
    if plan.group:
        _join_group(plan.group, walls)
    built, stage = passing.receive(told)
    if not built:
        raise RuntimeError("the launcher of the session ended")
    own_root, bytes_before, entries_before = BUILT.unpack(built)
    if own_root:
        _move_in(stage[0], launcher, walls)
    passing.send(watched, BUILT.pack(walls.own_root, bytes_before, entries_before) + message, [line])
    if separation.as_root:
        namespaces.step_down(plan.uid, plan.gid)
        namespaces.join(launcher, namespaces.NEW_USER)
    os.close(told.detach())  # the launcher can end
    _close_doors(plan, walls)
    if not passing.receive(watched)[0]:
        raise RuntimeError("the first process of the session ended")
    if walls.rows:
        walls.tell(line, "ready")
    else:
        os.write(line, READY)


def temporary_directories(top: str) -> dict[str, str]:
    """Return the environment variables that say where temporary files and caches are."""
    return {"TMPDIR": top, "XDG_CACHE_HOME": f"{top}/.cache", "MPLCONFIGDIR": f"{top}/.matplotlib"}


def _join_group(group: str, walls: Walls) -> None:
    """Join before anything is started, and before namespaces hide the way."""
    try:
        join_group(group, 0)
    except OSError as error:
        walls.note("control group", False, (), f"it cannot be joined: {error.strerror}", stand_in="watchdog")


def join_group(group: str, *pids: int) -> None:
    """Put processes (0: this one) into a control group. Raises OSError."""
    file = os.open(f"{group}/cgroup.procs", os.O_WRONLY | os.O_CLOEXEC)
    try:
        for pid in pids:
            os.write(file, str(pid).encode())
    finally:
        os.close(file)


def _move_in(stage: int, launcher: int, walls: Walls) -> None:
    """Make the root that was built ours; stay where we are if that fails. Notes only what fails."""
    before = os.open("/", os.O_PATH | os.O_CLOEXEC)
    try:
        namespaces.join(launcher, namespaces.NEW_MOUNTS | namespaces.NEW_CGROUP)
        remark = mounts.enter(stage)
        walls.own_root = True
        if remark:
            walls.note("own root", True, ("files",), remark)
    except OSError as error:
        os.fchdir(before)
        os.chroot(".")
        walls.note("own root", False, (), str(error.strerror), USER_NAMESPACE_REMEDY)
    finally:
        os.close(before)
        os.close(stage)


def _close_doors(plan: Plan, walls: Walls) -> None:
    """Put up the walls around each process of the code. Raises OSError."""
    prctl(PR_SET_DUMPABLE, 1)  # or its own /proc/self would be closed to it
    prctl(PR_SET_PDEATHSIG, SIGKILL)
    if not walls.own_root:
        _check_reach(plan)
    os.chdir(plan.workdir)
    if plan.isolated:
        _limit(plan, walls)
        _confine(plan, walls)


def _check_reach(plan: Plan) -> None:
    """Without a root of our own, the user the code runs as needs the way to the interpreter open. Raises OSError."""
    for prefix in (sys.prefix, sys.base_prefix):
        if not os.access(prefix, os.R_OK | os.X_OK):
            raise PermissionError(
                f"user {plan.uid}, as whom code runs when the server is root, cannot reach the interpreter in "
                f"{prefix!r}; install it where everybody can read, or run the server as an ordinary user"
            )


def _limit(plan: Plan, walls: Walls) -> None:
    """Set limits, and that no rights can be gained. Raises OSError."""
    processes = plan.processes + 1  # the first process counts too
    if not walls.separated:
        processes += limits.tasks_of(plan.uid)
    limits.set_limits(plan.memory_bytes, processes)
    limits.set_cpu_limit(plan.cpu_s)
    limits.forbid_gaining()


def _confine(plan: Plan, walls: Walls) -> None:
    """Give up rights; notes only the walls that fail."""
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
        seccomp.filter_here(plan.network == "full" or walls.has_loopback(plan.network), alone).install()
    except OSError as error:
        walls.note("seccomp", False, (), str(error), "use x86-64 or aarch64 with CONFIG_SECCOMP_FILTER")


def rehearse(message: bytes) -> None:
    """Run what every session runs, changing nothing; see `Guest.rehearse`. `message`: a plan for the directory "/"."""
    separation = namespaces.Separation(separated=True, as_root=True)
    plan = Plan.from_bytes(message)
    walls = Walls(separated=True, own_root=False)
    launcher, told = passing.pair()
    first, watched = passing.pair()
    with launcher, told, first, watched, kernel.rehearsal():
        stage = os.open("/", os.O_PATH | os.O_CLOEXEC)
        passing.send(launcher, message, (told.fileno(), told.fileno(), 1, 2))
        passing.send(launcher, BUILT.pack(True, 0, 0), (stage,))
        passing.send(first, b"1")
        _, passed = passing.receive(told)
        _enter(plan, message, passed, walls, told, watched, stage, separation)
        for fd in (stage, *passed, CONTROL_FD):
            os.close(fd)
