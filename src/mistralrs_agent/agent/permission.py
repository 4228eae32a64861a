"""Whether a call may run: the stricter of server and request, softened or hardened by what a person said before.

Every surface comes through this gate; nothing a request or a person says lifts a `deny` of the server.
"""

from __future__ import annotations

import glob
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from mistralrs_agent.agent.approvals import Approvals
from mistralrs_agent.agent.events import ApprovalRequested, ApprovalResolved, Decision, Event, Permission
from mistralrs_agent.agent.rules import Policy, Rule
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
    check: Callable[[Mapping[str, Any]], None]
    """Raises UserError for arguments, edited by a person, that the tool does not take."""


class PermissionGate:
    """Decides for one turn; every decision leaves a line in the audit log."""

    def __init__(self, server: Policy, request: Policy, session: Session, approvals: Approvals) -> None:
        self._server = server
        self._request = request
        self._session = session
        self._approvals = approvals

    async def decide(self, action: Action, emit: Callable[[Event], None]) -> Decision:
        """Allow, deny, or ask and wait; questions of a session come one at a time."""
        permission = self._permission(action)
        if permission is Permission.ASK:
            async with self._session.asking:
                decision, reason = await self._ask(action, emit)
        elif permission is Permission.DENY:
            decision, reason = _FORBIDDEN, "permission deny"
        elif (remembered := self._remembered(action)) is not None and not remembered.approve:
            decision, reason = remembered, _REMEMBERED
        else:
            decision, reason = _ALLOWED, "permission auto"
        _audit.info(
            "%s %s (%s) session=%s call=%s: %s",
            "approved" if decision.approve else "denied",
            action.tool_name,
            action.tool.kind,
            self._session.key,
            action.call_id,
            reason,
        )
        return decision

    def _permission(self, action: Action) -> Permission:
        call = (action.tool_name, str(action.tool.kind), action.arguments)
        return self._server.about(*call).stricter(self._request.about(*call))

    def _remembered(self, action: Action) -> Decision | None:
        """What a person said before about such calls, the last word first."""
        call = (action.tool_name, str(action.tool.kind), action.arguments)
        said = reversed(self._session.remembered)
        return next((decision for rule, decision in said if rule.fits(*call)), None)

    async def _ask(self, action: Action, emit: Callable[[Event], None]) -> tuple[Decision, str]:
        if (remembered := self._remembered(action)) is not None:
            return remembered, _REMEMBERED
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
        decision = await self._approvals.ask(request, action.check)
        reason = f"answer to {request.approval_id}"
        if decision.approve and decision.arguments is not None:
            reason += ", arguments edited"
            if self._permission(replace(action, arguments=decision.arguments)) is Permission.DENY:
                decision, reason = _FORBIDDEN, f"permission deny for the arguments edited in {request.approval_id}"
        emit(ApprovalResolved(request.approval_id, action.call_id, decision))
        if decision.remember:
            held = Permission.AUTO if decision.approve else Permission.DENY
            rule = Rule(held, glob.escape(action.tool_name), decision.remember_text or None)
            self._session.remembered.append((rule, replace(decision, arguments=None)))
        return decision, reason


_ALLOWED = Decision(approve=True)
_FORBIDDEN = Decision(approve=False, message="The server does not allow this call.")
_REMEMBERED = "remembered for the session"
