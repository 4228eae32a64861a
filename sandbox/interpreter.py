"""Which Python runs the code, and which parts of the file system it needs to run."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from sandbox.errors import SandboxBroken

SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/libx32", "/bin", "/sbin", "/nix/store", "/gnu/store")
ETC = (
    *("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "ssl", "pki", "ca-certificates", "fonts"),
    *("mime.types", "localtime", "timezone", "protocols", "services", "gai.conf", "matplotlibrc"),
)
ETC_SHARED = ("passwd", "group", "hosts", "nsswitch.conf")
"""Public; a root of our own has generated ones in their place."""

_FACTS = (
    "import json,sys,sysconfig as s;"
    "print(json.dumps([sys.prefix,sys.base_prefix,*map(s.get_path,('stdlib','platstdlib','purelib','platlib'))]))"
)


@dataclass(frozen=True)
class Interpreter:
    """An interpreter and its own directories."""

    given: str
    """Absolute path as the user named it: a virtual environment is found beside it."""
    executable: str
    """The same with links followed."""
    directories: tuple[str, ...]
    """Installation, virtual environment, standard library, packages; no parent of these."""


@functools.lru_cache(maxsize=8)
def find(python: Path | None) -> Interpreter:
    """Describe an interpreter; asks it where its parts are when it is not the one running. Raises SandboxBroken."""
    given = os.path.abspath(python or sys.executable)
    try:
        answer = subprocess.run([given, "-I", "-c", _FACTS], capture_output=True, text=True, timeout=30, check=True)
        prefixes = json.loads(answer.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise SandboxBroken(f"the interpreter {given!r} cannot be run: {error}") from error
    executable = os.path.realpath(given)
    shared = {os.path.expanduser("~"), os.path.expanduser("~/.local"), "/"}
    kept = [path for path in prefixes if path and os.path.realpath(path) not in shared]
    narrow = [given, executable] if len(kept) < len(prefixes) else []
    return Interpreter(given, executable, tuple(dict.fromkeys([*kept, *narrow])))


def readable_paths(interpreter: Interpreter, guest: Path, network: str) -> tuple[str, ...]:
    """Everything the code may read besides its own directories. Only paths that exist."""
    etc = [*ETC, *ETC_SHARED, *(["resolv.conf"] if network == "full" else [])]
    wanted = [*SYSTEM, *(f"/etc/{name}" for name in etc), *interpreter.directories, str(guest)]
    covered = tuple(path + "/" for path in SYSTEM if not os.path.islink(path))
    kept = [path for path in wanted if os.path.lexists(path) and not path.startswith(covered)]
    return tuple(dict.fromkeys(kept))
