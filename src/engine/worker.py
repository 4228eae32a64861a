"""One worker process per loaded model.

The web server's event loop never waits for a forward pass, unloading gives every byte back, and a crash costs the
requests under way and nothing else: they fail with `WorkerDied`, the worker is started again, later requests wait
for it. Messages are length-prefixed pickles on a socket pair between two processes of the same program; no tensors
cross. The worker ends when the socket closes, so it never outlives its parent.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import pickle
import socket
import struct
import sys
import threading
import time
import traceback
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from engine.adapters.asked import AdapterCommand, AdapterInfo, AdapterStatus, LoadAdapter
from engine.errors import EngineError, ModelLoadError, WorkerDied
from engine.loading.source import ModelSource
from engine.options import ModelOptions
from engine.request import Delta, EngineStats, ModelInfo, Request
from engine.service import AskStats, Command, EngineLoop, Mailboxes, Quit, Report

log = logging.getLogger(__name__)

_HEADER = struct.Struct("<I")
_QUICK_DEATH_S = 10.0
"""A worker that dies sooner than this after it was ready, or before, counts towards a rest."""
_MAX_QUICK_DEATHS = 3
_REST_S = 30.0
"""How long a worker that keeps dying is left alone; requests fail at once meanwhile."""
_CLOSE_TIMEOUT_S = 5.0
_GONE = (asyncio.IncompleteReadError, ConnectionError)
"""What reading says when the worker has ended."""


@dataclass(frozen=True, slots=True)
class Start:
    options: ModelOptions
    source: ModelSource


@dataclass(frozen=True, slots=True)
class Ready:
    info: ModelInfo


@dataclass(frozen=True, slots=True)
class LoadFailed:
    error: ModelLoadError


@dataclass(frozen=True, slots=True)
class Progress:
    text: str


@dataclass(frozen=True, slots=True)
class Logged:
    """A log line of the worker."""

    fields: Mapping[str, Any]
    """Attributes of its `logging.LogRecord`; all of them plain."""


class WorkerService:
    """The parent's side: a `Service` whose engine runs in a process of its own."""

    def __init__(self, report: Callable[[str], None]) -> None:
        self._start_message = b""
        """A `Start`, as it is sent."""
        self._report = report
        self._mailboxes = Mailboxes()
        self._info: ModelInfo | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._ready = asyncio.Event()
        self._failure: EngineError | None = None
        """Why the worker will not be started again."""
        self._keeper: asyncio.Task[None] | None = None
        self._relay: asyncio.Task[None] | None = None

    @classmethod
    async def start(
        cls, options: ModelOptions, source: ModelSource | Awaitable[ModelSource], report: Callable[[str], None]
    ) -> WorkerService:
        """Start the process and wait until its model is loaded.

        While a `source` that is awaited is still looked for, the process gets ready to load it.

        Raises: ModelLoadError, and what awaiting the source raises.
        """
        service = cls(report)
        reader = await service._launch()
        try:
            source = source if isinstance(source, ModelSource) else await source
            service._start_message = _frame(Start(options, source))
            await service._await_ready(reader)
        except _GONE:
            why = await service._epitaph()
            raise ModelLoadError(f"The worker process ended while loading the model{why}.") from None
        except BaseException:
            await service._kill()
            raise
        service._keeper = asyncio.create_task(service._keep_running(reader), name=f"keeper of {source.name}")
        return service

    @property
    def info(self) -> ModelInfo:
        assert self._info is not None, "start() waits for it"
        return self._info

    @property
    def pid(self) -> int | None:
        """Of the worker process; None while it is down."""
        is_up = self._ready.is_set() and self._failure is None
        return self._process.pid if self._process is not None and is_up else None

    async def generate(self, request: Request) -> AsyncGenerator[Delta, None]:
        await self._available()
        async with contextlib.aclosing(self._mailboxes.stream(request, self._send)) as deltas:
            async for delta in deltas:
                yield delta

    async def stats(self) -> EngineStats:
        await self._available()
        return await self._mailboxes.ask(AskStats(), self._send)

    async def adapters(self, command: AdapterCommand) -> AdapterInfo | AdapterStatus:
        await self._available()
        answer = await self._mailboxes.ask(command, self._send)
        if isinstance(answer, AdapterInfo):
            self._remember(command, answer)
        return answer

    def _remember(self, command: AdapterCommand, done: AdapterInfo) -> None:
        """A worker that is started again loads the adapters there are now."""
        start: Start = pickle.loads(self._start_message[_HEADER.size :])
        adapters = dict(start.source.adapters)
        adapters.pop(done.alias, None)
        if isinstance(command, LoadAdapter):
            adapters[done.alias] = command.folder
        source = replace(start.source, adapters=tuple(adapters.items()))
        self._start_message = _frame(Start(start.options, source))

    async def close(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
        self._failure = WorkerDied("The model was unloaded.")
        self._mailboxes.fail_all(self._failure)
        await self._kill()
        self._ready.set()

    async def _available(self) -> None:
        """Wait while the worker is being restarted. Raises: WorkerDied when it will not come back."""
        await self._ready.wait()
        if self._failure is not None:
            raise self._failure

    async def _launch(self) -> asyncio.StreamReader:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-P", "-m", "engine.worker", str(theirs.fileno()), pass_fds=(theirs.fileno(),),
                stdin=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE, start_new_session=True,
            )  # fmt: skip
        assert self._process.stderr is not None
        self._relay = asyncio.create_task(_log_lines(self._process.stderr), name="worker's standard error")
        reader, self._writer = await asyncio.open_unix_connection(sock=ours)
        return reader

    async def _await_ready(self, reader: asyncio.StreamReader) -> None:
        """Have the model loaded."""
        assert self._writer is not None, "_launch() made it"
        self._writer.write(self._start_message)
        while True:
            match await self._receive(reader):
                case Progress(text):
                    self._report(text)
                case LoadFailed(error):
                    raise error
                case Ready(info):
                    self._info = info
                    self._ready.set()
                    return
                case message:
                    raise AssertionError(f"unexpected message before ready: {message!r}")

    async def _keep_running(self, reader: asyncio.StreamReader) -> None:
        """Deliver the worker's reports; when it dies, also while it loads, fail what was running and start it again."""
        quick_deaths = 0
        try:
            while True:
                ready_at = time.monotonic()
                with contextlib.suppress(*_GONE):
                    if not self._ready.is_set():
                        await self._await_ready(reader)
                        ready_at = time.monotonic()
                    while True:
                        self._mailboxes.deliver(await self._receive(reader))
                quick = not self._ready.is_set() or time.monotonic() - ready_at < _QUICK_DEATH_S
                quick_deaths = quick_deaths + 1 if quick else 1
                self._ready.clear()
                why = await self._epitaph()
                log.error("the worker of %s died%s; starting it again", self.info.id, why)
                died = WorkerDied(f"The worker process of {self.info.id} died{why}; please try again.")
                self._mailboxes.fail_all(died)
                if quick_deaths > _MAX_QUICK_DEATHS:
                    await self._rest(why)
                reader = await self._launch()
        except (EngineError, OSError) as error:
            log.error("the worker of %s cannot be started again: %s", self.info.id, error)
            self._failure = WorkerDied(f"The worker process of {self.info.id} cannot be started again: {error}")
            self._ready.set()
            await self._kill()

    async def _rest(self, why: str) -> None:
        """Leave a worker that keeps dying alone for a while; nobody waits for it meanwhile."""
        self._failure = WorkerDied(
            f"The worker process of {self.info.id} keeps dying{why}; it is started again in {_REST_S:g} s."
        )
        log.error("%s", self._failure)
        self._ready.set()
        await asyncio.sleep(_REST_S)
        self._ready.clear()
        self._failure = None

    async def _epitaph(self) -> str:
        """How the process ended, as an end of a sentence."""
        assert self._process is not None and self._writer is not None
        self._writer.close()
        try:
            code = await asyncio.wait_for(self._process.wait(), _CLOSE_TIMEOUT_S)
        except TimeoutError:
            self._process.kill()
            code = await self._process.wait()
        return f" (killed by signal {-code})" if code < 0 else f" (exit status {code})"

    async def _kill(self) -> None:
        if self._process is None or self._process.returncode is not None:
            return
        if self._info is None:
            self._process.kill()  # nothing is lost, and importing and loading cannot be interrupted otherwise
        with contextlib.suppress(ConnectionError):
            self._send(Quit())
        if self._writer is not None:
            self._writer.close()
        try:
            await asyncio.wait_for(self._process.wait(), _CLOSE_TIMEOUT_S)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    async def _receive(self, reader: asyncio.StreamReader) -> Any:
        """The next message; what the worker logs is logged here."""
        while True:
            (size,) = _HEADER.unpack(await reader.readexactly(_HEADER.size))
            message = pickle.loads(await reader.readexactly(size))  # from our own child
            if not isinstance(message, Logged):
                return message
            line = logging.makeLogRecord(dict(message.fields))
            if (logger := logging.getLogger(line.name)).isEnabledFor(line.levelno):
                logger.handle(line)

    def _send(self, message: Command) -> None:
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(_frame(message))


async def _log_lines(stream: asyncio.StreamReader) -> None:
    """What the worker writes to standard error goes to the log, not over somebody's terminal."""
    while text := await stream.read(8192):
        for line in text.decode(errors="replace").splitlines():
            log.warning("worker: %s", line)


def _frame(message: Any) -> bytes:
    body = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    return _HEADER.pack(len(body)) + body


class _Channel:
    """The worker's side of the socket."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._sending = threading.Lock()
        self._stream = connection.makefile("rb")

    def send(self, message: Report | Ready | LoadFailed | Progress | Logged) -> None:
        frame = _frame(message)
        with self._sending, contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the reader ends this process
            self._connection.sendall(frame)

    def receive(self) -> Any:
        """Raises: EOFError when the parent closed the connection."""
        header = self._stream.read(_HEADER.size)
        if len(header) < _HEADER.size:
            raise EOFError
        return pickle.loads(self._stream.read(_HEADER.unpack(header)[0]))  # from our own parent


class _LogSender(logging.Handler):
    """Hands log lines to the parent, which knows where they go and how they look there."""

    def __init__(self, channel: _Channel) -> None:
        super().__init__()
        self._channel = channel

    def emit(self, record: logging.LogRecord) -> None:
        trace = "".join(traceback.format_exception(*record.exc_info)).rstrip() if record.exc_info else None
        names = ("name", "levelno", "levelname", "created", "request_id")
        fields = {name: record.__dict__[name] for name in names if name in record.__dict__}
        self._channel.send(Logged({"msg": record.getMessage(), "exc_text": trace} | fields))


def serve(connection: socket.socket) -> None:
    """Load the model the parent names, then run its engine until the parent says quit or goes away."""
    from engine.plan import build_engine  # noqa: PLC0415 - the parent imports this module without torch

    channel = _Channel(connection)
    logging.basicConfig(level=logging.WARNING, handlers=[_LogSender(channel)], force=True)
    try:
        start: Start = channel.receive()
        engine, info = build_engine(start.options, start.source, lambda text: channel.send(Progress(text)))
    except ModelLoadError as error:
        channel.send(LoadFailed(error))
        return
    except (EOFError, ConnectionError):  # the parent found no model, or went away
        return
    del start  # with the vocabulary of a GGUF file
    loop = EngineLoop(engine, channel.send)

    def listen() -> None:
        try:
            while True:
                loop.commands.put(channel.receive())
        except (EOFError, ConnectionError):
            loop.commands.put(Quit())

    threading.Thread(target=listen, name="listener", daemon=True).start()
    channel.send(Ready(info))
    loop.run()


if __name__ == "__main__":
    from engine.worker import serve as serve_importable  # messages must not be pickled as __main__.Ready

    serve_importable(socket.socket(fileno=int(sys.argv[1])))
    sys.stderr.flush()
    os._exit(0)  # threads of native libraries may abort an orderly end, and the parent has closed the socket
