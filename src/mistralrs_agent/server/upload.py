"""Bodies of `multipart/form-data`: files that clients upload."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

from fastapi import HTTPException, Request
from starlette.datastructures import FormData, UploadFile

from mistralrs_agent.errors import RequestError

MAX_PARTS = 1000


@asynccontextmanager
async def form_of(request: Request, known: Sequence[str]) -> AsyncGenerator[FormData]:
    """The parts of the body; large files in it lie on disk until the end of the block.

    Raises: RequestError for a broken body, or a part that is not `known`.
    """
    try:
        form = await request.form(max_files=MAX_PARTS, max_fields=MAX_PARTS)
    except HTTPException as error:
        if error.status_code == 413:
            raise
        raise RequestError(f"The body is not valid multipart/form-data: {error.detail}") from error
    try:
        if unknown := sorted(set(form) - set(known)):
            expected = ", ".join(known)
            raise RequestError(f"Unknown part {unknown[0]!r}; expected: {expected}.", param=unknown[0])
        yield form
    finally:
        await form.close()


def text_part(form: FormData, name: str) -> str:
    """Raises: RequestError when it is missing, or a file."""
    value = form.get(name)
    if not isinstance(value, str):
        raise RequestError(f"Missing part {name!r} with text.", param=name)
    return value


def file_parts(form: FormData, *names: str) -> list[UploadFile]:
    """Raises: RequestError when there is none, or one has no file name."""
    parts = [value for name in names for value in form.getlist(name)]
    files = [part for part in parts if isinstance(part, UploadFile) and part.filename]
    if not files or len(files) < len(parts):
        raise RequestError(f"Send part {names[0]!r} as a file, with a file name.", param=names[0])
    return files
