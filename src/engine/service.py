"""An engine that others can await: requests in, streams of deltas out.

`EngineLoop` drives an engine on one thread, fed by a queue. It is the same whether that thread lives in this process
(`ThreadService`) or in a worker process (`engine.worker`); only how messages travel differs.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from engine.adapters.asked import (
    AdapterCommand,
    AdapterInfo,
    AdapterStatus,
    ListAdapters,
    LoadAdapter,
    UnloadAdapter,
)
from engine.errors import EngineError, WorkerDied
from engine.loading.source import ModelSource
from engine.options import ModelOptions
from engine.request import Constraint, Delta, EngineStats, ModelInfo, Request
from engine.request_id import outside_id

if TYPE_CHECKING:
    from engine.sampling.constraint import Compiled  # loaded only where an engine runs

log = logging.getLogger(__name__)

_COMPILERS = 4
"""Grammars compiled at a time."""


@dataclass(frozen=True, slots=True)
class Submit:
    request: Request


@dataclass(frozen=True, slots=True)
class Abort:
    request_id: str


@dataclass(frozen=True, slots=True)
class AskStats:
    pass


@dataclass(frozen=True, slots=True)
class Quit:
    pass


@dataclass(frozen=True, slots=True)
class _Start:
    """The grammar of an accepted request is compiled."""

    request: Request
    compiling: Future[Compiled]


Question = AskStats | AdapterCommand
"""Commands that get one `Answer` each, in order."""
Command = Submit | Abort | Question | Quit


@dataclass(frozen=True, slots=True)
class Failed:
    """A request ended with an error; nothing more comes for it."""

    request_id: str
    error: EngineError


@dataclass(frozen=True, slots=True)
class Answer:
    """To the oldest question that has none yet."""

    value: EngineStats | AdapterInfo | AdapterStatus | EngineError


Report = list[Delta] | Failed | Answer
"""What an engine loop tells: the deltas of a step, a failure, or what it was asked."""


class Service(Protocol):
    """A running engine, wherever it lives."""

    @property
    def info(self) -> ModelInfo: ...

    def generate(self, request: Request) -> AsyncGenerator[Delta, None]:
        """Stream a request's deltas until every choice has finished. Closing the iterator early aborts it.

        Raises: InvalidRequest, ContextOverflow, EngineOverloaded, WorkerDied, EngineError.
        """
        ...

    async def stats(self) -> EngineStats: ...

    async def adapters(self, command: AdapterCommand) -> AdapterInfo | AdapterStatus:
        """Load, unload or list LoRA adapters. Raises: AdapterError, WorkerDied."""
        ...

    async def close(self) -> None: ...


class SteppingEngine(Protocol):
    """What the loop needs of an engine."""

    @property
    def has_work(self) -> bool: ...
    def accept(self, request: Request) -> Request: ...
    def compile(self, constraint: Constraint) -> Compiled: ...
    def start(self, request: Request, compiled: Compiled | None = None) -> None: ...
    def abort(self, request_id: str) -> None: ...
    def abort_all(self) -> list[str]: ...
    def step(self) -> list[Delta]: ...
    def stats(self) -> EngineStats: ...
    @property
    def adapters(self) -> Adapters: ...


class Adapters(Protocol):
    """What the loop needs of an engine's adapters."""

    def obey(self, command: AdapterCommand) -> AdapterInfo | AdapterStatus: ...


class EngineLoop:
    """Takes commands between steps; sleeps when there is nothing to do. Grammars are compiled on other threads, so
    that only who asked for one waits for it.
    """

    def __init__(self, engine: SteppingEngine, tell: Callable[[Report], None]) -> None:
        self.commands: queue.SimpleQueue[Command | _Start] = queue.SimpleQueue()
        self._engine = engine
        self._tell = tell
        self._compilers = ThreadPoolExecutor(_COMPILERS, thread_name_prefix="grammar compiler")

    def run(self) -> None:
        """Until a `Quit` comes."""
        while self._obey():
            try:
                deltas = self._engine.step()
            except Exception as error:  # one broken step must not end the service
                message = str(error) if isinstance(error, EngineError) else f"The engine failed: {error}"
                ended = self._engine.abort_all()
                log.exception("a step failed; it ends %s", ", ".join(ended))
                for request_id in ended:
                    self._tell(Failed(request_id, EngineError(message)))
            else:
                if deltas:
                    self._tell(deltas)

    def _obey(self) -> bool:
        """Carry out all commands that wait, or wait for one when idle; False to end."""
        while True:
            try:
                command = self.commands.get(block=not self._engine.has_work)
            except queue.Empty:
                return True
            match command:
                case Submit(request):
                    self._queue(request, self._accept)
                case _Start(request, compiling):
                    self._queue(request, lambda accepted: self._engine.start(accepted, compiling.result()))
                case Abort(request_id):
                    self._engine.abort(request_id)
                case AskStats():
                    self._tell(Answer(self._engine.stats()))
                case LoadAdapter() | UnloadAdapter() | ListAdapters():
                    self._tell(self._administer(command))
                case Quit():
                    self._compilers.shutdown(wait=False, cancel_futures=True)
                    return False

    def _queue(self, request: Request, step: Callable[[Request], None]) -> None:
        """Take a step towards running a request, or say why it cannot run."""
        try:
            step(request)
        except EngineError as error:
            self._tell(Failed(request.id, error))
        except Exception as error:  # one strange request must not end the service
            log.exception("a request could not be queued", extra={"request_id": outside_id(request.id)})
            self._engine.abort(request.id)
            self._tell(Failed(request.id, EngineError(f"The engine failed: {error}")))

    def _accept(self, request: Request) -> None:
        accepted = self._engine.accept(request)
        if accepted.constraint is None:
            self._engine.start(accepted)
        else:
            compiling = self._compilers.submit(self._engine.compile, accepted.constraint)
            compiling.add_done_callback(lambda done: self.commands.put(_Start(accepted, done)))

    def _administer(self, command: AdapterCommand) -> Answer:
        try:
            return Answer(self._engine.adapters.obey(command))
        except EngineError as error:
            return Answer(error)
        except Exception as error:  # one strange adapter must not end the service
            log.exception("an adapter could not be loaded")
            return Answer(EngineError(f"The engine failed: {error}"))


class Mailboxes:
    """Hands an engine loop's reports to whoever waits for them, on the event loop's thread."""

    def __init__(self) -> None:
        self._streams: dict[str, asyncio.Queue[list[Delta] | EngineError]] = {}
        self._questions: list[asyncio.Future[Any]] = []

    async def stream(self, request: Request, send: Callable[[Command], None]) -> AsyncGenerator[Delta, None]:
        """Submit a request and yield its deltas; abort it when the reader leaves early."""
        inbox: asyncio.Queue[list[Delta] | EngineError] = asyncio.Queue()
        self._streams[request.id] = inbox
        finished = False
        try:
            send(Submit(request))
            while not finished:
                item = await inbox.get()
                if isinstance(item, EngineError):
                    finished = True
                    raise item
                for delta in item:
                    finished = delta.usage is not None or bool(delta.error)
                    if delta.error:
                        raise EngineError(delta.error)
                    yield delta
        finally:
            del self._streams[request.id]
            if not finished:
                send(Abort(request.id))

    async def ask(self, question: Question, send: Callable[[Command], None]) -> Any:
        """What the engine answers. Raises: what it answers, if that is an error."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._questions.append(answer)
        send(question)
        return await answer

    def deliver(self, report: Report) -> None:
        match report:
            case list():
                by_request: dict[str, list[Delta]] = {}
                for delta in report:
                    by_request.setdefault(delta.request_id, []).append(delta)
                for request_id, deltas in by_request.items():
                    self._put(request_id, deltas)
            case Failed(request_id, error):
                self._put(request_id, error)
            case Answer(value):
                answer = self._questions.pop(0)
                if answer.done():  # nobody waits any more
                    return
                if isinstance(value, EngineError):
                    answer.set_exception(value)
                else:
                    answer.set_result(value)

    def fail_all(self, error: EngineError) -> None:
        """Everyone who waits gets this error."""
        for inbox in self._streams.values():
            inbox.put_nowait(error)
        for answer in self._questions:
            if not answer.done():
                answer.set_exception(error)
        self._questions.clear()

    def _put(self, request_id: str, item: list[Delta] | EngineError) -> None:
        inbox = self._streams.get(request_id)  # gone when its reader left
        if inbox is not None:
            inbox.put_nowait(item)


class ThreadService:
    """An engine on a thread of this process, for the SDK, benchmarks and tests."""

    def __init__(self, engine: SteppingEngine, info: ModelInfo) -> None:
        loop = asyncio.get_running_loop()
        self._info = info
        self._mailboxes = Mailboxes()
        self._loop = EngineLoop(engine, lambda report: _call_if_open(loop, self._mailboxes.deliver, report))
        self._thread = threading.Thread(target=self._loop.run, name=f"engine {info.id}", daemon=True)
        self._thread.start()

    @classmethod
    async def start(cls, options: ModelOptions, source: ModelSource, report: Callable[[str], None]) -> ThreadService:
        """Load a model in this process. Raises: ModelLoadError."""
        from engine.plan import build_engine  # noqa: PLC0415 - torch is loaded only where an engine runs

        engine, info = await asyncio.to_thread(build_engine, options, source, report)
        return cls(engine, info)

    @property
    def info(self) -> ModelInfo:
        return self._info

    def generate(self, request: Request) -> AsyncGenerator[Delta, None]:
        return self._mailboxes.stream(request, self._loop.commands.put)

    async def stats(self) -> EngineStats:
        return await self._mailboxes.ask(AskStats(), self._loop.commands.put)

    async def adapters(self, command: AdapterCommand) -> AdapterInfo | AdapterStatus:
        return await self._mailboxes.ask(command, self._loop.commands.put)

    async def close(self) -> None:
        self._loop.commands.put(Quit())
        await asyncio.to_thread(self._thread.join)
        self._mailboxes.fail_all(WorkerDied("The model was unloaded."))


def _call_if_open(loop: asyncio.AbstractEventLoop, call: Callable[[Report], None], report: Report) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(call, report)
