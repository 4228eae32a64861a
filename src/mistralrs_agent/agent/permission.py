"""Whether a call may run: the stricter of server and request, softened or hardened by what a person said before."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from mistralrs_agent.agent.approvals import Approvals
from mistralrs_agent.agent.events import ApprovalRequested, ApprovalResolved, Decision, Event, Permission
from mistralrs_agent.agent.sessions import Session
from mistralrs_agent.tools.base import Card, ToolMetadata

_audit = logging.getLogger("mistralrs_agent.audit")


@dataclass(frozen=True, slots=True)
class Action:
    """A call that is about to run, with valid arguments."""

    tool_name: str
    call_id: str
    round: int
    tool: ToolMetadata
    arguments: Mapping[str, Any]
    card: Card


class PermissionGate:
    """Decides for one turn; every decision leaves a line in the audit log."""

    def __init__(self, mode: Permission, session: Session, approvals: Approvals) -> None:
        """`mode` is already the stricter of server and request."""
        self._mode = mode
        self._session = session
        self._approvals = approvals

    async def decide(self, action: Action, emit: Callable[[Event], None]) -> Decision:
        """Allow, deny, or ask and wait; questions of a session come one at a time."""
        if self._mode is Permission.ASK:
            async with self._session.asking:
                decision, reason = await self._ask(action, emit)
        else:
            decision, reason = self._rule(action) or (Decision(approve=True), "permission auto")
        _audit.info(
            "%s %s (%s) session=%s call=%s: %s",
            "approved" if decision.approve else "denied",
            action.tool_name,
            action.tool.kind,
            self._session.id,
            action.call_id,
            reason,
        )
        return decision

    def _rule(self, action: Action) -> tuple[Decision, str] | None:
        """What holds without asking; None when nothing forbids it."""
        if self._mode is Permission.DENY:
            return Decision(approve=False, message="The server does not allow tools to run."), "permission deny"
        remembered = self._session.remembered.get(action.tool_name)
        if remembered is not None and not remembered.approve:
            return remembered, "remembered for the session"
        return None

    async def _ask(self, action: Action, emit: Callable[[Event], None]) -> tuple[Decision, str]:
        if (remembered := self._session.remembered.get(action.tool_name)) is not None:
            return remembered, "remembered for the session"
        request = ApprovalRequested(
            approval_id=f"appr_{uuid4().hex}",
            session_id=self._session.id,
            call_id=action.call_id,
            round=action.round,
            tool=action.tool,
            arguments=action.arguments,
            card=action.card,
        )
        emit(request)
        decision = await self._approvals.ask(request)
        emit(ApprovalResolved(request.approval_id, action.call_id, decision))
        if decision.remember:
            self._session.remembered[action.tool_name] = decision
        return decision, f"answer to {request.approval_id}"
