"""Which Python runs the code, and which parts of the file system it needs to run."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from sandbox.errors import SandboxBroken

SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/libx32", "/bin", "/sbin", "/nix/store", "/gnu/store")
ETC = (
    *("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "ca-certificates", "fonts"),
    *("ssl/certs", "ssl/cert.pem", "ssl/openssl.cnf", "pki/ca-trust", "pki/tls/certs", "pki/tls/openssl.cnf"),
    *("mime.types", "localtime", "timezone", "protocols", "services", "gai.conf", "matplotlibrc"),
)
ETC_SHARED = ("passwd", "group", "hosts", "nsswitch.conf")
"""Public; a root of our own has generated ones in their place."""

_FACTS = (
    "import json,sys,sysconfig as s;"
    "p=[sys.prefix,sys.base_prefix,*map(s.get_path,('stdlib','platstdlib','purelib','platlib'))];"
    "p+=[d for d in sys.path if d.endswith(('/site-packages','/dist-packages'))];"
    "print(json.dumps([p,sys.version_info[:2],sys.executable]))"
)


@dataclass(frozen=True)
class Interpreter:
    """An interpreter and its own directories."""

    given: str
    """Absolute path, links not followed: a virtual environment is found beside it."""
    executable: str
    """The same with links followed."""
    directories: tuple[str, ...]
    """Installation, virtual environment, standard library, packages; no parent of these."""


_known: dict[str, Interpreter] = {}


async def find(python: Path | None) -> Interpreter:
    """Describe an interpreter; the first time it is asked where its parts are. Raises SandboxBroken."""
    given = sys.executable if python is None else _absolute(python)
    if given not in _known:
        _known[given] = await asyncio.to_thread(_ask, given)
    return _known[given]


def _absolute(path: Path) -> str:
    """As given, links not followed: a virtual environment is found beside the link."""
    return os.path.abspath(path)


def _ask(given: str) -> Interpreter:
    try:
        answer = subprocess.run([given, "-I", "-c", _FACTS], capture_output=True, text=True, timeout=30, check=True)
        prefixes, version, itself = json.loads(answer.stdout)
    except subprocess.CalledProcessError as error:
        said = (error.stderr.strip() or f"it ended with status {error.returncode}").splitlines()[-1]
        raise SandboxBroken(f"{given!r} is not an interpreter that can be used: {said}") from error
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise SandboxBroken(f"the interpreter {given!r} cannot be run: {error}") from error
    if version < [3, 9]:
        found = ".".join(map(str, version))
        raise SandboxBroken(f"the interpreter {given!r} is Python {found}; code execution needs 3.9 or newer")
    given = itself or given  # what was named may be a script that finds the interpreter
    executable = os.path.realpath(given)
    shared = {os.path.expanduser("~"), os.path.expanduser("~/.local"), "/"}
    kept = [path for path in prefixes if path and os.path.realpath(path) not in shared]
    narrow = [given, executable] if len(kept) < len(prefixes) else []
    return Interpreter(given, executable, tuple(dict.fromkeys([*kept, *narrow])))


def check_outside(python: Interpreter, workdir: Path) -> None:
    """Refuse an interpreter that the code could change: it is started outside the walls. Raises SandboxBroken."""
    for path in (python.given, python.executable, *python.directories):
        if Path(os.path.realpath(path)).is_relative_to(workdir):
            raise SandboxBroken(
                f"the interpreter {python.given!r} has parts in the working directory {str(workdir)!r}, where the code "
                "could change them; give another working directory, or an interpreter elsewhere"
            )


def readable_paths(interpreter: Interpreter, guest: Path, network: str) -> tuple[str, ...]:
    """Everything the code may read besides its own directories. Only paths that exist."""
    etc = [*ETC, *ETC_SHARED, *(["resolv.conf"] if network == "full" else [])]
    wanted = [*SYSTEM, *(f"/etc/{name}" for name in etc), *interpreter.directories, str(guest)]
    covered = tuple(path + "/" for path in SYSTEM if not os.path.islink(path))
    kept = [path for path in wanted if os.path.lexists(path) and not path.startswith(covered)]
    return tuple(dict.fromkeys(kept))
