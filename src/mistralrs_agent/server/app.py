"""The web applications: everything on the main port, and MCP alone for a port of its own."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI
from fastapi_offline import FastAPIOffline
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from mistralrs_agent import __version__
from mistralrs_agent.agent.agent import Agent
from mistralrs_agent.mcp.server import create_server, http_routes
from mistralrs_agent.server import error_table
from mistralrs_agent.server.guards import ApiKeyGuard, BodyLimit, JsonBodies, OriginGuard
from mistralrs_agent.server.mcp_chat import mcp_chat
from mistralrs_agent.server.record import RoutePatterns
from mistralrs_agent.server.request_log import RequestLog
from mistralrs_agent.server.routes import adapters, chat, completions, files, health, metrics, models, sessions, skills
from mistralrs_agent.server.routes import agent as agent_routes
from mistralrs_agent.server.settings import ServerSettings
from mistralrs_agent.server.state import Served
from mistralrs_agent.server.telemetry import Telemetry


def create_app(agent: Agent, settings: ServerSettings, telemetry: Telemetry | None = None) -> FastAPI:
    """The OpenAI-compatible API, the agent's routes, and MCP at `/mcp`.

    `telemetry` is shared by the apps of one agent; by default this one has its own.
    """
    families = [chat, completions, models, adapters, agent_routes, sessions, files, skills, health]
    if settings.metrics:
        families.append(metrics)
    return _app(agent, settings, telemetry, [family.router for family in families])


def create_mcp_app(agent: Agent, settings: ServerSettings, telemetry: Telemetry | None = None) -> FastAPI:
    """MCP at `/mcp`, and `/health`."""
    return _app(agent, settings, telemetry, [health.router])


def _app(agent: Agent, settings: ServerSettings, telemetry: Telemetry | None, routers: Sequence[APIRouter]) -> FastAPI:
    served = Served(agent, settings, telemetry)
    mcp_server = create_server(mcp_chat(served))
    patterns = RoutePatterns()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        async with mcp_server.session_manager.run():
            yield

    app = FastAPIOffline(
        title="mistralrs-agent",
        version=__version__,
        openapi_url="/api-doc/openapi.json",
        redoc_url=None,
        lifespan=lifespan,
        middleware=_middleware(served, patterns),
    )
    app.state.served = served
    error_table.install(app)
    app.router.routes.extend(http_routes(mcp_server, settings.max_body_bytes))
    patterns.add(app.routes)
    for router in routers:
        app.include_router(router)
        patterns.add(router.routes)
    return app


def _middleware(served: Served, patterns: RoutePatterns) -> list[Middleware]:
    """Outermost first."""
    settings = served.settings
    cors = Middleware(
        CORSMiddleware,
        allow_origins=settings.cors_origins,
        allow_methods=["GET", "POST", "PUT", "DELETE"],
        allow_headers=["*"],
        expose_headers=["x-request-id", "mcp-session-id"],
    )
    guards = (OriginGuard, ApiKeyGuard, JsonBodies, BodyLimit)
    return [
        *([cors] if settings.cors_origins else []),
        Middleware(RequestLog, settings, served.telemetry, patterns),
        *(Middleware(guard, settings) for guard in guards),
    ]
