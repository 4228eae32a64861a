"""Sessions as they are exported, imported and forked."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from mistralrs_agent.agent.sessions import Sessions
from mistralrs_agent.errors import RequestError
from mistralrs_agent.server.wire.base import NoEffect, UnsupportedList, WireModel
from mistralrs_agent.server.wire.files import FileField, file_with_contents
from mistralrs_agent.server.wire.messages import MessageField


class SessionBody(WireModel):
    """The body of `PUT /v1/sessions/{id}`: what `GET` gave."""

    messages: Annotated[list[MessageField], Field(min_length=1)]
    files: Annotated[list[FileField], Field(default_factory=list)]
    images: UnsupportedList = None
    videos: UnsupportedList = None
    id: NoEffect = None
    object: NoEffect = None


class ForkBody(WireModel):
    """The body of `POST /v1/sessions/{id}/fork`."""

    turns: Annotated[int, Field(ge=1)] | None = None
    """Keep this many turns of the user; all when unset."""


def session_body(sessions: Sessions, session_id: str) -> dict[str, Any]:
    """Everything that is kept of a session but its interpreter.

    Raises: RequestError (404).
    """
    messages = sessions.history(session_id)
    if not messages:
        raise RequestError(f"No session {session_id!r}.", status=404, code="session_not_found")
    files = [file_with_contents(sessions.files, file) for file in sessions.files.of_session(session_id)]
    exported = [message.to_json() for message in messages]
    return {"id": session_id, "object": "session", "messages": exported, "images": [], "videos": [], "files": files}


async def put_session(sessions: Sessions, session_id: str, body: SessionBody) -> None:
    """Put an exported session in the place of what was there."""
    await sessions.replace(session_id, [message.to_message() for message in body.messages])
    for file in body.files:
        sessions.files.add(
            session_id,
            file.name,
            file.contents(),
            size=file.bytes,
            purpose=file.purpose,
            mime_type=file.mime_type,
            source=file.source,
        )
