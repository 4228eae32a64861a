"""A session: one persistent Python behind walls, one call at a time.

    async with await Session.open(SandboxPolicy()) as session:
        result = await session.run("1 + 1")

Protects the server: every call comes back within its time, bounded in size, and whatever the code did to its
interpreter, the next call has one. What the code itself may reach is said by `Session.report`.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import time
from collections.abc import Coroutine
from functools import partial
from pathlib import Path
from typing import Any, Literal, cast

from sandbox import files, portable
from sandbox.errors import SandboxUnavailable, SessionClosed
from sandbox.files import ProducedFile
from sandbox.output import OnOutput, Pump, Stream
from sandbox.policy import SandboxPolicy
from sandbox.process import InterpreterProcess
from sandbox.report import LayerReport
from sandbox.result import Result, Status, Table
from sandbox.supervision import SessionEnded
from sandbox.workspace import Workspace

INTERRUPT_GRACE_S = 2.0
"""How long interrupted code may take to stop before its interpreter is ended."""
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_IMAGES = 16
MAX_PIXELS = 50_000_000
"""Of one picture: a small file can hold one that no reader has memory for."""
UNSAID = "the code failed without saying why"
MAX_TABLE_CELLS = 10_000


class Session:
    """Variables live from call to call, files until `close`. Make one with `Session.open`."""

    def __init__(self, policy: SandboxPolicy, workspace: Workspace) -> None:
        self.policy = policy
        self.workspace = workspace
        self._process: InterpreterProcess | None = None
        self._turn = asyncio.Lock()
        self._loss: str | None = None
        """Why variables of earlier calls are gone, to be said with the next result."""
        self._closed = False
        self._last_began_ns = 0

    @classmethod
    async def open(cls, policy: SandboxPolicy | None = None) -> Session:
        """Make a session; its interpreter starts with the first call. Raises SandboxUnavailable."""
        policy = policy or SandboxPolicy()
        if portable.NEEDED:
            portable.check(policy)
        # a few directories: not in a thread, whose result a cancelled caller would leave behind
        return cls(policy, Workspace.create(policy.workdir, policy.mode != "off"))

    @property
    def working_directory(self) -> Path:
        """Where the code runs; the same path inside and outside."""
        return self.workspace.work

    async def report(self) -> LayerReport:
        """Return the layers around this session, starting its interpreter if needed. Raises SandboxError."""
        async with self._turn:
            return (await self._running()).report(self.policy)

    async def run(self, code: str, on_output: OnOutput | None = None, timeout_s: float | None = None) -> Result:
        """Run `code` in the session's interpreter and return what came of it, whatever it did.

        `on_output` is called with `"stdout"` or `"stderr"` and text while the code runs. Calls wait for each other.
        Cancelling stops the code; the session can be used again afterwards.
        Raises SandboxUnavailable or SandboxBroken when no interpreter can be started, SessionClosed after `close`.
        """
        return await self._call("code", code, on_output, timeout_s)

    async def shell(self, command: str, on_output: OnOutput | None = None, timeout_s: float | None = None) -> Result:
        """Run a command with a fresh `/bin/sh` in the working directory, behind the same walls and limits as `run`.

        It shares files with Python, not variables, environment or directory. As `run` otherwise; `Result.exit_code`.
        """
        return await self._call("shell", command, on_output, timeout_s)

    async def produced_files(self) -> tuple[ProducedFile, ...]:
        """Return the files in the working directory that the last call made or changed, at most `files.MAX_FILES`."""
        self._check_open()
        return await asyncio.to_thread(files.changed_since, self.working_directory, self._last_began_ns)

    async def read_file(self, name: str, max_bytes: int = files.MAX_FILE_BYTES) -> bytes:
        """Return a file of the working directory, whatever the code does to it meanwhile.

        Raises FileRefused for links, devices and what is too large or elsewhere, FileNotFoundError.
        """
        self._check_open()
        return await asyncio.to_thread(files.read, self.working_directory, name, max_bytes)

    async def write_file(self, name: str, content: bytes, *, executable: bool = False) -> None:
        """Make a file in the working directory, for the code to read and change; it counts against the disk limit.

        Raises FileExistsError when something has that name, FileRefused when the way to it leads elsewhere.
        """
        self._check_open()
        owner = (self.workspace.uid, self.workspace.gid)
        write = partial(files.write, self.working_directory, name, content, owner, executable=executable)
        await asyncio.to_thread(write)

    async def _call(
        self, kind: Literal["code", "shell"], code: str, on_output: OnOutput | None, timeout_s: float | None
    ) -> Result:
        async with self._turn:
            process = await self._running()
            self._last_began_ns = time.time_ns()
            for stream, pump in (("stdout", process.stdout), ("stderr", process.stderr)):
                pump.capture.on_text = None if on_output is None else partial(on_output, cast(Stream, stream))
            return await self._run(process, kind, code, timeout_s or self.policy.timeout_s)

    async def reset(self) -> None:
        """Forget every variable and end every process; files in the working directory stay."""
        async with self._turn:
            self._check_open()
            await self._end_process(None)
            self._loss = None

    async def close(self) -> None:
        """End every process and remove every file of the session, but for a working directory the user gave."""
        if self._closed:
            return
        self._closed = True
        if self._process is not None:
            await self._process.kill()  # a call in progress comes back as crashed
        async with self._turn:
            await self._end_process(None)
            await asyncio.to_thread(self.workspace.remove)

    async def __aenter__(self) -> Session:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _check_open(self) -> None:
        if self._closed:
            raise SessionClosed("the sandbox session is closed")

    async def _running(self) -> InterpreterProcess:
        """Return the interpreter, starting one if there is none (any more)."""
        self._check_open()
        if self._process is not None and self._process.ended.done():
            await self._end_process(f"the interpreter ended between calls ({self._process.ended.result()})")
        if self._process is None:
            await asyncio.to_thread(self.workspace.renew)
            process = await InterpreterProcess.start(self.policy, self.workspace)
            refusal = process.report(self.policy).refusal
            if refusal is not None:
                await process.kill()
                raise SandboxUnavailable(refusal)
            self._process = process
        return self._process

    async def _run(
        self, process: InterpreterProcess, kind: Literal["code", "shell"], code: str, timeout_s: float
    ) -> Result:
        started = time.perf_counter()
        lost_before, self._loss = self._loss, None
        answer: dict[str, Any] = {}
        status: Status
        sentence: str | None = None
        interrupted = False
        cell = asyncio.create_task(process.execute(code, kind))
        try:
            done, _ = await asyncio.wait([cell], timeout=timeout_s)
            if done:
                answer = cell.result()
                status = "ok" if answer.get("status") == "ok" else "error"
            else:
                interrupted, status = True, "timeout"
                sentence = f"the code ran longer than {timeout_s:g} s and was interrupted; variables are kept"
                await self._stop(process, cell)
        except SessionEnded as ended:
            streams = (process.stdout, process.stderr)
            lost = f"{ended}; variables of earlier calls are gone, files are kept"
            await self._end_process(lost)
            if interrupted:
                sentence = f"the code ran longer than {timeout_s:g} s and did not stop when interrupted: {lost}"
                return self._result("timeout", {}, sentence, started, streams, True, (lost_before, lost))
            return self._result("crashed", {}, lost, started, streams, False, (lost_before, lost))
        except asyncio.CancelledError:
            await _to_the_end(self._abandon(process, cell))
            raise
        streams = (process.stdout, process.stderr)
        return self._result(status, answer, sentence, started, streams, interrupted, (lost_before, None))

    async def _stop(self, process: InterpreterProcess, cell: asyncio.Task[dict[str, Any]]) -> None:
        """Interrupt the running cell and end what it started. Raises SessionEnded when it does not stop."""
        try:
            async with asyncio.timeout(INTERRUPT_GRACE_S):
                await process.interrupt()
                await asyncio.shield(cell)
                await process.end_others()
        except TimeoutError:
            cell.cancel()
            raise SessionEnded("the interpreter was ended") from None

    async def _abandon(self, process: InterpreterProcess, cell: asyncio.Task[dict[str, Any]]) -> None:
        """The caller went away: stop the cell, keep the session usable."""
        try:
            await self._stop(process, cell)
        except SessionEnded as ended:
            await self._end_process(f"a call was cancelled and did not stop ({ended})")
        else:
            process.stdout.take()
            process.stderr.take()

    async def _end_process(self, loss: str | None) -> None:
        """End the interpreter; `loss` is told with the next result."""
        process, self._process = self._process, None
        if process is not None:
            self._loss = loss
            await process.kill()

    def _result(
        self,
        status: Status,
        answer: dict[str, Any],
        sentence: str | None,
        started: float,
        streams: tuple[Pump, Pump],
        interrupted: bool,
        losses: tuple[str | None, str | None],
    ) -> Result:
        """Put together what the server knows and what the interpreter says; nothing in `answer` is trusted."""
        images, left_out = _images(answer.get("images"))
        notes = [loss for loss in losses[:1] if loss is not None]
        if left_out:
            notes.append(f"{left_out} pictures were left out: too many or too large")
        if losses[1] is not None:
            self._loss = None  # said with this result
        directory = _text(answer.get("cwd"))
        exit_code = _exit_code(answer.get("exit_code"))
        failed = status == "error" and exit_code is None
        return Result(
            status=status,
            stdout=streams[0].take().text(),
            stderr=streams[1].take().text(),
            exception=sentence or _text(answer.get("exception")) or (UNSAID if failed else None),
            value=_text(answer.get("value")),
            value_type=_text(answer.get("value_type")),
            images=images,
            duration_ms=(time.perf_counter() - started) * 1000,
            interrupted=interrupted,
            state_lost=any(loss is not None for loss in losses),
            working_directory=Path(directory) if directory is not None else self.workspace.work,
            exit_code=exit_code,
            table=_table(answer.get("table")),
            notes=tuple(notes),
        )


async def _to_the_end(work: Coroutine[Any, Any, None]) -> None:
    """Finish `work` even when the waiting task is cancelled again."""
    task = asyncio.ensure_future(work)
    while not task.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.shield(task)
    task.result()


def _text(value: object) -> str | None:
    """Return what is text, without lone surrogates."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else None


def _exit_code(value: object) -> int | None:
    return value if isinstance(value, int) and abs(value) < 2**31 else None


def _table(found: object) -> Table | None:
    """Return the table in an answer if it is one."""
    match found:
        case {
            "columns": list() as names,
            "rows": list() as rows,
            "total_rows": int() as n,
            "total_columns": int() as m,
        }:
            columns = tuple(_text(str(name)) or "" for name in cast("list[object]", names))
            cells = [
                tuple(_text(str(cell)) or "" for cell in row)
                for row in cast("list[object]", rows)
                if isinstance(row, list)
            ]
            fits = all(len(row) == len(columns) for row in cells) and len(columns) * len(cells) <= MAX_TABLE_CELLS
            return Table(columns, tuple(cells), n, m) if fits else None
        case _:
            return None


def _images(found: object) -> tuple[tuple[bytes, ...], int]:
    """Return the PNG files in an answer and the number that were left out."""
    match found:
        case {"png": list() as encoded, "left_out": int() as left_out}:
            decoded: list[bytes] = []
            for item in encoded[:MAX_IMAGES]:
                with contextlib.suppress(ValueError):
                    decoded.append(base64.b64decode(item) if isinstance(item, str) else b"")
            kept = tuple(image for image in decoded if _is_picture(image))
            return kept, max(left_out, 0) + len(decoded) - len(kept)
        case _:
            return (), 0


def _is_picture(image: bytes) -> bool:
    """Whether it begins like a PNG file, of a size that a reader can be asked to take."""
    width, height = int.from_bytes(image[16:20]), int.from_bytes(image[20:24])
    return image.startswith(PNG_SIGNATURE) and 0 < width * height <= MAX_PIXELS
