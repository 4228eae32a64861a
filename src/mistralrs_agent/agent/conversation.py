"""One conversation as a person holds it: send text, watch events, decide approvals. The TUI knows only this.

`LocalConversation` (in this package) drives the loop in the same process; `mistralrs_agent.client` holds one with a
running server.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Protocol

from mistralrs_agent.agent.events import Decision, Event, Permission
from mistralrs_agent.storage.files import InputFile, StoredFile


@dataclass(frozen=True, slots=True)
class ConversationInfo:
    """What a status line shows."""

    model_id: str
    detail: str
    """One line about the model: quantisation, device, kernels."""
    notice: str
    """A warning for the top of the chat, such as that this is a small demonstration model; may be empty."""
    context_tokens: int
    tools: tuple[str, ...]
    """Names of the tools the model may call."""
    sandbox: str
    """One line: what isolates tools, or that nothing does."""
    endpoint: str = ""
    """Address of the HTTP server, where one runs."""
    sandbox_table: str = ""
    """Each layer of it, on or off, why, and the remedy; several lines."""


class Conversation(Protocol):
    """A session with a model. One turn at a time."""

    @property
    def info(self) -> ConversationInfo: ...

    @property
    def permission(self) -> Permission: ...

    async def set_permission(self, permission: Permission) -> None:
        """Raises: UserError when the server's floor is stricter."""
        ...

    def send(
        self, text: str, *, force_tool: str | None = None, files: Sequence[InputFile] = ()
    ) -> AsyncGenerator[Event, None]:
        """Run one turn; closing the iterator cancels it. With `force_tool` the first round must call that tool; `files`
        go to the model and its tools.

        Raises: UserError or engine.EngineError.
        """
        ...

    async def decide(self, approval_id: str, decision: Decision) -> None:
        """Answer an `ApprovalRequested` while the turn that asked is running."""
        ...

    async def files(self) -> Sequence[StoredFile]:
        """The files of the conversation, the oldest first: those that were sent, and those that tools made."""
        ...

    async def file_contents(self, file: StoredFile) -> bytes:
        """Raises: UserError when they are not kept."""
        ...

    async def reset(self) -> None:
        """Forget the history and the interpreter; the next turn starts a fresh session."""
        ...

    async def close(self) -> None: ...
