"""What routes reach through dependencies: the agent and the settings of this app."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import Depends, Request

from mistralrs_agent.agent.agent import Agent
from mistralrs_agent.errors import RequestError
from mistralrs_agent.server.settings import ServerSettings


class Served:
    """One app's agent and settings."""

    def __init__(self, agent: Agent, settings: ServerSettings) -> None:
        self.agent = agent
        self.settings = settings
        self.started_at = int(time.time())

    def check_model(self, name: str) -> None:
        """Raises: RequestError (404) when this server has no model of that name."""
        known = ("default", self.agent.model.info.id, *self.settings.model_names)
        if name not in known:
            raise RequestError(
                f"Unknown model {name!r}; this server has {', '.join(map(repr, known))}.",
                status=404,
                param="model",
                code="model_not_found",
            )


def _served(request: Request) -> Served:
    return request.app.state.served


ServedHere = Annotated[Served, Depends(_served)]
