"""How fast sessions start, answer and end here, and what an idle one costs."""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from sandbox.policy import SandboxPolicy
from sandbox.session import Session

WARM_UP_LIMIT_S = 60.0
CALLS = 20


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured thing."""

    name: str
    unit: str
    median: float
    p95: float
    count: int


async def measure(policy: SandboxPolicy, sessions: int) -> tuple[Figure, ...]:
    """Start `sessions` sessions one after the other, with numpy and pyplot loaded where they are installed.

    Raises SandboxError when no session can be started.
    """
    await _warm_up(policy)
    first: list[float] = []
    calls: list[float] = []
    closing: list[float] = []
    private: list[float] = []
    before = _traces()
    directories: list[Path] = []
    for _ in range(sessions):
        began = time.perf_counter()
        session = await Session.open(policy)
        directories.append(session.workspace.base)
        await session.run("1")
        first.append((time.perf_counter() - began) * 1000)
        private.append(_private_mib(str(session.working_directory)))
        calls += [await _timed(lambda session=session: session.run("1")) for _ in range(CALLS)]
        closing.append(await _timed(session.close))
    left = [*(_traces() - before), *(path for path in directories if path.exists())]
    return (
        _figure("session: open to first result", "ms", first),
        _figure("call: round trip", "ms", calls),
        _figure("session: close, everything gone", "ms", closing),
        _figure("memory of a fresh idle session", "MiB", private),
        _figure("left behind by all: files, mounts, processes", "", [float(len(left))]),
    )


async def _timed(work: Callable[[], Awaitable[object]]) -> float:
    began = time.perf_counter()
    await work()
    return (time.perf_counter() - began) * 1000


def _figure(name: str, unit: str, values: list[float]) -> Figure:
    ordered = sorted(values)
    return Figure(name, unit, statistics.median(ordered), ordered[int(len(ordered) * 0.95)], len(ordered))


async def _warm_up(policy: SandboxPolicy) -> None:
    """Wait until new sessions begin with the libraries loaded."""
    code = (
        "import sys\nfrom importlib.util import find_spec\n"
        "not find_spec('matplotlib') or 'matplotlib.pyplot' in sys.modules"
    )
    deadline = time.monotonic() + WARM_UP_LIMIT_S
    while time.monotonic() < deadline:
        async with await Session.open(policy) as session:
            if (await session.run(code)).value == "True":
                return
        await asyncio.sleep(0.2)


def _traces() -> set[str]:
    """Names of what a session could leave on the machine: our open files, mounts and processes."""
    descriptors = {f"fd {name}" for name in os.listdir("/proc/self/fd")}
    mounts = {f"mount {line}" for line in Path("/proc/self/mountinfo").read_text().splitlines()}
    parents = {str(os.getpid())}
    for _ in range(3):  # the zygote, its warm child, their sessions
        parents |= {pid for pid in _pids() if _parent(pid) in parents}
    return descriptors | mounts | {f"process {pid}" for pid in parents}


def _private_mib(directory: str) -> float:
    """Memory that only the processes of one session hold: those that work in `directory`, and their parents."""
    found = [pid for pid in _pids() if _link(f"/proc/{pid}/cwd") == directory]
    parents = {_parent(pid) for pid in found}
    return sum(_private_kib(pid) for pid in {*found, *parents}) / 1024


def _pids() -> list[str]:
    return [entry.name for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _link(path: str) -> str:
    try:
        return str(Path(path).readlink())
    except OSError:
        return ""


def _parent(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]
    except OSError:
        return ""  # it ended while we looked


def _private_kib(pid: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0  # not ours to read
    return sum(int(line.split()[1]) for line in lines if line.startswith(("Private_Dirty:", "Private_Clean:")))
