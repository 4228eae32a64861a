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

    async def adapter_of(self, model: str, adapter: str | None = None) -> str | None:
        """Which adapter a request to `model` wants, by `adapter` or because `model` is the name of one. Puts the model
        on the request's record.

        Raises: RequestError (404) when this server has no model or adapter of that name, (400) for two adapters.
        """
        base = self.agent.model.info.id
        names = ["default", base, *self.settings.model_names]
        alias = None
        if model not in names:
            loaded = [info.alias for info in (await self.agent.model.adapters()).adapters]
            alias = next((name for name in loaded if model in (name, f"{base}::{name}")), None)
            names += loaded
        is_known = alias is not None or model in names
        if (record := current_record.get()) is not None:
            record.model = base if is_known else "unknown"
        if not is_known:
            raise RequestError(
                f"Unknown model {model!r}; this server has {', '.join(map(repr, names))}.",
                status=404,
                param="model",
                code="model_not_found",
            )
        if alias is not None and adapter not in (None, alias):
            raise RequestError(f"model names adapter {alias!r}, adapter {adapter!r}; give one.", param="adapter")
        return alias or adapter


def _served(request: Request) -> Served:
    return request.app.state.served.of(request)


ServedHere = Annotated[Served, Depends(_served)]
