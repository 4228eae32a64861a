"""One shell command, beside the interpreter: same working directory, same limits, nothing of Python's state."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from typing import Any

SHELL = "/bin/sh"


def run(command: str, directory: str, environment: dict[str, str]) -> dict[str, Any]:
    """Run `command` with a fresh shell and wait for it; an interrupt ends it and all it started in its group."""
    source = command.encode("utf-8", "backslashreplace").replace(b"\0", b"\\0")
    try:
        process = subprocess.Popen(
            [SHELL, "-c", source], stdin=subprocess.DEVNULL, cwd=directory, env=environment, start_new_session=True
        )
    except OSError as error:  # longer than the kernel takes (128 KiB), no process left, no working directory any more
        return {"status": "error", "exception": f"the command could not be started: {error}", "exit_code": None}
    try:
        code = process.wait()
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    return {"status": "ok" if code == 0 else "error", "exit_code": code}
