"""One sandbox session per conversation, shared by the tools that run code in it."""

from __future__ import annotations

import asyncio
import hashlib
import re
from dataclasses import replace

from mistralrs_agent.tools.base import ToolContext
from sandbox import SandboxPolicy, Session

_ALL_LOST = "This is a new start: variables and files that earlier turns made are gone."
_VARIABLES_LOST = "This is a new start: variables that earlier turns made are gone; their files are still there."
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Interpreters:
    """Sandbox sessions by the id of the conversation, each started when first needed."""

    def __init__(self, policy: SandboxPolicy) -> None:
        """`policy.workdir`: each session gets a folder of its own in it."""
        self.policy = policy
        self._sessions: dict[str, Session] = {}
        self._opening = asyncio.Lock()

    def __len__(self) -> int:
        """How many sandboxes are open."""
        return len(self._sessions)

    def lost(self, context: ToolContext) -> tuple[str, ...]:
        """What to tell the model about earlier calls whose state is gone; ask before `of`, which starts anew."""
        if not context.resumed or context.session_id in self._sessions:
            return ()
        return (_VARIABLES_LOST if self.policy.workdir else _ALL_LOST,)

    async def of(self, session_id: str) -> Session:
        """Raises: SandboxError."""
        async with self._opening:  # calls of a round begin, and so run, in their order
            if session_id not in self._sessions:
                self._sessions[session_id] = await Session.open(self._policy_of(session_id))
            return self._sessions[session_id]

    def _policy_of(self, session_id: str) -> SandboxPolicy:
        if self.policy.workdir is None:
            return self.policy
        return replace(self.policy, workdir=self.policy.workdir / folder_name(session_id))

    async def reset(self, session_id: str) -> None:
        """Raises: SandboxError."""
        if session_id in self._sessions:
            await self._sessions[session_id].reset()

    async def end(self, session_id: str) -> None:
        session = self._sessions.pop(session_id, None)
        if session is not None:
            await session.close()


def folder_name(session_id: str) -> str:
    """A name for the folder of a session, whose id may come from outside and say `../..`."""
    if _PLAIN_NAME.fullmatch(session_id):
        return session_id
    return "session-" + hashlib.sha256(session_id.encode("utf-8", "backslashreplace")).hexdigest()[:32]
