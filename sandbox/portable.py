"""Sessions where there is no Linux: a process of its own for each, on macOS inside `sandbox-exec`.

Takes the place of `launching`, with the same promises to the rest of the room. Each session starts a new Python, which
costs what starting Python costs. Elsewhere than on macOS there are no walls at all, so only mode `off` is for there.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

from sandbox import seatbelt
from sandbox.errors import SandboxBroken, SandboxUnavailable
from sandbox.interpreter import Interpreter
from sandbox.linux.plan import Plan
from sandbox.policy import SandboxPolicy

HERE = Path(__file__).parent
UNIX = os.name == "posix"
NEEDED = not sys.platform.startswith("linux")
_BOOT = """\
import sys, types
sys.modules["sandbox"] = types.ModuleType("sandbox")
sys.modules["sandbox"].__path__ = []
sys.modules["sandbox.guest"] = types.ModuleType("sandbox.guest")
sys.modules["sandbox.guest"].__path__ = [sys.argv[1]]
from sandbox.guest.session import main
main(sys.argv[2])
"""


def check(policy: SandboxPolicy) -> None:
    """Refuse what cannot be had on this system. Raises SandboxUnavailable."""
    if not UNIX:
        raise SandboxUnavailable(f"code execution is not available on {sys.platform}; it needs Linux or macOS")
    if policy.mode != "off" and not os.path.exists(seatbelt.PROGRAM):
        raise SandboxUnavailable(
            f"code cannot be isolated on {sys.platform}: there is no {seatbelt.PROGRAM}. Use Linux or macOS, or turn "
            "the sandbox off explicitly to run code with this user's full rights"
        )


def launch(python: Interpreter, plan: Plan, fds: tuple[int, int, int, int], environment: dict[str, str]) -> None:
    """Start a session with `FDS`. Raises SandboxBroken when it cannot be started, SandboxUnavailable."""
    control, line, stdout, stderr = fds
    told = {"control": control, "line": line, "isolated": plan.isolated, "network": plan.network, "cpu_s": plan.cpu_s}
    command = [python.given, "-I", "-c", _BOOT, str(HERE / "guest"), json.dumps(told)]
    if plan.isolated:
        rules = seatbelt.profile(plan.network, plan.readable_paths(), [plan.workdir, plan.tmp])
        command = [seatbelt.PROGRAM, "-p", rules, *command]
    stranger = plan.uid != os.geteuid()
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            pass_fds=(control, line),
            env=environment,
            cwd=plan.workdir,
            start_new_session=True,
            user=plan.uid if stranger else None,
            group=plan.gid if stranger else None,
            extra_groups=[] if stranger else None,
        )
    except OSError as error:
        raise SandboxBroken(f"the interpreter {python.given!r} cannot be run: {error}") from error
    threading.Thread(target=process.wait, name="sandbox session's end", daemon=True).start()
