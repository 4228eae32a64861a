"""`/v1/files`: hand files in before they are used, and fetch what tools made."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from mistralrs_agent.errors import RequestError
from mistralrs_agent.event_codec import file_body
from mistralrs_agent.server.json_route import JsonRoute
from mistralrs_agent.server.state import ServedHere
from mistralrs_agent.server.upload import file_parts, form_of, text_part
from mistralrs_agent.server.wire.files import file_with_contents
from mistralrs_agent.storage.files import FileStore, InputFile, StoredFile
from mistralrs_agent.tools.session_files import take_in

router = APIRouter(route_class=JsonRoute)

_PURPOSES = ("user_data", "assistants")
"""OpenAI's, of those that mean a file to be read; they mean the same here."""


@router.post("/v1/files")
async def upload_file(served: ServedHere, request: Request) -> dict[str, Any]:
    """Keep a file; chat requests name it by its id (`{"type": "file", "file": {"file_id": …}}`)."""
    async with form_of(request, ("file", "purpose")) as form:
        purpose = text_part(form, "purpose")
        if purpose not in _PURPOSES:
            raise RequestError(f"purpose {purpose!r} is not one of {', '.join(_PURPOSES)}.", param="purpose")
        upload = file_parts(form, "file")[0]
        given = InputFile(upload.filename or "", await upload.read(), upload.content_type)
    file = await asyncio.to_thread(take_in, served.agent.sessions.files, "", given)
    return file_body(file)


@router.get("/v1/files")
async def list_files(
    served: ServedHere,
    purpose: Literal["user_data", "agent_output"] | None = None,
    session_id: str | None = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 10_000,
    after: str | None = None,
) -> dict[str, Any]:
    """Files, the newest first: all, or those of one session."""
    store = served.agent.sessions.files
    files = await asyncio.to_thread(store.all)
    files = [f for f in files if purpose in (None, f.purpose) and session_id in (None, f.session_id)]
    if after is not None:
        files = files[next((n for n, file in enumerate(files, 1) if file.id == after), len(files)) :]
    page = [file_body(file) for file in files[:limit]]
    ends = {"first_id": page[0]["id"], "last_id": page[-1]["id"]} if page else {"first_id": None, "last_id": None}
    return {"object": "list", "data": page, **ends, "has_more": len(files) > limit}


@router.get("/v1/files/{file_id}")
async def get_file(file_id: str, served: ServedHere) -> dict[str, Any]:
    """A file, and what is in it unless that is large."""
    store = served.agent.sessions.files
    return await asyncio.to_thread(lambda: file_with_contents(store, _file(store, file_id)))


@router.get("/v1/files/{file_id}/content")
async def get_file_content(file_id: str, served: ServedHere) -> Response:
    """What is in a file, as it is."""
    store = served.agent.sessions.files
    file = _file(store, file_id)
    body = await asyncio.to_thread(store.body, file_id)
    if body is None:
        message = f"The contents of file {file_id!r} were too large to keep."
        raise RequestError(message, status=410, code="file_elided")
    return Response(body, headers=_headers(file))


@router.delete("/v1/files/{file_id}")
async def delete_file(file_id: str, served: ServedHere) -> dict[str, Any]:
    """Forget a file. A copy in the working directory of a running session stays there."""
    store = served.agent.sessions.files
    await asyncio.to_thread(store.delete, _file(store, file_id).id)
    return {"id": file_id, "object": "file", "deleted": True}


def _file(store: FileStore, file_id: str) -> StoredFile:
    """Raises: RequestError (404)."""
    file = store.get(file_id)
    if file is None:
        raise RequestError(f"No file {file_id!r}.", status=404, code="file_not_found")
    return file


def _headers(file: StoredFile) -> dict[str, str]:
    """A file from anywhere must not act as a page of this server: it gets no scripts and no origin."""
    plain = "".join(c if c.isascii() and c not in '"\\' else "_" for c in file.name)
    kind = file.mime_type
    return {
        "content-type": f"{kind}; charset=utf-8" if kind.startswith("text/") else kind,
        "content-disposition": f"inline; filename=\"{plain}\"; filename*=UTF-8''{quote(file.name, safe='')}",
        "content-security-policy": "sandbox; default-src 'none'",
        "x-content-type-options": "nosniff",
    }
