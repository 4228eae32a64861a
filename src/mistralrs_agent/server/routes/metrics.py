"""`GET /metrics`: all counts and times, for Prometheus."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request, Response

from engine import EngineStats, WorkerDied
from mistralrs_agent.server.state import ServedHere

router = APIRouter()

_PATIENCE_S = 5.0


@router.get("/metrics")
async def get_metrics(served: ServedHere, request: Request) -> Response:
    """In Prometheus' text format, or OpenMetrics where that is asked for."""
    stats: EngineStats | None = None
    try:
        async with asyncio.timeout(_PATIENCE_S):
            stats = await served.agent.model.stats()
    except (WorkerDied, TimeoutError):
        pass
    page, content_type = served.telemetry.metrics.page(stats, request.headers.get("accept", ""))
    return Response(page, media_type=content_type)
