"""`GET /` and `GET /health`: is the model there?"""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from mistralrs_agent.server.error_table import ErrorReply
from mistralrs_agent.server.state import ServedHere

router = APIRouter()


@router.get("/")
async def root() -> PlainTextResponse:
    """The server is up."""
    return PlainTextResponse("OK")


@router.get("/health")
async def health(served: ServedHere, request: Request) -> Response:
    """200 `OK` while the model's worker answers, else 503. Who accepts only JSON is told what isolates tools, too."""
    if await served.stats() is None:
        return ErrorReply(503, "The model's worker does not answer.", code="worker_died").response()
    if request.headers.get("accept") == "application/json":
        settings = served.settings
        sandbox = {"summary": settings.sandbox_summary, "layers": list(settings.sandbox_layers)}
        return JSONResponse({"status": "ok", "sandbox": sandbox})
    return PlainTextResponse("OK")
