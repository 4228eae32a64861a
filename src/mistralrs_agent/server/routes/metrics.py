"""`GET /metrics`: all counts and times, for Prometheus."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from mistralrs_agent.server.state import ServedHere

router = APIRouter()


@router.get("/metrics")
async def get_metrics(served: ServedHere, request: Request) -> Response:
    """In Prometheus' text format, or OpenMetrics where that is asked for."""
    stats = await served.stats()
    page, content_type = served.telemetry.metrics.page(stats, request.headers.get("accept", ""))
    return Response(page, media_type=content_type)
