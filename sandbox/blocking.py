"""The same session for code without an event loop: every call waits for its result.

with BlockingSession.open(SandboxPolicy()) as session:
    result = session.run("1 + 1")
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from sandbox.files import MAX_FILE_BYTES, ProducedFile
from sandbox.output import OnOutput
from sandbox.policy import SandboxPolicy
from sandbox.report import LayerReport
from sandbox.result import Result
from sandbox.session import Session

T = TypeVar("T")


class BlockingSession:
    """A `Session` on an event loop of its own, in a thread. May be used from several threads; calls wait in line."""

    def __init__(self, loop: asyncio.AbstractEventLoop, thread: threading.Thread, session: Session) -> None:
        self._loop = loop
        self._thread = thread
        self._session = session

    @classmethod
    def open(cls, policy: SandboxPolicy | None = None) -> BlockingSession:
        """Make a session. Raises SandboxUnavailable."""
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, name="sandbox session", daemon=True)
        thread.start()
        try:
            session = asyncio.run_coroutine_threadsafe(Session.open(policy), loop).result()
        except BaseException:
            _end(loop, thread)
            raise
        return cls(loop, thread, session)

    @property
    def working_directory(self) -> Path:
        """Where the code runs; the same path inside and outside."""
        return self._session.working_directory

    def run(self, code: str, on_output: OnOutput | None = None, timeout_s: float | None = None) -> Result:
        """As `Session.run`; `on_output` is called in the session's thread."""
        return self._wait(self._session.run(code, on_output, timeout_s))

    def shell(self, command: str, on_output: OnOutput | None = None, timeout_s: float | None = None) -> Result:
        """As `Session.shell`."""
        return self._wait(self._session.shell(command, on_output, timeout_s))

    def produced_files(self) -> tuple[ProducedFile, ...]:
        """As `Session.produced_files`."""
        return self._wait(self._session.produced_files())

    def read_file(self, name: str, max_bytes: int = MAX_FILE_BYTES) -> bytes:
        """As `Session.read_file`."""
        return self._wait(self._session.read_file(name, max_bytes))

    def write_file(self, name: str, content: bytes, *, executable: bool = False) -> None:
        """As `Session.write_file`."""
        self._wait(self._session.write_file(name, content, executable=executable))

    def report(self) -> LayerReport:
        """As `Session.report`."""
        return self._wait(self._session.report())

    def reset(self) -> None:
        """As `Session.reset`."""
        self._wait(self._session.reset())

    def close(self) -> None:
        """As `Session.close`; the thread ends too."""
        if self._thread.is_alive():
            self._wait(self._session.close())
            _end(self._loop, self._thread)

    def __enter__(self) -> BlockingSession:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()  # Ctrl-C while waiting stops the code too
            raise


def _end(loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
    asyncio.run_coroutine_threadsafe(loop.shutdown_default_executor(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
