"""A system call filter, assembled here: no library, the same on glibc and musl.

Protects the kernel and other processes from calls that numeric Python does not need: debugging, mounting, namespaces,
kernel keys, raw and exotic sockets, io_uring. Everything not named stays allowed, so a hole in an allowed call is not
covered. File access by path is none of its business: that is `mounts` and `landlock`.
"""

from __future__ import annotations

import ctypes
import errno
import socket
import struct
from collections.abc import Iterable

from sandbox.linux.kernel import NUMBERS, PR_SET_SECCOMP, machine_index, prctl

ARCHITECTURES = (0xC000003E, 0xC00000B7)
"""AUDIT_ARCH of x86_64 and aarch64."""
X32_BIT = 0x40000000
KILL_PROCESS, ERRNO, ALLOW = 0x80000000, 0x00050000, 0x7FFF0000
NAMESPACE_FLAGS = 0x7E020000
"""CLONE_NEWNS, CGROUP, UTS, IPC, USER, PID, NET."""
TIOCSTI, TIOCLINUX = 0x5412, 0x541C

LOAD, EQUAL, GREATER_EQUAL, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
OFFSET_NUMBER, OFFSET_ARCHITECTURE, OFFSET_ARGUMENTS = 0, 4, 16

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
ABSENT = ("clone3", "io_uring_setup", "io_uring_enter", "io_uring_register", "memfd_create")
"""Answered with ENOSYS, so that libraries fall back to what older kernels had."""


def build(network: bool, machine: int, refused: Iterable[str] = REFUSED) -> list[tuple[int, int, int, int]]:
    """Return the filter as (code, jump if true, jump if false, operand) records for `NUMBERS` column `machine`.

    `network` allows Internet sockets; without it only local ones can be made.
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
    families = [socket.AF_UNIX, socket.AF_INET, socket.AF_INET6] if network else [socket.AF_UNIX]
    program += _on_argument(machine, "clone", 0, [(ANY_BIT, 0, 1, NAMESPACE_FLAGS), _refuse(errno.EPERM)])
    program += _on_argument(machine, "socket", 0, _only(families))
    program += _on_argument(machine, "socketpair", 0, _only([socket.AF_UNIX]))
    terminal = [(EQUAL, 1, 0, TIOCSTI), (EQUAL, 0, 1, TIOCLINUX), _refuse(errno.EPERM)]
    program += _on_argument(machine, "ioctl", 1, terminal)
    return [*program, (RETURN, 0, 0, ALLOW)]


def install(program: list[tuple[int, int, int, int]]) -> None:
    """Put the filter on this process and all it starts. `no_new_privs` must be set. Raises OSError."""
    code = b"".join(struct.pack("=HBBI", *record) for record in program)
    instructions = ctypes.create_string_buffer(code, len(code))
    header = ctypes.create_string_buffer(struct.pack("@HP", len(program), ctypes.addressof(instructions)))
    prctl(PR_SET_SECCOMP, 2, ctypes.addressof(header))


def build_here(network: bool) -> list[tuple[int, int, int, int]]:
    """Return the filter for this machine. Raises OSError where there is no table."""
    return build(network, machine_index())


def _refuse(number: int) -> tuple[int, int, int, int]:
    return (RETURN, 0, 0, ERRNO | number)


def _only(families: list[socket.AddressFamily]) -> list[tuple[int, int, int, int]]:
    """Refuse every address family but these."""
    checks = [(EQUAL, len(families) - position, 0, int(family)) for position, family in enumerate(families)]
    return [*checks, _refuse(errno.EAFNOSUPPORT)]


def _on_argument(
    machine: int, call: str, argument: int, body: list[tuple[int, int, int, int]]
) -> list[tuple[int, int, int, int]]:
    """Run `body` on the low 32 bits of an argument of `call`; falling off its end goes on with the call's number."""
    number = NUMBERS[call][machine]
    assert number is not None, call
    return [
        (EQUAL, 0, len(body) + 2, number),
        (LOAD, 0, 0, OFFSET_ARGUMENTS + 8 * argument),
        *body,
        (LOAD, 0, 0, OFFSET_NUMBER),
    ]
