"""One sandbox session per conversation, shared by the tools that run code in it."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from mistralrs_agent.storage.database import MEMORY, open_database
from mistralrs_agent.storage.files import FileStore
from mistralrs_agent.tools.base import ToolContext
from mistralrs_agent.tools.session_files import Collected, collect, lay_out
from sandbox import SandboxPolicy, Session

_LOST = (
    "This is a new start: variables that earlier turns made are gone; the files of the conversation are still there."
)
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(slots=True)
class _Place:
    """What is kept of one conversation."""

    session: Session | None = None
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by one call at a time, so that what it made can be told from what the next one makes."""
    laid_out: set[str] = field(default_factory=set[str])
    """Ids of files that are, or were, in the working directory."""


class Interpreters:
    """Sandbox sessions by the id of the conversation, each started when first needed."""

    def __init__(self, policy: SandboxPolicy, files: FileStore | None = None) -> None:
        """`policy.workdir`: each session gets a folder of its own in it. `files`: what conversations bring to their
        sessions and what code makes there; None: kept in memory.
        """
        self.policy = policy
        self.files = files or FileStore(open_database(MEMORY))
        self._places: dict[str, _Place] = {}

    def __len__(self) -> int:
        """How many sandboxes are open."""
        return sum(place.session is not None for place in self._places.values())

    def lost(self, context: ToolContext) -> tuple[str, ...]:
        """What to tell the model about earlier calls whose state is gone; ask before `use`, which starts anew."""
        place = self._places.get(context.session_id)
        started = place is not None and place.session is not None
        return (_LOST,) if context.resumed and not started else ()

    @asynccontextmanager
    async def use(self, session_id: str) -> AsyncGenerator[Session]:
        """The session for one call, with all files of the conversation in its working directory; the next call waits.

        Raises: SandboxError.
        """
        place = self._places.setdefault(session_id, _Place())
        async with place.turn:  # calls of a round begin, and so run, in their order
            if place.session is None:
                place.session = await Session.open(self._policy_of(session_id))
            await lay_out(self.files, place.session, session_id, place.laid_out)
            yield place.session

    async def collect(self, session: Session, context: ToolContext, tool: str, expected: Sequence[str]) -> Collected:
        """Keep the files that the last call of `tool` made, and those that are expected. To be called inside `use`.

        Raises: SandboxError.
        """
        source = {"tool": tool, "round": context.round, "turn": context.turn}
        found = await collect(self.files, session, context.session_id, expected, source)
        self._places[context.session_id].laid_out.update(file.id for file in found.files)
        return found

    def _policy_of(self, session_id: str) -> SandboxPolicy:
        if self.policy.workdir is None:
            return self.policy
        return replace(self.policy, workdir=self.policy.workdir / folder_name(session_id))

    async def reset(self, session_id: str) -> None:
        """Raises: SandboxError."""
        if (place := self._places.get(session_id)) is not None:
            async with place.turn:
                if place.session is not None:
                    await place.session.reset()

    async def end(self, session_id: str) -> None:
        place = self._places.pop(session_id, None)
        if place is not None and place.session is not None:
            await place.session.close()


def folder_name(session_id: str) -> str:
    """A name for the folder of a session, whose id may come from outside and say `../..`."""
    if _PLAIN_NAME.fullmatch(session_id):
        return session_id
    return "session-" + hashlib.sha256(session_id.encode("utf-8", "backslashreplace")).hexdigest()[:32]
