"""The body of `POST /v1/agent/approvals/{id}`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mistralrs_agent.agent.events import Decision
from mistralrs_agent.server.wire.base import WireModel


class DecisionBody(WireModel):
    """The body of `POST /v1/agent/approvals/{id}`."""

    decision: Literal["approve", "deny"]
    message: Annotated[str | None, Field(max_length=10_000)] = None
    remember_for_session: bool = False

    def to_decision(self) -> Decision:
        return Decision(self.decision == "approve", self.message or "", self.remember_for_session)
