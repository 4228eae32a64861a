"""Landlock: file access by path, enforced by the kernel on the interpreter and all it starts.

The second wall behind `mounts`, and the main one where mount namespaces are missing. Does not cover `chmod`, `utime`,
`stat` or connecting to a Unix socket by path: alone, it leaves those open (file permissions still apply).
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Iterable

from sandbox.linux.kernel import syscall

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
TRUNCATE, IOCTL_DEVICE = 1 << 14, 1 << 15
READ = EXECUTE | READ_FILE | READ_DIR
OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEVICE
"""The rights that a rule on something other than a directory may carry."""
_RULE = struct.Struct("=Qi")
SCOPE_ABSTRACT_SOCKETS, SCOPE_SIGNALS = 1 << 0, 1 << 1


def abi() -> int:
    """Return the version of Landlock in this kernel. Raises OSError when there is none."""
    return syscall("landlock_create_ruleset", None, 0, 1)


def _handled(version: int) -> int:
    bits = 13 if version < 2 else 14 if version < 3 else 15 if version < 5 else 16
    return (1 << bits) - 1


def restrict(readable: Iterable[str], writable: Iterable[str], devices: Iterable[str]) -> None:
    """Allow only these paths from now on; paths that do not exist are skipped. Needs `no_new_privs`. Raises OSError.

    From version 6 on, signals and abstract sockets are confined to the sandbox too.
    """
    rules = ruleset(readable, writable, devices)
    try:
        syscall("landlock_restrict_self", rules, 0)
    finally:
        os.close(rules)


def ruleset(readable: Iterable[str], writable: Iterable[str], devices: Iterable[str]) -> int:
    """Return a descriptor of the rules for `restrict`. Raises OSError."""
    version = abi()
    handled = _handled(version)
    scopes = SCOPE_ABSTRACT_SOCKETS | SCOPE_SIGNALS if version >= 6 else 0
    attributes = struct.pack("=QQQ", handled, 0, scopes)
    attributes = attributes[: 24 if version >= 6 else 16 if version >= 4 else 8]
    rules = syscall("landlock_create_ruleset", attributes, len(attributes), 0)
    try:
        for paths, rights in ((readable, READ), (writable, handled), (devices, READ_FILE | WRITE_FILE)):
            for path in paths:
                _allow(rules, path, rights & handled)
    except OSError:
        os.close(rules)
        raise
    return rules


def _allow(rules: int, path: str, rights: int) -> None:
    try:
        target = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        syscall("landlock_add_rule", rules, 1, _RULE.pack(rights, target), 0)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        syscall("landlock_add_rule", rules, 1, _RULE.pack(rights & OF_FILES, target), 0)  # it is no directory
    finally:
        os.close(target)
