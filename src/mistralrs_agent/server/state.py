"""What routes reach through dependencies: the agent and the settings of this app."""

from __future__ import annotations

import asyncio
import copy
import time
from typing import Annotated

from fastapi import Depends, Request

from engine import EngineStats, WorkerDied
from mistralrs_agent.agent.agent import Agent
from mistralrs_agent.errors import RequestError
from mistralrs_agent.server.guards import USER
from mistralrs_agent.server.record import current_record
from mistralrs_agent.server.settings import ServerSettings
from mistralrs_agent.server.telemetry import Telemetry

_PATIENCE_S = 5.0


class Served:
    """One app's agent, settings and measurements."""

    def __init__(self, agent: Agent, settings: ServerSettings, telemetry: Telemetry | None = None) -> None:
        self.agent = agent
        self.settings = settings
        self.telemetry = telemetry or Telemetry(agent)
        self.started_at = int(time.time())

    def of(self, request: Request | None) -> Served:
        """For the user whose key came with a request: with their sessions, files and approvals only."""
        user = "" if request is None else request.scope.get("state", {}).get(USER, "")
        if not user:
            return self
        view = copy.copy(self)
        view.agent = self.agent.within(f"{user}/")
        return view

    async def stats(self) -> EngineStats | None:
        """The engine's counts; None while its worker does not answer."""
        try:
            async with asyncio.timeout(_PATIENCE_S):
                return await self.agent.model.stats()
        except (WorkerDied, TimeoutError):
            return None

    def check_model(self, name: str) -> None:
        """Put the model a request asks for on its record.

        Raises: RequestError (404) when this server has no model of that name.
        """
        known = ("default", self.agent.model.info.id, *self.settings.model_names)
        if (record := current_record.get()) is not None:
            record.model = self.agent.model.info.id if name in known else "unknown"
        if name not in known:
            raise RequestError(
                f"Unknown model {name!r}; this server has {', '.join(map(repr, known))}.",
                status=404,
                param="model",
                code="model_not_found",
            )


def _served(request: Request) -> Served:
    return request.app.state.served.of(request)


ServedHere = Annotated[Served, Depends(_served)]
