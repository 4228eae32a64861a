"""The web applications: everything on the main port, and MCP alone for a port of its own."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from mistralrs_agent import __version__
from mistralrs_agent.agent.agent import Agent
from mistralrs_agent.mcp.server import create_server, http_routes
from mistralrs_agent.server import error_table
from mistralrs_agent.server.guards import ApiKeyGuard, BodyLimit, JsonBodies, OriginGuard
from mistralrs_agent.server.mcp_chat import mcp_chat
from mistralrs_agent.server.request_log import RequestLog
from mistralrs_agent.server.routes import agent as agent_routes
from mistralrs_agent.server.routes import chat, completions, health, models, sessions
from mistralrs_agent.server.settings import ServerSettings
from mistralrs_agent.server.state import Served


def create_app(agent: Agent, settings: ServerSettings) -> FastAPI:
    """The OpenAI-compatible API, the agent's routes, and MCP at `/mcp`."""
    app = _app(agent, settings)
    for family in (chat, completions, models, agent_routes, sessions, health):
        app.include_router(family.router)
    return app


def create_mcp_app(agent: Agent, settings: ServerSettings) -> FastAPI:
    """MCP at `/mcp`, and `/health`."""
    app = _app(agent, settings)
    app.include_router(health.router)
    return app


def _app(agent: Agent, settings: ServerSettings) -> FastAPI:
    served = Served(agent, settings)
    mcp_server = create_server(mcp_chat(served))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        async with mcp_server.session_manager.run():
            yield

    app = FastAPI(
        title="mistralrs-agent",
        version=__version__,
        openapi_url="/api-doc/openapi.json",
        redoc_url=None,
        lifespan=lifespan,
        middleware=_middleware(settings),
    )
    app.state.served = served
    error_table.install(app)
    app.router.routes.extend(http_routes(mcp_server, settings.max_body_bytes))
    return app


def _middleware(settings: ServerSettings) -> list[Middleware]:
    """Outermost first."""
    cors = Middleware(
        CORSMiddleware,
        allow_origins=settings.cors_origins,
        allow_methods=["GET", "POST", "PUT", "DELETE"],
        allow_headers=["*"],
        expose_headers=["x-request-id", "mcp-session-id"],
    )
    guards = (RequestLog, OriginGuard, ApiKeyGuard, JsonBodies, BodyLimit)
    return [*([cors] if settings.cors_origins else []), *(Middleware(guard, settings) for guard in guards)]
