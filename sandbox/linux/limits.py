"""Resource limits of each process, and privileges given up for good.

Protects the machine from one process that takes too much; many processes that each stay below are the business of
`supervisor`. A limit on processes means nothing to root: the code never runs as root when these are used.
"""

from __future__ import annotations

import functools
import os
import resource
import struct

from sandbox.linux.kernel import (
    PR_CAP_AMBIENT,
    PR_CAPBSET_DROP,
    PR_SET_NO_NEW_PRIVS,
    PR_SET_SECUREBITS,
    prctl,
    syscall,
)

MAX_OPEN_FILES = 1024
MAX_PENDING_SIGNALS = 4096
"""Timers count too."""
MAX_FILE_BYTES = 256 * 2**20
CPU_GRACE_S = 5
"""Between the warning signal, which the code can see as an exception, and the end."""
_LIMITS = struct.Struct("=QQ")
CAPABILITY_VERSION = 0x20080522
LOCKED_SECUREBITS = 0x2F
"""NOROOT, NO_SETUID_FIXUP, each locked, and KEEP_CAPS locked off."""


def set_limits(memory_bytes: int, processes: int) -> None:
    """Limit this process and what it starts in everything but CPU time; never above what it may have already.

    `memory_bytes` is what the code may map on top of what is mapped when it begins.
    """
    _lower(resource.RLIMIT_CORE, 1, 1)  # 0 would not keep the kernel from handing a core to a program of the host
    space = memory_bytes + address_space()
    _lower(resource.RLIMIT_AS, space, space)
    _lower(resource.RLIMIT_NOFILE, MAX_OPEN_FILES, MAX_OPEN_FILES)
    _lower(resource.RLIMIT_FSIZE, MAX_FILE_BYTES, MAX_FILE_BYTES)
    _lower(resource.RLIMIT_NPROC, processes, processes)
    _lower(resource.RLIMIT_MEMLOCK, 2**16, 2**16)
    _lower(resource.RLIMIT_MSGQUEUE, 0, 0)
    _lower(resource.RLIMIT_SIGPENDING, MAX_PENDING_SIGNALS, MAX_PENDING_SIGNALS)


def set_cpu_limit(cpu_s: int) -> None:
    """Limit the CPU time of this process, and of each that it starts."""
    _lower(resource.RLIMIT_CPU, cpu_s, cpu_s + CPU_GRACE_S)


@functools.cache
def capabilities() -> int:
    """Return how many capabilities this kernel has; more where that cannot be read."""
    try:
        with open("/proc/sys/kernel/cap_last_cap", encoding="utf-8") as file:
            return int(file.read()) + 1
    except OSError:
        return 64


def address_space() -> int:
    """Bytes of address space this process has already: libraries that are loaded, mostly."""
    try:
        statm = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return 0  # no /proc
    pages = int(os.read(statm, 100).split()[0])
    os.close(statm)
    return pages * resource.getpagesize()


def _lower(which: int, soft: int, hard: int) -> None:
    _, ceiling = resource.getrlimit(which)
    if ceiling != resource.RLIM_INFINITY:
        soft, hard = min(soft, ceiling), min(hard, ceiling)
    syscall("prlimit64", 0, which, _LIMITS.pack(soft, hard), None)


def tasks_of(uid: int) -> int:
    """Count the threads of a user on this machine: without a user namespace the process limit counts them all."""
    total = 0
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                if os.stat(f"/proc/{name}").st_uid == uid:
                    total += len(os.listdir(f"/proc/{name}/task"))
            except OSError:
                continue  # it ended while we looked
    return total


def forbid_gaining() -> None:
    """Let no program that this process starts have more rights than it has. Raises OSError."""
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    try:
        for capability in range(capabilities()):
            prctl(PR_CAPBSET_DROP, capability)
    except OSError:
        pass  # past the last capability of this kernel; or no right to drop, and then there are none to keep
    try:
        prctl(PR_SET_SECUREBITS, LOCKED_SECUREBITS)
    except PermissionError:
        return  # only a process with CAP_SETPCAP can, and only such a one needs to


def drop_privileges() -> None:
    """Give up every capability; after `forbid_gaining`, for good. Raises OSError."""
    prctl(PR_CAP_AMBIENT, 4)
    header = struct.pack("=Ii", CAPABILITY_VERSION, 0)
    nothing = bytes(24)
    syscall("capset", header, nothing)
