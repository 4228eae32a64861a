"""`GET /` and `GET /health`: is the model there?"""

from __future__ import annotations

import asyncio

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

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
async def health(served: ServedHere, request: Request) -> Response:
    """200 `OK` while the model's worker answers, else 503. Who accepts only JSON is told what isolates tools, too."""
    try:
        async with asyncio.timeout(_PATIENCE_S):
            await served.agent.model.stats()
    except (WorkerDied, TimeoutError):
        return ErrorReply(503, "The model's worker does not answer.", code="worker_died").response()
    if request.headers.get("accept") == "application/json":
        settings = served.settings
        sandbox = {"summary": settings.sandbox_summary, "layers": list(settings.sandbox_layers)}
        return JSONResponse({"status": "ok", "sandbox": sandbox})
    return PlainTextResponse("OK")
