"""What is in a file, as text: for reading tools, and for the beginning that a model is shown of what people attach."""

from __future__ import annotations

import asyncio

from mistralrs_agent.errors import ToolFailed
from mistralrs_agent.search.extractor import shared_extractor
from mistralrs_agent.search.page import Fetched
from mistralrs_agent.storage.files import FileStore, StoredFile, text_of

PDF = "application/pdf"


async def readable_text(store: FileStore, file: StoredFile) -> str | None:
    """The text of a file, of a PDF too; None when there is none in it, or its contents are not kept."""
    body = await asyncio.to_thread(store.body, file.id)
    if body is None or file.mime_type != PDF:
        return None if body is None else await asyncio.to_thread(text_of, body)
    try:
        return (await shared_extractor().extract(Fetched(file.name, PDF, None, body))).text
    except ToolFailed:  # broken, scanned pages, or too much work
        return None


def described(file: StoredFile) -> str:
    """Name, kind and size in one line."""
    return f"{file.path} ({file.mime_type}, {file.size} bytes)"


def attachment_note(file: StoredFile, text: str | None, limit: int) -> str:
    """What the model is told of a file that came with a message: with its beginning, at most `limit` characters."""
    if text is None:
        return f"[Attached file {described(file)}; it is not text.]"
    if not limit:
        return f"[Attached file {described(file)}.]"
    if len(text) <= limit:
        return f"[Attached file {described(file)}:]\n{text}\n[End of {file.path}.]"
    return f"[Attached file {described(file)}; the first {limit} of its {len(text)} characters:]\n{text[:limit]}\n[…]"
