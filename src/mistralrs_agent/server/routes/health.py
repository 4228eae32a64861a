"""`GET /` and `GET /health`: is the model there?"""

from __future__ import annotations

import asyncio

from fastapi import APIRouter
from starlette.responses import PlainTextResponse, Response

from engine import WorkerDied
from mistralrs_agent.server.error_table import ErrorReply
from mistralrs_agent.server.state import ServedHere

router = APIRouter()

_PATIENCE_S = 5.0


@router.get("/")
async def root() -> PlainTextResponse:
    """The server is up."""
    return PlainTextResponse("OK")


@router.get("/health")
async def health(served: ServedHere) -> Response:
    """200 `OK` while the model's worker answers, else 503."""
    try:
        async with asyncio.timeout(_PATIENCE_S):
            await served.agent.model.stats()
    except (WorkerDied, TimeoutError):
        return ErrorReply(503, "The model's worker does not answer.", code="worker_died").response()
    return PlainTextResponse("OK")
