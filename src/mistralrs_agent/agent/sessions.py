"""Who talks with the agent: a history that lasts and, while someone is there, tool state such as an interpreter."""

from __future__ import annotations

import asyncio
import copy
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import uuid4

from engine import Message
from mistralrs_agent.agent.events import Decision
from mistralrs_agent.agent.history import answered, goes_on
from mistralrs_agent.agent.rules import Rule
from mistralrs_agent.errors import RequestError
from mistralrs_agent.storage.files import FileStore
from mistralrs_agent.storage.sessions import SessionStore

MAX_ID_LENGTH = 256


def check_id(session_id: str) -> None:
    """Raises: RequestError for an id that no store could keep."""
    if not (0 < len(session_id) <= MAX_ID_LENGTH and session_id.isprintable()):
        message = f"session_id must have 1 to {MAX_ID_LENGTH} printable characters, got {len(session_id)}"
        raise RequestError(message, param="session_id")


@dataclass(slots=True)
class Session:
    """One conversation, held by at most one turn at a time."""

    id: str
    """What its user calls it; empty for a conversation that is not remembered."""
    key: str
    """What the store and the tools call it: no other session of any user has the same."""
    store: SessionStore | None
    messages: tuple[Message, ...]
    """The whole history: what the client sent, tool calls, their results, answers."""
    resumed: bool = False
    """It goes on from the store alone: tool state of earlier turns is gone."""
    remembered: list[tuple[Rule, Decision]] = field(default_factory=list[tuple[Rule, Decision]])
    """Answers that hold for the rest of the session, the last word last."""
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while a person is asked about a call."""

    def save(self, messages: Sequence[Message]) -> None:
        """Replace the history, here and on disk."""
        self.messages = tuple(messages)
        if self.store is not None:
            self.store.save(self.key, self.messages)


@dataclass(slots=True)
class _Live:
    session: Session
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0
    last_used: float = 0.0


@dataclass(slots=True)
class _InMemory:
    """The sessions of all users whose tool state is kept."""

    live: dict[str, _Live] = field(default_factory=dict[str, _Live])
    """By key."""
    timer: asyncio.TimerHandle | None = None
    sweeping: asyncio.Task[None] | None = None


class Sessions:
    """Finds sessions and forgets their tool state when they are idle or too many; histories stay in the store."""

    def __init__(
        self,
        store: SessionStore,
        end_state: Callable[[str], Awaitable[None]],
        *,
        limit: int = 128,
        idle_s: float = 1800.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`end_state(session_id)` ends what tools keep for a session (`Toolbox.end_session`)."""
        self._store = store
        self._end_state = end_state
        self._limit = limit
        self._idle_s = idle_s
        self._clock = clock
        self._memory = _InMemory()
        self._space = ""

    def within(self, space: str) -> Sessions:
        """The sessions whose keys begin with `space`, under ids without it. Limits and `close` stay those of all."""
        view = copy.copy(self)
        view._space = space
        return view

    @asynccontextmanager
    async def open(self, session_id: str | None) -> AsyncGenerator[Session]:
        """Hold a session for one turn; a second turn of the same session waits. None: a new one.

        Raises: RequestError when the id cannot be one.
        """
        if session_id is not None:
            check_id(session_id)
        live = self._find(session_id or str(uuid4()))
        live.users += 1
        try:
            await self.sweep()
            async with live.turn:
                yield live.session
        finally:
            live.users -= 1
            live.last_used = self._clock()
            self._sweep_later()

    @staticmethod
    @asynccontextmanager
    async def unremembered() -> AsyncGenerator[Session]:
        """A session for one turn that leaves nothing behind: its caller keeps the history."""
        yield Session("", "", None, ())

    def matching(self, messages: Sequence[Message]) -> str | None:
        """The session, of those in memory that no turn holds, that a conversation sent as a whole goes on with."""
        sessions = (one.session for one in self._memory.live.values() if not one.users)
        own = (session for session in sessions if session.key == self._space + session.id)
        fitting = [session for session in own if goes_on(session.messages, messages)]
        return max(fitting, key=lambda session: len(session.messages)).id if fitting else None

    def history(self, session_id: str) -> tuple[Message, ...] | None:
        """The stored messages; None for an unknown session."""
        return self._store.load(self._space + session_id)

    async def end(self, session_id: str) -> None:
        """End the tool state of a session once its turn is over; the history stays."""
        async with self.open(session_id) as session:
            session.remembered.clear()
            session.resumed = True
            await self._end_state(session.key)

    async def delete(self, session_id: str) -> None:
        """Forget a session altogether."""
        async with self.open(session_id) as session:
            session.remembered.clear()
            session.messages = ()
            self._store.delete(session.key)
            await self._end_state(session.key)

    @property
    def files(self) -> FileStore:
        """The files of these sessions."""
        return self._store.files.within(self._space)

    async def replace(self, session_id: str, messages: Sequence[Message]) -> None:
        """Put an exported conversation in the place of what was there; tool state of the old one ends.

        Raises: RequestError for results of calls that nobody made.
        """
        history = answered(messages)
        async with self.open(session_id) as session:
            await self._end_state(session.key)
            self._store.files.delete_session(session.key)
            session.remembered.clear()
            session.save(history)
            session.resumed = True

    async def fork(self, session_id: str, *, turns: int | None = None) -> str:
        """Copy a conversation, up to the end of the user's first `turns` turns, with its files; returns the new id.

        Raises: RequestError (404) for an unknown one.
        """
        async with self.open(session_id) as session:
            if not session.messages:
                raise RequestError(f"No session {session_id!r}.", status=404, code="session_not_found")
            starts = [n for n, message in enumerate(session.messages) if message.role == "user"]
            end = len(session.messages) if turns is None or turns >= len(starts) else starts[turns]
            fork_id = str(uuid4())
            self._store.save(self._space + fork_id, session.messages[:end])
            for file in self.files.of_session(session_id):
                if turns is None or file.source.get("turn", 0) <= turns:
                    self.files.copy(file, fork_id)
        return fork_id

    async def sweep(self) -> None:
        """End the tool state of sessions that are idle for too long, and of the oldest ones above the limit."""
        live = self._memory.live
        idle = sorted((one for one in live.values() if not one.users), key=lambda one: one.last_used)
        surplus = len(live) - self._limit
        oldest_kept = self._clock() - self._idle_s
        ended = [one.session.key for n, one in enumerate(idle) if n < surplus or one.last_used <= oldest_kept]
        for key in ended:
            del live[key]
        await asyncio.gather(*map(self._end_state, ended))

    async def close(self) -> None:
        """End the tool state of every session."""
        if self._memory.timer is not None:
            self._memory.timer.cancel()
        if self._memory.sweeping is not None:
            await self._memory.sweeping
        ended = list(self._memory.live)
        self._memory.live.clear()
        await asyncio.gather(*map(self._end_state, ended))

    def _find(self, session_id: str) -> _Live:
        key = self._space + session_id
        live = self._memory.live.pop(key, None)
        if live is None:
            stored = self._store.load(key) or ()
            live = _Live(Session(session_id, key, self._store, stored, resumed=bool(stored)))
        self._memory.live[key] = live
        return live

    def _sweep_later(self) -> None:
        """Idle sessions are ended even when nobody comes any more."""
        if self._memory.timer is None:
            self._memory.timer = asyncio.get_running_loop().call_later(self._idle_s, self._on_timer)

    def _on_timer(self) -> None:
        self._memory.timer = None
        self._memory.sweeping = asyncio.ensure_future(self.sweep())
        if self._memory.live:
            self._sweep_later()
