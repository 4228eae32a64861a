"""System calls that the standard library lacks, through ctypes, and their numbers on the two machines we know."""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
from collections.abc import Generator

NUMBERS: dict[str, tuple[int | None, int | None]] = {
    # name: (x86_64, aarch64)
    "_sysctl": (156, None),
    "acct": (163, 89),
    "add_key": (248, 217),
    "adjtimex": (159, 171),
    "bpf": (321, 280),
    "capset": (126, 91),
    "chmod": (90, None),
    "chroot": (161, 51),
    "clock_adjtime": (305, 266),
    "clock_settime": (227, 112),
    "clone": (56, 220),
    "clone3": (435, 435),
    "creat": (85, None),
    "delete_module": (176, 106),
    "fanotify_init": (300, 262),
    "fanotify_mark": (301, 263),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "fcntl": (72, 25),
    "finit_module": (313, 273),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "getpid": (39, 172),
    "init_module": (175, 105),
    "io_setup": (206, 0),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
    "ioctl": (16, 29),
    "ioperm": (173, None),
    "iopl": (172, None),
    "ioprio_set": (251, 30),
    "kcmp": (312, 272),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "landlock_add_rule": (445, 445),
    "landlock_create_ruleset": (444, 444),
    "landlock_restrict_self": (446, 446),
    "listmount": (458, 458),
    "lookup_dcookie": (212, 18),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "migrate_pages": (256, 238),
    "mknod": (133, None),
    "mknodat": (259, 33),
    "modify_ldt": (154, None),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "move_pages": (279, 239),
    "msgctl": (71, 187),
    "msgget": (68, 186),
    "msgrcv": (70, 188),
    "msgsnd": (69, 189),
    "name_to_handle_at": (303, 264),
    "nfsservctl": (180, 42),
    "open": (2, None),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "open_tree_attr": (467, 467),
    "openat": (257, 56),
    "openat2": (437, 437),
    "perf_event_open": (298, 241),
    "personality": (135, 92),
    "pidfd_getfd": (438, 438),
    "pivot_root": (155, 41),
    "prlimit64": (302, 261),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "reboot": (169, 142),
    "request_key": (249, 218),
    "sched_setaffinity": (203, 122),
    "sched_setattr": (314, 274),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
    "semctl": (66, 191),
    "semget": (64, 190),
    "semop": (65, 193),
    "semtimedop": (220, 192),
    "setdomainname": (171, 162),
    "setgroups": (116, 159),
    "sethostname": (170, 161),
    "setns": (308, 268),
    "setpriority": (141, 140),
    "setresgid": (119, 149),
    "setresuid": (117, 147),
    "setrlimit": (160, 164),
    "settimeofday": (164, 170),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "shmdt": (67, 197),
    "shmget": (29, 194),
    "socket": (41, 198),
    "socketpair": (53, 199),
    "statmount": (457, 457),
    "swapoff": (168, 225),
    "swapon": (167, 224),
    "sysfs": (139, None),
    "syslog": (103, 116),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "uselib": (134, None),
    "userfaultfd": (323, 282),
    "ustat": (136, None),
    "vhangup": (153, 58),
}
MACHINES = ("x86_64", "aarch64")

PR_SET_PDEATHSIG = 1
PR_GET_DUMPABLE, PR_SET_DUMPABLE = 3, 4
PR_SET_SECCOMP = 22
PR_CAPBSET_DROP = 24
PR_SET_SECUREBITS = 28
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long
_syscall, _prctl = _libc.syscall, _libc.prctl
"""Without types of arguments, to touch less memory: numbers of 32 bits, bytes, buffers and None."""
_libc_with_lock = ctypes.PyDLL(None, use_errno=True)
"""Calls through this one keep the interpreter's lock, which a forked copy could not get back."""


def fork() -> int:
    """Fork a process that has one thread; returns 0 in the child. Raises OSError.

    Without what `os.fork` runs before and after (locks made anew, `random` seeded anew, hooks of libraries): a process
    with one thread needs no new locks, and it would copy three quarters of a MiB of shared memory in each child.
    """
    return _checked("fork", _libc_with_lock.fork())


HARMLESS, REHEARSED = "getpid", ("landlock_create_ruleset", "landlock_add_rule")
"""What `rehearsal` calls instead of everything but these."""
_rehearsing = False
_machine = platform.machine() if platform.system() == "Linux" else platform.system()
_index = MACHINES.index(_machine) if _machine in MACHINES else -1


def machine_index() -> int:
    """Return the column of `NUMBERS` for this machine. Raises OSError where there is none."""
    if _index < 0:
        raise OSError(f"no system call table for {_machine}")
    return _index


@contextlib.contextmanager
def rehearsal() -> Generator[None]:
    """Meanwhile `syscall` goes through its motions but changes nothing: what it calls only tells a number."""
    global _rehearsing  # noqa: PLW0603
    _rehearsing = True
    try:
        yield
    finally:
        _rehearsing = False


def syscall(name: str, *arguments: int | bytes | ctypes.Array[ctypes.c_char] | None) -> int:
    """Make one system call by name. Raises OSError with the call's name when it fails or has no number here."""
    number = NUMBERS[HARMLESS if _rehearsing and name not in REHEARSED else name][machine_index()]
    if number is None:
        raise OSError(f"{name} does not exist on {_machine}")
    return _checked(name, _syscall(number, *arguments))


def prctl(option: int, first: int = 0, second: ctypes.Array[ctypes.c_char] | None = None) -> int:
    """Call prctl(2) with unused arguments zero. Raises OSError."""
    return _checked("prctl", _prctl(PR_GET_DUMPABLE if _rehearsing else option, first, second, None, None))


def _checked(name: str, outcome: int) -> int:
    if outcome < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
    return outcome
