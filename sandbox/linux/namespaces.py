"""Namespaces: what the session can see of other processes, networks and users, and an identity without rights.

Protects other processes (they have no number inside), the network of the host including its 127.0.0.1, System V
objects and the host name. Never leaves the code as root: the global root may write sysctls and is exempt from limits,
whatever its capabilities.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import struct
from typing import NamedTuple

from sandbox.linux.kernel import PR_SET_DUMPABLE, prctl, syscall

NEW_MOUNTS, NEW_CGROUP, NEW_UTS, NEW_IPC = 0x00020000, 0x02000000, 0x04000000, 0x08000000
NEW_USER, NEW_PIDS, NEW_NETWORK = 0x10000000, 0x20000000, 0x40000000

MAX_INOTIFY_INSTANCES = 32
"""They count against the user of the server too, who has 128 in all."""


class Separation(NamedTuple):
    """How far this process was separated from the host."""

    separated: bool
    """Pid, ipc and uts namespaces are new (and the network's, unless all of it was asked for)."""
    as_root: bool
    """They were made by the real root, who must still step down with `step_down`."""
    reason: str = ""
    """Why not, when not separated."""


def separate(uid: int, gid: int, private_network: bool) -> Separation:
    """Enter new namespaces; the next fork is the first process in them. A root without that right steps down first."""
    flags = NEW_UTS | NEW_IPC | NEW_PIDS | (NEW_NETWORK if private_network else 0)
    if os.geteuid() == 0:
        try:
            syscall("unshare", flags)
            return Separation(True, as_root=True)
        except OSError:
            step_down(uid, gid)
    try:
        syscall("unshare", flags | NEW_USER)
    except OSError as error:
        return Separation(False, as_root=False, reason=str(error.strerror))
    map_to_self(uid, gid)
    return Separation(True, as_root=False)


def step_down(uid: int, gid: int) -> None:
    """Become an unprivileged user for good."""
    syscall("setgroups", 0, None)
    syscall("setresgid", gid, gid, gid)
    syscall("setresuid", uid, uid, uid)
    prctl(PR_SET_DUMPABLE, 1)  # cleared by the change; without it /proc/self belongs to root


def enter_user_namespace(uid: int, gid: int) -> None:
    """Enter a user namespace that knows this user alone. Raises OSError where they are disabled."""
    syscall("unshare", NEW_USER)
    map_to_self(uid, gid)


def separate_files() -> None:
    """Enter a copy of the mounts as they are now, and see control groups from the one this process is in.

    Not part of `separate`: who waits for a plan would miss what is mounted meanwhile. Raises OSError.
    """
    syscall("unshare", NEW_MOUNTS | NEW_CGROUP)


def join(process: int, kinds: int) -> None:
    """Enter namespaces of the process of this descriptor, or stay in the user namespace it shares. Raises OSError."""
    try:
        syscall("setns", process, kinds)
    except OSError as error:
        if kinds != NEW_USER or error.errno != errno.EINVAL:
            raise


def map_to_self(uid: int, gid: int) -> None:
    """Name this user inside a user namespace just entered; the user is the same inside and outside."""
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        file = os.open(f"/proc/self/{name}", os.O_WRONLY | os.O_CLOEXEC)
        os.write(file, text.encode())
        os.close(file)


def forbid_more() -> None:
    """Let nobody in this user namespace make another namespace, or use up what its user may watch. Raises OSError."""
    ceilings = {f"max_{kind}_namespaces": 0 for kind in ("user", "mnt", "pid", "net", "ipc", "uts", "cgroup")}
    for name, ceiling in {**ceilings, "max_inotify_instances": MAX_INOTIFY_INSTANCES}.items():
        with open(f"/proc/sys/user/{name}", "w", encoding="utf-8") as file:
            file.write(str(ceiling))


def bring_up_loopback() -> None:
    """Turn on `lo` in a network namespace of our own. Raises OSError."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as anything:
        request = bytearray(struct.pack("16sh22x", b"lo", 0))
        fcntl.ioctl(anything, 0x8913, request)  # SIOCGIFFLAGS
        (flags,) = struct.unpack_from("h", request, 16)
        struct.pack_into("h", request, 16, flags | 0x1)  # IFF_UP
        fcntl.ioctl(anything, 0x8914, request)  # SIOCSIFFLAGS


def set_hostname(name: str) -> None:
    """Name the machine, inside."""
    encoded = name.encode()
    syscall("sethostname", encoded, len(encoded))
