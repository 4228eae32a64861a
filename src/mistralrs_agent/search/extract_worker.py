"""The process in which pages become text: a page that hangs its parser or eats memory ends this process, nothing else.

Requests on standard input: a line of JSON (`url`, `content_type`, `charset`, `size`, `seconds`), then `size` bytes.
Answers on standard output: a line of JSON, `title` and `text` or `error`, and whether it was the `last`.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from typing import BinaryIO

from mistralrs_agent.errors import ToolFailed
from mistralrs_agent.search.extract import extract
from mistralrs_agent.search.page import Fetched

MAX_MEMORY = 1024**3
"""Bytes of address space. macOS does not enforce it."""
PATIENCE = 6
KEPT_MEMORY = 256 * 1024**2
"""A process that ever took more gives way to a new one."""


def main() -> None:
    """Answer until standard input ends. A request that takes too long ends the process by SIGPROF or SIGALRM."""
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what a library prints is no answer
    while line := sys.stdin.buffer.readline():
        request = json.loads(line)
        _allow(request.pop("seconds"))
        answer, whole = _answer(Fetched(body=sys.stdin.buffer.read(request.pop("size")), **request))
        _allow(0)
        last = not whole or _peak_memory() > KEPT_MEMORY
        _send(answers, answer | {"last": last})
        if last:
            return


def _allow(seconds: float) -> None:
    """Of CPU, so that a busy machine does not fail pages; of waiting, `PATIENCE` times as much. 0: no limit."""
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE * seconds)


def _answer(fetched: Fetched) -> tuple[dict[str, str | bool], bool]:
    """The answer, and whether this process is still what it was."""
    try:
        page = extract(fetched)
    except ToolFailed as error:
        return {"error": str(error)}, True
    except Exception as error:  # noqa: BLE001 - whatever a parser does with a hostile page
        reason = "it needs too much memory" if isinstance(error, MemoryError) else type(error).__name__
        return {"error": f"{fetched.url} cannot be read: {reason}"}, False
    return {"title": page.title, "text": page.text}, True


def _peak_memory() -> int:
    """Bytes. What Linux says in `getrusage` begins with the memory of the process that started this one."""
    if sys.platform == "darwin":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))


def _send(answers: BinaryIO, answer: dict[str, str | bool]) -> None:
    rest = memoryview(json.dumps(answer).encode() + b"\n")
    while rest:
        rest = rest[answers.write(rest) :]


if __name__ == "__main__":
    main()
