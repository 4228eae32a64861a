"""The body of `POST /v1/agent/approvals/{id}`, and the rules that a request may bring."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from mistralrs_agent.agent.events import Decision, Permission
from mistralrs_agent.agent.rules import Rule
from mistralrs_agent.server.wire.base import WireModel, invalid


class DecisionBody(WireModel):
    """The body of `POST /v1/agent/approvals/{id}`."""

    decision: Literal["approve", "deny"]
    message: Annotated[str | None, Field(max_length=10_000)] = None
    remember_for_session: bool = False
    remember_text: Annotated[str | None, Field(max_length=1_000)] = None
    """Remember only for calls whose arguments fit this pattern."""
    arguments: dict[str, Any] | None = None
    """Run the call with these instead."""

    @model_validator(mode="after")
    def _fields_agree(self) -> Self:
        if self.arguments is not None and self.decision == "deny":
            raise invalid("arguments have no meaning when the call is denied")
        if self.remember_text is not None and not self.remember_for_session:
            raise invalid("remember_text needs remember_for_session to be true")
        return self

    def to_decision(self) -> Decision:
        return Decision(
            approve=self.decision == "approve",
            message=self.message or "",
            remember=self.remember_for_session,
            remember_text=self.remember_text or "",
            arguments=self.arguments,
        )


class RuleField(WireModel):
    """One of `agent_permission_rules`."""

    permission: Literal["auto", "ask", "deny"]
    tool: Annotated[str, Field(min_length=1, max_length=128)] = "*"
    text: Annotated[str | None, Field(max_length=1_000)] = None

    def to_rule(self) -> Rule:
        return Rule(Permission(self.permission), self.tool, self.text)
