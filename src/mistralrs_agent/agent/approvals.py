"""Questions waiting for a person: one answer from whoever serves the turn, or a denial when nobody answers."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mistralrs_agent.agent.events import ApprovalRequested, Decision

ArgumentCheck = Callable[[Mapping[str, Any]], None]
"""Raises UserError for arguments that the tool does not take."""


@dataclass(frozen=True, slots=True)
class _Question:
    request: ApprovalRequested
    check: ArgumentCheck
    answer: asyncio.Future[Decision]
    space: str


class Approvals:
    """The open questions of all turns. All methods belong to one event loop."""

    def __init__(self, timeout_s: float = 300.0) -> None:
        self._timeout_s = timeout_s
        self._waiting: dict[str, _Question] = {}
        self._space = ""

    def within(self, space: str) -> Approvals:
        """The questions of the sessions whose keys begin with `space`."""
        view = copy.copy(self)
        view._space = space
        return view

    def pending(self) -> tuple[ApprovalRequested, ...]:
        """What waits for an answer now, oldest first."""
        return tuple(question.request for question in self._waiting.values() if self._is_open(question))

    def decide(self, approval_id: str, decision: Decision) -> bool:
        """Answer a question; False when nobody asks it (any more).

        Raises: UserError when the tool does not take the edited arguments; the question stays open.
        """
        question = self._waiting.get(approval_id)
        if question is not None and self._is_open(question):
            if decision.approve and decision.arguments is not None:
                question.check(decision.arguments)
            question.answer.set_result(decision)
            return True
        return False

    async def ask(self, request: ApprovalRequested, check: ArgumentCheck) -> Decision:
        """Wait for the answer; after the timeout it is no."""
        answer: asyncio.Future[Decision] = asyncio.get_running_loop().create_future()
        self._waiting[request.approval_id] = _Question(request, check, answer, self._space)
        try:
            async with asyncio.timeout(self._timeout_s):
                return await answer
        except TimeoutError:
            message = f"Nobody approved this within {self._timeout_s:g} s."
            return Decision(approve=False, message=message, unanswered=True)
        finally:
            del self._waiting[request.approval_id]

    def _is_open(self, question: _Question) -> bool:
        return question.space.startswith(self._space) and not question.answer.done()
