"""Files that come into a turn, as the model is told of them, and files that should have come out of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace

from engine import Message
from mistralrs_agent.agent.events import Event, FileMissing, FileProduced, Finished
from mistralrs_agent.agent.turn import Turn
from mistralrs_agent.storage.files import FileStore
from mistralrs_agent.tools.file_text import attachment_note, readable_text
from mistralrs_agent.tools.session_files import ExpectedFile, take_in, take_in_stored

PREVIEW_CHARS = 4096
"""Of one file."""
ALL_PREVIEWS_CHARS = 32_768
"""Of all files of a request."""


def has_attachments(store: FileStore, turn: Turn) -> bool:
    """Whether people have handed in files, in this turn or before in its session."""
    if turn.files or turn.session_id is None:
        return bool(turn.files)
    return any(file.purpose == "user_data" for file in store.of_session(turn.session_id))


async def with_attachments(store: FileStore, session_id: str, turn: Turn, max_chars: int) -> tuple[Message, ...]:
    """Take the turn's files in, and say in its messages what they are and how they begin. What is said depends on
    nothing but the files, so that a history sent again reads the same.

    Raises: RequestError for a file that is unknown, too large, or no longer there.
    """
    notes: dict[int, list[str]] = {}
    room = min(ALL_PREVIEWS_CHARS, max_chars // 2)
    for attachment in turn.files:
        given = attachment.file
        if isinstance(given, str):
            file = await asyncio.to_thread(take_in_stored, store, session_id, given)
        else:
            file = await asyncio.to_thread(take_in, store, session_id, given)
        text = await readable_text(store, file)
        limit = min(PREVIEW_CHARS, room)
        room -= min(limit, len(text or ""))
        notes.setdefault(attachment.message, []).append(attachment_note(file, text, limit))
    return tuple(
        replace(message, content="\n\n".join(filter(None, [*notes.get(number, ()), message.content])))
        for number, message in enumerate(turn.messages)
    )


async def with_missing(
    events: AsyncGenerator[Event, None], expected: Sequence[ExpectedFile]
) -> AsyncGenerator[Event, None]:
    """The same events, and before the last one those expected files that no call has made."""
    missing = [file.name for file in expected]
    async with aclosing(events):
        async for event in events:
            if isinstance(event, FileProduced) and event.file.path in missing:
                missing.remove(event.file.path)
            elif isinstance(event, Finished):
                for name in missing:
                    yield FileMissing(name)
            yield event
