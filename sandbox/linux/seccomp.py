"""A system call filter, assembled here: no library, the same on glibc and musl.

Protects the kernel and other processes from calls that numeric Python does not need: debugging, mounting, namespaces,
kernel keys, raw and exotic sockets, io_uring. Protects the supervisor too: its limits and priority could be set by the
code otherwise, which runs as the same user. Everything not named stays allowed, so a hole in an allowed call is not
covered. File access by path is none of its business: that is `mounts` and `landlock`.
"""

from __future__ import annotations

import ctypes
import errno
import functools
import os
import socket
import struct
from collections.abc import Iterable, Sequence

from sandbox.linux.kernel import NUMBERS, PR_SET_SECCOMP, machine_index, prctl

ARCHITECTURES = (0xC000003E, 0xC00000B7)
"""AUDIT_ARCH of x86_64 and aarch64."""
X32_BIT = 0x40000000
KILL_PROCESS, ERRNO, ALLOW = 0x80000000, 0x00050000, 0x7FFF0000
NAMESPACE_FLAGS = 0x7E020000
"""CLONE_NEWNS, CGROUP, UTS, IPC, USER, PID, NET."""
TIOCSTI, TIOCLINUX = 0x5412, 0x541C
F_SETLEASE = 1024
PRIO_USER, IOPRIO_WHO_USER = 2, 3
RLIMIT_CORE = 4
SET_ID_BITS = 0o6000

LOAD, EQUAL, GREATER_EQUAL, ANY_BIT, AND, RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
OFFSET_NUMBER, OFFSET_ARCHITECTURE, OFFSET_ARGUMENTS = 0, 4, 16
Program = list[tuple[int, int, int, int]]

REFUSED = (
    *("ptrace", "process_vm_readv", "process_vm_writev", "kcmp", "pidfd_getfd", "process_madvise", "process_mrelease"),
    *("mount", "umount2", "pivot_root", "chroot", "unshare", "setns", "open_tree", "open_tree_attr", "move_mount"),
    *("fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr", "open_by_handle_at", "name_to_handle_at"),
    *("keyctl", "add_key", "request_key", "bpf", "perf_event_open", "userfaultfd", "fanotify_init", "fanotify_mark"),
    *("init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "reboot", "swapon", "swapoff"),
    *("settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "sethostname", "setdomainname", "acct", "syslog"),
    *("quotactl", "quotactl_fd", "personality", "shmget", "shmat", "shmctl", "shmdt", "memfd_secret", "modify_ldt"),
    *("iopl", "ioperm", "uselib", "lookup_dcookie", "vhangup", "migrate_pages", "move_pages", "nfsservctl"),
    *("_sysctl", "sysfs", "ustat", "statmount", "listmount", "msgget", "msgsnd", "msgrcv", "msgctl"),
    *("semget", "semop", "semtimedop", "semctl"),
)
"""Answered with EPERM."""
ABSENT = ("clone3", "io_uring_setup", "io_uring_enter", "io_uring_register", "io_setup", "memfd_create", "openat2")
"""Answered with ENOSYS, so that libraries fall back to what older kernels had."""
MODES = {"chmod": 1, "fchmod": 1, "fchmodat": 2, "fchmodat2": 2, "creat": 1, "mknod": 1, "mknodat": 2}
"""Which argument is the mode of a file. `openat2` hides it behind a pointer, so it must be absent."""
CREATING_MODES = {"open": 2, "openat": 3}
"""The same, where it counts only if the flags before it say that a file is made."""
CREATES = os.O_CREAT | 0o20000000  # O_TMPFILE without the bit of O_DIRECTORY
OF_A_PROCESS = ("prlimit64", "sched_setparam", "sched_setscheduler", "sched_setaffinity", "sched_setattr")
"""Change the process that their first argument names."""


def build(network: bool, machine: int, refused: Iterable[str] = REFUSED, alone: int | None = None) -> Program:
    """Return the filter as (code, jump if true, jump if false, operand) records for `NUMBERS` column `machine`.

    `network` allows Internet sockets. `alone` is the pid of the interpreter where it shares process numbers and the
    file system with the host: then it may change no process but itself, and without `network` has only pairs of
    stream sockets, which reach nobody; a Unix socket could connect to any service that listens on a path.
    """
    program = [
        (LOAD, 0, 0, OFFSET_ARCHITECTURE),
        (EQUAL, 1, 0, ARCHITECTURES[machine]),
        (RETURN, 0, 0, KILL_PROCESS),
        (LOAD, 0, 0, OFFSET_NUMBER),
    ]
    if machine == 0:
        program += [(GREATER_EQUAL, 0, 1, X32_BIT), _refuse(errno.EPERM)]
    for names, number in ((refused, errno.EPERM), (ABSENT, errno.ENOSYS)):
        for name in names:
            if (call := NUMBERS[name][machine]) is not None:
                program += [(EQUAL, 0, 1, call), _refuse(number)]
    program += _on_call(machine, "clone", [_load(0), (ANY_BIT, 0, 1, NAMESPACE_FLAGS), _refuse(errno.EPERM)])
    program += _on_call(machine, "ioctl", [_load(1), *_none_of((TIOCSTI, TIOCLINUX))])
    program += _on_call(machine, "fcntl", [_load(1), *_none_of((F_SETLEASE,))])
    program += [*_sockets(machine, network, alone), *_other_processes(machine, alone), *_modes(machine)]
    return [*program, (RETURN, 0, 0, ALLOW)]


def _sockets(machine: int, network: bool, alone: int | None) -> Program:
    families = (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6) if network else (socket.AF_UNIX,)
    pairs = [_load(0), *_only((socket.AF_UNIX,), errno.EAFNOSUPPORT)]
    if alone is not None and not network:
        families = ()
        low_bits = (AND, 0, 0, 0xF)  # above them are flags
        pairs += [_load(1), low_bits, *_only((socket.SOCK_STREAM, socket.SOCK_SEQPACKET), errno.EPROTONOSUPPORT)]
    return [
        *_on_call(machine, "socket", [_load(0), *_only(families, errno.EAFNOSUPPORT)]),
        *_on_call(machine, "socketpair", pairs),
    ]


def _other_processes(machine: int, alone: int | None) -> Program:
    """Nobody sets limits or priorities of the supervisor, or of processes of the host. Core files stay off.

    Where the kernel hands core files to a program of the host, a limit of 1 keeps it from that and one of 0 does not,
    so the limit that stands cannot be changed; who tries is told that it was done.
    """
    permitted = _none_of((1,)) if alone is None else _only((0, alone), errno.EPERM)
    no_change = [(EQUAL, 0, 2, 0), _load(2), (EQUAL, 1, 0, 0)]  # a null pointer only asks
    core = [_load(1), (EQUAL, 0, 5, RLIMIT_CORE), _load(2, high=True), *no_change, _refuse(0)]
    program: Program = []
    for call in OF_A_PROCESS:
        program += _on_call(machine, call, [_load(0), *permitted, *(core if call == "prlimit64" else [])])
    for call, everything in (("setpriority", PRIO_USER), ("ioprio_set", IOPRIO_WHO_USER)):
        program += _on_call(machine, call, [_load(0), *_none_of((everything,)), _load(1), *permitted])
    return [*program, *_on_call(machine, "setrlimit", [_load(0), (EQUAL, 0, 1, RLIMIT_CORE), _refuse(0)])]


def _modes(machine: int) -> Program:
    """No file may get a set-id bit: outside, another user of the machine could run it as the user of the server."""
    no_set_id = [(ANY_BIT, 0, 1, SET_ID_BITS), _refuse(errno.EPERM)]
    program: Program = []
    for call, argument in MODES.items():
        program += _on_call(machine, call, [_load(argument), *no_set_id])
    for call, argument in CREATING_MODES.items():
        only_creating = [_load(argument - 1), (ANY_BIT, 0, 3, CREATES)]
        program += _on_call(machine, call, [*only_creating, _load(argument), *no_set_id])
    return program


class Filter:
    """A program in the form that the kernel takes."""

    def __init__(self, program: Program) -> None:
        code = b"".join(struct.pack("=HBBI", *record) for record in program)
        self._instructions = ctypes.create_string_buffer(code, len(code))
        header = struct.pack("@HP", len(program), ctypes.addressof(self._instructions))
        self._header = ctypes.create_string_buffer(header, len(header))

    def install(self) -> None:
        """Put the filter on this process and all it starts. `no_new_privs` must be set. Raises OSError."""
        prctl(PR_SET_SECCOMP, 2, self._header)


@functools.cache
def filter_here(network: bool, alone: int | None) -> Filter:
    """Return the filter for this machine, made once; see `build`. Raises OSError where there is no table."""
    return Filter(build(network, machine_index(), alone=alone))


def _refuse(number: int) -> tuple[int, int, int, int]:
    return (RETURN, 0, 0, ERRNO | number)


def _load(argument: int, high: bool = False) -> tuple[int, int, int, int]:
    """Take 32 bits of an argument of the call."""
    return (LOAD, 0, 0, OFFSET_ARGUMENTS + 8 * argument + 4 * high)


def _only(values: Sequence[int], number: int) -> Program:
    """Refuse every value but these."""
    checks = [(EQUAL, len(values) - position, 0, int(value)) for position, value in enumerate(values)]
    return [*checks, _refuse(number)]


def _none_of(values: Sequence[int]) -> Program:
    """Refuse these values with EPERM."""
    return [record for value in values for record in ((EQUAL, 0, 1, value), _refuse(errno.EPERM))]


def _on_call(machine: int, call: str, body: Program) -> Program:
    """Run `body` for one system call, if it exists; falling off its end goes on with the call's number."""
    number = NUMBERS[call][machine]
    return [] if number is None else [(EQUAL, 0, len(body) + 1, number), *body, (LOAD, 0, 0, OFFSET_NUMBER)]
