"""The processes that are measured: kept alive, but only the one at work may run, all others are stopped meanwhile."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from contenders.protocol import peak_mib

HERE = Path(__file__).parent
FILES = {"ours": "ours", "llama.cpp": "llama", "mistral.rs": "mistral", "transformers": "hf", "memory": "memory"}
ELSEWHERE = {"llama.cpp", "mistral.rs"}
"""These live in an environment of their own."""


class Failed(Exception):
    """A contender could not do what was asked; says why."""


class TooSlow(Failed):
    """Nothing came in time."""


class Process:
    """A program with all it starts, stopped and continued as a whole."""

    def __init__(self, command: list[str]) -> None:
        self.started = time.perf_counter()
        self.log = tempfile.TemporaryFile("a+", encoding="utf-8", errors="replace")  # noqa: SIM115 - closed by `close`
        self.child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True, start_new_session=True
        )

    @contextmanager
    def running(self) -> Generator[None]:
        """Let it run inside the block, and stop it again."""
        self.signal(signal.SIGCONT)
        try:
            yield
        finally:
            self.signal(signal.SIGSTOP)

    def signal(self, number: signal.Signals) -> None:
        for pid in _family(self.child.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def stderr(self) -> str:
        self.log.seek(0)
        return self.log.read()

    def line(self, timeout_s: float) -> str:
        """The next line of standard output. Raises: Failed when none comes."""
        assert self.child.stdout is not None
        if not select.select([self.child.stdout], [], [], timeout_s)[0]:
            raise TooSlow(f"nothing came within {timeout_s:.0f} s")
        text = self.child.stdout.readline()
        if not text:
            last = [line for line in self.stderr().splitlines() if line.strip()][-1:]
            raise Failed(f"it ended: {last[0][:200] if last else 'without a word'}")
        return text

    def peak_mib(self) -> dict[str, float]:
        """Largest resident set of the process and of all it started, by process id."""
        return {str(pid): peak_mib(pid) for pid in _family(self.child.pid)}

    def close(self) -> None:
        self.signal(signal.SIGKILL)
        self.child.wait()
        self.log.close()


class Contender(Process):
    """One engine with one model; see `contenders/protocol.py`."""

    def __init__(self, name: str, model: Path, peer_python: str, threads: int) -> None:
        kind, _, variant = name.partition(":")
        python = peer_python if kind in ELSEWHERE else sys.executable
        script = str(HERE / "contenders" / f"{FILES[kind]}.py")
        super().__init__([python, script, "--model", str(model), "--threads", str(threads), "--variant", variant])
        try:
            self.line(timeout_s=300)  # ready
        except Failed:
            self.close()
            raise
        self.signal(signal.SIGSTOP)

    def ask(self, requests: list[tuple[int, int]], seed: int, timeout_s: float) -> dict[str, Any]:
        """Its figures. Raises: Failed; when that is for time, nothing else can be asked of it."""
        assert self.child.stdin is not None
        with self.running():
            try:
                print(json.dumps({"requests": requests, "seed": seed}), file=self.child.stdin, flush=True)
            except BrokenPipeError as error:
                raise Failed("it ended earlier") from error
            figures = json.loads(self.line(timeout_s))
        if "error" in figures:
            raise Failed(figures["error"])
        return figures


class Server(Process):
    """`mistralrs serve` on a free port of this machine."""

    def __init__(self, model: Path, threads: int, *options: str) -> None:
        program = Path(sys.executable).parent / "mistralrs"
        command = [str(program), "serve", "--no-tui", "-m", str(model), "--port", "0", "--threads", str(threads)]
        super().__init__([*command, *options])
        while (found := re.search(r"Serving .* at http://127\.0\.0\.1:(\d+)/v1", self.stderr())) is None:
            if self.child.poll() is not None or time.perf_counter() - self.started > 300:
                text = self.stderr()[-300:]
                self.close()
                raise Failed(f"the server did not start: {text}")
            time.sleep(0.02)
        self.port = int(found[1])
        self.signal(signal.SIGSTOP)


class Neighbour(Process):
    """One thread that is always busy, as other programs of the machine are."""

    def __init__(self) -> None:
        super().__init__([sys.executable, "-c", "while True: pass"])
        self.signal(signal.SIGSTOP)


def _family(first: int) -> list[int]:
    """A process and everything that it and its children started."""
    parents: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                fields = (folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
                parents[int(folder.name)] = int(fields[1])
    family = [first]
    for member in family:
        family += [pid for pid, parent in parents.items() if parent == member]
    return family
