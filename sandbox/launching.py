"""The server's end of the zygote: started once for each interpreter, told to start sessions, started again if it dies.

Protects the server's memory from what sessions inherit: the zygote is a program of its own with an environment built
from nothing, not a fork of the server. Usable from any thread and event loop.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Generator
from pathlib import Path

from sandbox import portable
from sandbox.errors import SandboxBroken
from sandbox.interpreter import Interpreter
from sandbox.linux.plan import Plan

HERE = Path(__file__).parent
END_TIMEOUT_S = 5.0
PATIENCE_S = 20.0
_BOOT = """\
import sys, types
for name, path in (("sandbox", []), ("sandbox.linux", [sys.argv[1]]), ("sandbox.guest", [sys.argv[2]])):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = path
from sandbox.linux.zygote import main
main(int(sys.argv[3]), libraries=sys.argv[4] == "1")
"""
"""Imports two folders of ours, and can import nothing else of ours or of what is installed beside us."""


class Zygote:
    """One running zygote. `launch` from any thread."""

    def __init__(self, python: Interpreter, libraries: bool = True) -> None:
        self._socket, inside = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.setblocking(False)
        self._home = tempfile.mkdtemp(prefix="mistralrs-zygote-")
        arguments = [str(HERE / "linux"), str(HERE / "guest"), str(inside.fileno()), str(int(libraries))]
        try:
            self._process = subprocess.Popen(
                [python.given, "-I", "-c", _BOOT, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(inside.fileno(),),
                env=_environment(python, self._home) | {"LD_BIND_NOW": "1"},  # sessions share what was looked up
                cwd="/",
                start_new_session=True,
            )
        except OSError as error:
            self._socket.close()
            shutil.rmtree(self._home, ignore_errors=True)
            raise SandboxBroken(f"the interpreter {python.given!r} cannot be run: {error}") from error
        finally:
            inside.close()

    def launch(self, plan: Plan, fds: tuple[int, int, int, int]) -> bool:
        """Start a session with `FDS`; False when the zygote is gone, or did not take the request in time."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                socket.send_fds(self._socket, [plan.to_bytes()], fds)
                return True
            except BlockingIOError:  # a burst of sessions filled its queue
                if time.monotonic() > deadline:
                    return False
                time.sleep(0.005)
            except OSError:
                return False

    def end(self) -> None:
        """End it; sessions that it started go on until they are closed."""
        self._socket.close()
        try:
            self._process.wait(END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, 9)
            self._process.wait()
        shutil.rmtree(self._home, ignore_errors=True)


_zygotes: dict[Interpreter, Zygote] = {}
_lock = threading.Lock()


def launch(python: Interpreter, plan: Plan, fds: tuple[int, int, int, int]) -> None:
    """Start a session under `python`. Raises SandboxBroken when no zygote can be started."""
    if portable.NEEDED:
        portable.launch(python, plan, fds, {**_environment(python, plan.tmp), "HOME": plan.workdir})
        return
    for _ in range(2):
        with _lock:
            zygote = _zygotes.get(python)
            if zygote is None:
                zygote = _zygotes[python] = Zygote(python)
        if zygote.launch(plan, fds):
            return
        with _lock:
            if _zygotes.get(python) is zygote:
                del _zygotes[python]
        zygote.end()
    raise SandboxBroken(f"the interpreter {python.given!r} ended at once when it was started for the sandbox")


@contextlib.contextmanager
def without_libraries(python: Interpreter) -> Generator[None]:
    """Sessions under `python` that start meanwhile begin bare, as the first ones do until the libraries are loaded."""
    with _lock:
        usual = _zygotes.pop(python, None)
        bare = _zygotes[python] = Zygote(python, libraries=False)
    try:
        yield
    finally:
        with _lock:
            if _zygotes.get(python) is bare:
                del _zygotes[python]
            if usual is not None:
                _zygotes[python] = usual
        bare.end()


@atexit.register
def end_all() -> None:
    """End every zygote."""
    with _lock:
        ending = list(_zygotes.values())
        _zygotes.clear()
    for zygote in ending:
        zygote.end()


def thread_count() -> int:
    """Threads that numeric libraries may use, and processors that a control group may."""
    return min(4, os.cpu_count() or 1)


def _environment(python: Interpreter, home: str) -> dict[str, str]:
    """Everything the zygote has in its environment: built from nothing, so that no secret of the server is in it.

    Sessions inherit it, with directories of their own (`launcher`) and more threads (`zygote`).
    """
    return {
        "PATH": f"{os.path.dirname(python.given)}:/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        **dict.fromkeys(("HOME", "TMPDIR", "XDG_CACHE_HOME", "MPLCONFIGDIR"), home),
        "MPLBACKEND": "Agg",
        "MALLOC_ARENA_MAX": "2",
        **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1"),
    }
