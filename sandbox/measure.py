"""How fast sessions start, answer and end here, and what an idle one costs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from sandbox import interpreter, launching
from sandbox.policy import SandboxPolicy
from sandbox.session import Session

WARM_UP_LIMIT_S = 60.0
CALLS = 5
BARE_SESSIONS = 20
TICK_S = 0.001


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured thing."""

    name: str
    unit: str
    median: float
    p95: float
    count: int


async def measure(policy: SandboxPolicy, sessions: int) -> tuple[Figure, ...]:
    """Start sessions one after the other: a few bare ones, then `sessions` with numpy and pyplot where installed.

    "Private" memory is what `smaps_rollup` gives as Private_Clean and Private_Dirty, summed over every process of a
    session that has answered one call; it is left out where it may not be read (only root may read the first
    process's). What is left behind is counted by kind. Raises SandboxError when no session can be started.
    """
    python = await interpreter.find(policy.python)
    with launching.without_libraries(python):
        bare = [(await _one_session(policy)).first_ms for _ in range(BARE_SESSIONS)]
    await _warm_up(policy)
    before, resident = _traces(), _resident_mib()
    watch = asyncio.create_task(_longest_stall_ms())
    measured = [await _one_session(policy) for _ in range(sessions)]
    watch.cancel()
    left = {kind: max(0, count - before[kind]) for kind, count in _traces().items()}
    left["directories"] = sum(one.directory.exists() for one in measured)
    private = [one.private_mib for one in measured if one.private_mib is not None]
    return (
        _figure("bare session: open to first result", "ms", bare),
        _figure("session: open to first result", "ms", [one.first_ms for one in measured]),
        _figure("call: round trip", "ms", [call for one in measured for call in one.calls_ms]),
        _figure("session: close, everything gone", "ms", [one.closing_ms for one in measured]),
        *([_figure("private memory of a fresh idle session", "MiB", private)] if private else []),
        _figure("server: longest stall of its event loop", "ms", [await watch]),
        _figure("server: memory grown by", "MiB", [_resident_mib() - resident]),
        *(_figure(f"left behind by all: {kind}", "", [float(count)]) for kind, count in left.items()),
    )


@dataclass(frozen=True, slots=True)
class _Session:
    first_ms: float
    calls_ms: list[float]
    closing_ms: float
    private_mib: float | None
    directory: Path


async def _one_session(policy: SandboxPolicy) -> _Session:
    began = time.perf_counter()
    session = await Session.open(policy)
    try:
        await session.run("1")
        first_ms = (time.perf_counter() - began) * 1000
        private_mib = _private_mib(str(session.working_directory))
        calls_ms = [await _timed(lambda: session.run("1")) for _ in range(CALLS)]
    finally:
        closing_ms = await _timed(session.close)
    return _Session(first_ms, calls_ms, closing_ms, private_mib, session.workspace.base)


async def _longest_stall_ms() -> float:
    """Return, when cancelled, the longest time for which the event loop did not get round to a task that was due."""
    longest = 0.0
    with contextlib.suppress(asyncio.CancelledError):
        while True:
            began = time.perf_counter()
            await asyncio.sleep(TICK_S)
            longest = max(longest, time.perf_counter() - began - TICK_S)
    return longest * 1000


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


def _traces() -> dict[str, int]:
    """How much there is of what a session could leave on the machine, by kind."""
    parents = {str(os.getpid())}
    for _ in range(3):  # the zygote, its warm child, their sessions and what stands by
        parents |= {pid for pid in _pids() if _parent(pid) in parents}
    return {
        "processes": len(parents),
        "mounts": len(Path("/proc/self/mountinfo").read_text().splitlines()),
        "open files": len(os.listdir("/proc/self/fd")),
    }


def _resident_mib() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def _private_mib(directory: str) -> float | None:
    """Memory that only the processes of one session hold: those that work in `directory`, and their parents."""
    found = [pid for pid in _pids() if _link(f"/proc/{pid}/cwd") == directory]
    parents = {_parent(pid) for pid in found}
    try:
        return sum(_private_kib(pid) for pid in {*found, *parents}) / 1024
    except OSError:
        return None


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
    """Raises OSError when that may not be read."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(("Private_Dirty:", "Private_Clean:")))
