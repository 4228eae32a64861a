"""What is in a file, as text: for reading tools, and for the beginning that a model is shown of what people attach."""

from __future__ import annotations

from mistralrs_agent.errors import ToolFailed
from mistralrs_agent.storage.files import StoredFile, text_of

PDF = "application/pdf"


def readable_text(file: StoredFile, body: bytes) -> str | None:
    """The text of a file, of a PDF too; None when there is none in it. May take seconds: run it in a thread."""
    if file.mime_type != PDF:
        return text_of(body)
    from mistralrs_agent.search.extract import extract  # slow to import, with all it needs  # noqa: PLC0415
    from mistralrs_agent.search.fetch import Fetched  # noqa: PLC0415

    try:
        return extract(Fetched(file.name, PDF, None, body)).text
    except ToolFailed:  # broken, or scanned pages
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
