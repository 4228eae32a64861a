"""What a session uses of the disk: files in its directories, and those without a name that its processes hold open."""

from __future__ import annotations

import contextlib
import os
import signal
import stat
from collections.abc import Iterable

from sandbox.linux.plan import Plan

MAX_ENTRIES = 100_000
"""Files and directories a session may add; looking at more takes too long."""
MAX_DEPTH = 100


def use(plan: Plan, own_root: bool, pids: Iterable[int] = ()) -> tuple[int, int]:
    """Return (bytes, entries) of the working directory, temporary files, and what these hold open without a name.

    An interpreter that lies in /tmp is there to be read only, and not counted.
    """
    directories = [plan.workdir, "/tmp" if own_root else plan.tmp]
    tops = {os.stat(path)[1:3]: path for path in directories if os.path.isdir(path)}
    lying_there = (path for path in plan.readable_paths() if path.startswith("/tmp/") and os.path.isdir(path))
    skipped = tops.keys() | {os.stat(path)[1:3] for path in lying_there}
    uses = [tree_use(path, skipped) for path in tops.values()]
    deleted = _deleted_files(pids, {device for _, device in tops})
    return sum(used for used, _ in uses) + deleted, sum(entries for _, entries in uses)


def _deleted_files(pids: Iterable[int], devices: set[int]) -> int:
    """Bytes of regular files on these devices that have no name any more but are open in one of these processes.

    Ends a process that made itself invisible to us: nothing it holds could be counted.
    """
    found: dict[int, int] = {}
    for pid in pids:
        try:
            found.update(_nameless(pid, devices))
        except PermissionError:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        except OSError:
            continue  # it ended while we looked
    return sum(found.values())


def _nameless(pid: int, devices: set[int]) -> dict[int, int]:
    """Bytes by inode of the nameless files that one process holds. Raises OSError."""
    found: dict[int, int] = {}
    with os.scandir(f"/proc/{pid}/fd") as descriptors:
        for descriptor in descriptors:
            with contextlib.suppress(FileNotFoundError):
                status = os.stat(descriptor.path)
                if stat.S_ISREG(status.st_mode) and status.st_nlink == 0 and status.st_dev in devices:
                    found[status.st_ino] = status.st_blocks * 512
    return found


def tree_use(top: str, skip: set[tuple[int, int]]) -> tuple[int, int]:
    """Return (bytes on disk, entries) below `top`. Follows no link; leaves out directories (inode, device) in `skip`.

    A tree too large or too deep to look at counts as one with too many entries.
    """
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    stack = [os.open(top, flags & ~os.O_NOFOLLOW)]
    used, entries, below = _directory_use(stack[0], skip)
    waiting = [below]
    try:
        while stack:
            if not waiting[-1]:
                waiting.pop()
                os.close(stack.pop())
                continue
            with contextlib.suppress(OSError):
                stack.append(os.open(waiting[-1].pop(), flags, dir_fd=stack[-1]))
                more_used, more_entries, below = _directory_use(stack[-1], skip)
                waiting.append(below)
                used, entries = used + more_used, entries + more_entries
            if entries > 2 * MAX_ENTRIES or len(stack) > MAX_DEPTH:
                return used, entries + 2 * MAX_ENTRIES
    finally:
        for fd in stack:
            os.close(fd)
    return used, entries


def _directory_use(directory: int, skip: set[tuple[int, int]]) -> tuple[int, int, list[str]]:
    """Return (bytes, entries, names of subdirectories to look into) of one directory."""
    used, entries, below = 0, 0, list[str]()
    with os.scandir(directory) as found:
        for entry in found:
            entries += 1
            if entries > 2 * MAX_ENTRIES:
                break
            with contextlib.suppress(OSError):
                status = entry.stat(follow_symlinks=False)
                used += status.st_blocks * 512
                if stat.S_ISDIR(status.st_mode) and (status.st_ino, status.st_dev) not in skip:
                    below.append(entry.name)
    return used, entries, below
