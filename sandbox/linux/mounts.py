"""A root of our own: a small read-only tree that holds what Python needs, the working directory, and nothing else.

Protects every file of the host that is not listed, including sockets by path. What is listed as readable (the system's
programs and libraries, the interpreter and its packages) can be read by the code.
Sources are opened before anything is mounted, and every path is the same inside and outside, but for /tmp.
"""

from __future__ import annotations

import errno
import os
import stat
import struct
from dataclasses import dataclass

from sandbox.linux.kernel import syscall

DEVICES = ("null", "zero", "full", "random", "urandom")
MAX_SHARED_FILES = 10_000
"""In /dev/shm: even an empty file takes memory of the kernel."""
AT_EMPTY_PATH, AT_RECURSIVE = 0x1000, 0x8000
OPEN_TREE_CLONE = 1
MOVE_FROM_FD = 0x4
READ_ONLY, NO_SETUID, NO_DEVICES = 0x1, 0x2, 0x4
MS_NOSUID, MS_NODEV, MS_NOEXEC = 0x2, 0x4, 0x8
MS_REC, MS_PRIVATE = 0x4000, 0x40000
DETACH = 2

ETC = {
    "passwd": "root:x:0:0:root:/:/usr/sbin/nologin\nsandbox:x:{uid}:{gid}:sandbox:{home}:/bin/sh\n",
    "group": "root:x:0:\nsandbox:x:{gid}:\n",
    "hosts": "127.0.0.1 localhost sandbox\n::1 localhost\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}


@dataclass(frozen=True)
class Tree:
    """What the new root holds."""

    readable: tuple[str, ...]
    """Files and directories of the host, at the same path inside, read-only."""
    workdir: str
    tmp: str
    """Host directory that becomes /tmp."""
    shared_memory_bytes: int
    uid: int
    gid: int


def build(tree: Tree, stage: str) -> None:
    """Build `tree` in this mount namespace, on the empty directory `stage`. Raises OSError."""
    _mount(None, "/", None, MS_REC | MS_PRIVATE)
    wanted = [path for path in tree.readable if path not in {f"/etc/{name}" for name in ETC}]
    opened = [(path, _clone(path, READ_ONLY | NO_SETUID | NO_DEVICES)) for path in wanted if not _is_link(path)]
    opened += [("/tmp", _clone(tree.tmp, NO_SETUID | NO_DEVICES))]
    opened += [(tree.workdir, _clone(tree.workdir, NO_SETUID | NO_DEVICES))]
    opened += [(f"/dev/{name}", _clone(f"/dev/{name}", READ_ONLY | NO_SETUID)) for name in DEVICES]
    links = [(path, os.readlink(path)) for path in wanted if _is_link(path)]
    _mount("tmpfs", stage, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=4m")
    _make_dev(stage, tree.shared_memory_bytes)
    for path, source in sorted(opened, key=lambda item: item[0].count("/")):
        _attach(source, stage, path)
    for path, target in links:
        if not os.path.lexists(stage + path):
            os.symlink(target, stage + path)
    _make_etc(stage, tree)
    os.makedirs(stage + "/proc", exist_ok=True)


def enter(stage: int) -> str:
    """Make what was built on the directory of this descriptor the root of this mount namespace.

    For a process in a pid namespace of its own. Returns a remark, empty when everything could be mounted. Raises
    OSError, with the old root still in place.
    """
    os.fchdir(stage)
    remark = _mount_proc()
    syscall("pivot_root", b".", b".")
    syscall("umount2", b".", DETACH)
    os.chdir("/")
    syscall("mount_setattr", -100, b"/", 0, _attributes(READ_ONLY), 32)
    return remark


def _is_link(path: str) -> bool:
    """Links of the system tree are made again inside; single files of /etc are taken from where they point."""
    return os.path.islink(path) and not path.startswith("/etc/")


def _attributes(to_set: int) -> bytes:
    return struct.pack("=QQQQ", to_set, 0, 0, 0)


def _clone(path: str, attributes: int) -> int:
    """Return a descriptor of a detached copy of the mounts at `path`."""
    try:
        flags = OPEN_TREE_CLONE | os.O_CLOEXEC | AT_RECURSIVE
        source = syscall("open_tree", -100, os.fsencode(path), flags)
        syscall("mount_setattr", source, b"", AT_EMPTY_PATH | AT_RECURSIVE, _attributes(attributes), 32)
    except OSError as error:
        raise OSError(error.errno, f"{error.strerror} ({path})") from error
    return source


def _attach(source: int, stage: str, path: str) -> None:
    """Mount `source` at `path` below `stage`, making the way there. Raises OSError when a link is in the way.

    Part of the way can be in the working directory, where earlier code may have put a link that leads out.
    """
    is_directory = stat.S_ISDIR(os.fstat(source).st_mode)
    parts = path.strip("/").split("/")
    for depth in range(1, len(parts) + 1):
        target = "/".join([stage, *parts[:depth]])
        if os.path.islink(target):
            raise OSError(errno.ELOOP, f"a link is in the way of {path}")
        if os.path.lexists(target):
            continue
        if depth < len(parts) or is_directory:
            os.mkdir(target)
        else:
            os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o644))
    syscall("move_mount", source, b"", -100, os.fsencode(f"{stage}{path}"), MOVE_FROM_FD)
    os.close(source)


def _make_dev(stage: str, shared_memory_bytes: int) -> None:
    os.makedirs(stage + "/dev/shm")
    for name, target in (("fd", "fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")):
        os.symlink(f"/proc/self/{target}", f"{stage}/dev/{name}")
    options = f"mode=1777,size={shared_memory_bytes},nr_inodes={MAX_SHARED_FILES}"
    _mount("tmpfs", stage + "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, options)


def _make_etc(stage: str, tree: Tree) -> None:
    os.makedirs(stage + "/etc", exist_ok=True)
    for name, text in ETC.items():
        with open(f"{stage}/etc/{name}", "w", encoding="utf-8") as file:
            file.write(text.format(uid=tree.uid, gid=tree.gid, home=tree.workdir))


def _mount_proc() -> str:
    """Mount a /proc that knows only this pid namespace; some containers do not allow that."""
    try:
        syscall("mount", b"proc", b"proc", b"proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, None)
    except OSError as error:
        return f"no /proc inside ({error.strerror})"
    return ""


def _mount(source: str | None, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    encoded = [value if value is None else value.encode() for value in (source, kind, options)]
    syscall("mount", encoded[0], os.fsencode(target), encoded[1], flags, encoded[2])
