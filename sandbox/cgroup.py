"""A control group for each session, where this server was given a part of the cgroup v2 tree to manage.

Protects the machine exactly where the watchdog only looks now and then: memory (kernel memory and swap too), processes
and CPU of a session as a whole. Where nothing was given, the watchdog stands alone; nothing outside the part that was
given is ever changed. Source of the rules: the kernel's `Documentation/admin-guide/cgroup-v2.rst`.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

from sandbox import portable
from sandbox.policy import SandboxPolicy
from sandbox.report import Layer

NAME = "control group"
CONTROLLERS = ("cpu", "memory", "pids")
PREFIX = "mistralrs-"
OWN_LEAF = "mistralrs-server"
"""Where the server moves: a group that gives controllers to others may hold no process itself."""
CPU_PERIOD_US = 100_000
REMOVE_TRIES, REMOVE_PAUSE_S = 200, 0.005
OUR_PROCESSES = 3
"""Of a session, beside those of the code: while it starts, and its supervisor."""
REMEDY = (
    "start the server with `systemd-run --user --scope -p Delegate=yes mistralrs ...`; in a container, with a writable "
    "/sys/fs/cgroup and cgroup namespace of its own"
)


@dataclass(frozen=True, slots=True)
class Delegation:
    """The part of the tree that this server may manage."""

    directory: Path | None
    """Below it, groups can be made. None: there is no such part."""
    reason: str = ""
    """Why not."""

    def layer(self) -> Layer:
        """Tell it, for sessions that have no group."""
        return Layer(NAME, False, (), f"{self.reason}; the watchdog stands in", REMEDY, stand_in="watchdog")


@dataclass(frozen=True, slots=True)
class Group:
    """The group of one session. Make one with `create`; `launcher` joins it."""

    path: Path

    @classmethod
    def create(cls, parent: Path, policy: SandboxPolicy, cpus: int) -> Group:
        """Make a group with the limits of `policy`, as far as `parent` gives controllers. Raises OSError."""
        group = cls(parent / f"{PREFIX}{os.getpid()}-{secrets.token_hex(4)}")
        given = _words(parent / "cgroup.subtree_control")
        limits = {
            "memory.max": policy.max_memory_mb << 20,
            "memory.swap.max": 0,
            "pids.max": policy.max_procs + OUR_PROCESSES,
            "cpu.max": f"{cpus * CPU_PERIOD_US} {CPU_PERIOD_US}",
        }
        group.path.mkdir()
        try:
            for name, limit in limits.items():
                if name.partition(".")[0] in given:
                    with contextlib.suppress(FileNotFoundError):  # a kernel that does not count swap
                        (group.path / name).write_text(str(limit))
        except OSError:
            group.remove()
            raise
        return group

    def out_of_memory(self) -> bool:
        """Whether the kernel ended a process of the group for its memory."""
        try:
            events = (self.path / "memory.events").read_text().splitlines()
        except OSError:
            return False  # no memory controller
        return any(event.startswith("oom_kill ") and event != "oom_kill 0" for event in events)

    def remove(self) -> None:
        """End every process that is left in the group and take it away."""
        with contextlib.suppress(OSError):  # kernels before 5.14 do not have it
            (self.path / "cgroup.kill").write_text("1")
        for _ in range(REMOVE_TRIES):
            try:
                return self.path.rmdir()
            except FileNotFoundError:
                return None
            except OSError:  # the last process is still on its way out
                time.sleep(REMOVE_PAUSE_S)
        return None  # left to the next start


@functools.cache
def delegation() -> Delegation:
    """Look once what this server may manage, and make it ready for sessions."""
    return find()


def find(proc: Path = Path("/proc/self"), root: Path = Path("/")) -> Delegation:
    """Look for it by what `proc` says about this process; `root` stands before every path that it names.

    Where needed, this process and those it started move to a group of their own, so that sessions can have theirs.
    """
    try:
        directory = _own_directory(proc, root)
        if directory is None:
            return Delegation(None, "no cgroup v2 tree is mounted")
        if not _is_given(directory, at_the_top=_own_path(proc) == "/"):
            return Delegation(None, f"{directory} is not delegated to this server")
        if missing := set(CONTROLLERS) - _words(directory / "cgroup.controllers"):
            return Delegation(None, f"cgroup v2 has no {', '.join(sorted(missing))} controller here")
        _give_controllers(directory)
        _remove_abandoned(directory)
    except OSError as error:
        return Delegation(None, f"{error.strerror} ({error.filename})")
    return Delegation(directory)


def for_session(policy: SandboxPolicy, cpus: int) -> tuple[Group | None, Layer | None]:
    """Make a group for a session, or say why there is none."""
    if policy.mode == "off" or portable.NEEDED:
        return None, None
    given = delegation()
    if given.directory is None:
        return None, given.layer()
    try:
        return Group.create(given.directory, policy, cpus), None
    except OSError as error:
        return None, Delegation(None, f"{error.strerror} ({error.filename})").layer()


def _own_path(proc: Path) -> str | None:
    lines = (proc / "cgroup").read_text().splitlines()
    return next((line.removeprefix("0::") for line in lines if line.startswith("0::")), None)


def _own_directory(proc: Path, root: Path) -> Path | None:
    """Where the group of this process is, or None without cgroup v2."""
    own = _own_path(proc)
    for line in (proc / "mountinfo").read_text().splitlines():
        mounted, _, described = line.partition(" - ")
        top, point = mounted.split()[3:5]
        if own is not None and described.startswith("cgroup2 ") and f"{own}/".startswith(top.rstrip("/") + "/"):
            return root / point.lstrip("/") / own[len(top.rstrip("/")) :].lstrip("/")
    return None


def _is_given(directory: Path, at_the_top: bool) -> bool:
    """Whether the group is ours to manage. An ordinary user can write only to what was given; root to everything."""
    needed = (directory, directory / "cgroup.procs", directory / "cgroup.subtree_control")
    if not all(os.access(path, os.W_OK) for path in needed):
        return False
    if os.geteuid() != 0 or at_the_top:  # the top of a container's own view
        return True
    for name in ("trusted.delegate", "user.delegate"):  # set by systemd
        with contextlib.suppress(OSError):
            if os.getxattr(directory, name) == b"1":
                return True
    return False


def _give_controllers(directory: Path) -> None:
    control = directory / "cgroup.subtree_control"
    if set(CONTROLLERS) <= _words(control):
        return
    wanted = " ".join(f"+{name}" for name in CONTROLLERS)
    try:
        control.write_text(wanted)
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        leaf = directory / OWN_LEAF
        leaf.mkdir(exist_ok=True)
        for pid in _ourselves():
            with contextlib.suppress(ProcessLookupError):  # it ended meanwhile
                (leaf / "cgroup.procs").write_text(str(pid))
        control.write_text(wanted)


def _ourselves() -> list[int]:
    """This process and all that it started."""
    found = [os.getpid()]
    for pid in found:
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (task / "children").read_text().split())
    return found


def _remove_abandoned(directory: Path) -> None:
    """Groups of servers that were killed; none of them holds a process any more."""
    for path in directory.glob(f"{PREFIX}*-*"):
        server = path.name.removeprefix(PREFIX).partition("-")[0]
        if server.isdigit() and not Path(f"/proc/{server}").exists():
            with contextlib.suppress(OSError):
                path.rmdir()


def _words(file: Path) -> set[str]:
    return {word.lstrip("+") for word in file.read_text().split()}
