"""Turns fetched bodies into text in processes of their own, so that no page can hang or swell the server."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import functools
import json
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from mistralrs_agent.errors import ToolFailed
from mistralrs_agent.search.page import Fetched, Page

PAGE_SECONDS = 10.0
_PROCESSES = 2


class Extractor:
    """Up to two worker processes, started when needed and kept. Usable from any thread and event loop."""

    def __init__(self, page_seconds: float = PAGE_SECONDS) -> None:
        """`page_seconds` of CPU: after which a page is given up and its process ended."""
        self._seconds = page_seconds
        self._threads = ThreadPoolExecutor(_PROCESSES, thread_name_prefix="page text")
        self._own = threading.local()
        self._processes: set[subprocess.Popen[bytes]] = set()

    async def extract(self, fetched: Fetched) -> Page:
        """Raises: ToolFailed when there is no text, or it takes too much time or memory to get it."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._extract, fetched)

    def close(self) -> None:
        """End the processes; what is being read fails."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for process in list(self._processes):
            process.kill()
        self._threads.shutdown()
        for process in list(self._processes):
            self._end(process)

    def process_ids(self) -> list[int]:
        """Of the processes that live."""
        return [process.pid for process in list(self._processes)]

    def _extract(self, fetched: Fetched) -> Page:
        process = self._process()
        header = {"url": fetched.url, "content_type": fetched.content_type, "charset": fetched.charset}
        header |= {"size": len(fetched.body), "seconds": self._seconds}
        try:
            answer = _ask(process, json.dumps(header).encode() + b"\n" + fetched.body)
        except (OSError, ValueError):
            self._end(process)
            late = process.returncode in (-signal.SIGPROF, -signal.SIGALRM)
            how = f"takes more than {self._seconds:g} s" if late else f"ended its process ({process.returncode})"
            raise ToolFailed(f"{fetched.url} cannot be read: getting its text {how}") from None
        if answer["last"]:
            self._end(process)
        if "error" in answer:
            raise ToolFailed(answer["error"])
        return Page(fetched.url, answer["title"], answer["text"])

    def _process(self) -> subprocess.Popen[bytes]:
        """This thread's process; a new one when the last one has ended."""
        process: subprocess.Popen[bytes] | None = getattr(self._own, "process", None)
        if process is None or process.poll() is not None:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "mistralrs_agent.search.extract_worker"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
            self._own.process = process
            self._processes.add(process)
        return process

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                assert pipe is not None
                pipe.close()
        process.wait()
        self._processes.discard(process)


@functools.cache
def shared_extractor() -> Extractor:
    """The one of this process."""
    extractor = Extractor()
    atexit.register(extractor.close)
    return extractor


def _ask(process: subprocess.Popen[bytes], request: bytes) -> dict[str, Any]:
    """Raises: OSError or ValueError when the process ends instead of answering."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(request)
    process.stdin.flush()
    return json.loads(process.stdout.readline())
