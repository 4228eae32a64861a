"""The rules that macOS's `sandbox-exec` enforces, written in its own language.

Protects files, the network and other processes of the user. Narrower than Linux: the code sees the whole system tree,
nothing filters its system calls, and nothing limits a session as a whole. The language is documented by Apple's own
profiles in `/System/Library/Sandbox/Profiles` only. `loopback` cannot be private there, so it becomes `none`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from sandbox.errors import SandboxUnavailable

PROGRAM = "/usr/bin/sandbox-exec"
DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")
SYSTEM = ("/System", "/Library/Apple", "/Library/Frameworks", "/private/var/db/timezone", "/private/etc/localtime")
RESOLVER = ("/private/etc/hosts", "/private/etc/resolv.conf", "/private/var/run/resolv.conf", "/private/etc/services")

_ALWAYS = """\
(version 1)
(deny default)
(import "system.sb")
(allow process-fork)
(allow signal (target same-sandbox))
(allow process-info* (target same-sandbox))
(allow sysctl-read)
(allow ipc-posix-sem)
(allow file-read-metadata (literal "/"))
"""
_NETWORK = {
    "none": "",
    "loopback": "",
    "full": """\
(allow system-socket)
(allow network*)
(allow mach-lookup (global-name "com.apple.SystemConfiguration.configd"))
""",
}


def profile(network: str, readable: Iterable[str], writable: Iterable[str]) -> str:
    """Return the rules for a session: what it may read and run, and what it may write. Raises SandboxUnavailable.

    What is not allowed is denied. Paths are taken as they are and with links followed, because rules are held against
    what a path leads to, and programs look at each part of a path on the way.
    """
    read = _all_forms([*SYSTEM, *readable, *(RESOLVER if network == "full" else ())])
    write = _all_forms(writable)
    above = {parent for path in (*read, *write) for parent in _parents(path)}
    return (
        _ALWAYS
        + _rule("file-read* process-exec", "subpath", [*read, *write])
        + _rule("file-write*", "subpath", write)
        + _rule("file-read-metadata", "literal", sorted(above))
        + _rule("file-read* file-write-data", "literal", DEVICES)
        + _NETWORK[network]
    )


def _all_forms(paths: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(form for path in paths for form in (path, os.path.realpath(path))))


def _parents(path: str) -> list[str]:
    parts = path.strip("/").split("/")
    return ["/" + "/".join(parts[:depth]) for depth in range(1, len(parts))]


def _rule(operations: str, kind: str, paths: Iterable[str]) -> str:
    filters = "".join(f"\n  ({kind} {_quoted(path)})" for path in paths)
    return f"(allow {operations}{filters})\n" if filters else ""


def _quoted(path: str) -> str:
    if not path.startswith("/") or not path.isprintable():
        raise SandboxUnavailable(
            f"the path {path!r} cannot be put into a sandbox profile; use one without odd characters"
        )
    escaped = path.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
