"""Questions waiting for a person: one answer from whoever serves the turn, or a denial when nobody answers."""

from __future__ import annotations

import asyncio
from collections import OrderedDict

from mistralrs_agent.agent.events import ApprovalRequested, Decision

_EARLY_LIMIT = 1024


class Approvals:
    """The open questions of all turns. All methods belong to one event loop."""

    def __init__(self, timeout_s: float = 300.0) -> None:
        self._timeout_s = timeout_s
        self._waiting: dict[str, tuple[ApprovalRequested, asyncio.Future[Decision]]] = {}
        self._early: OrderedDict[str, Decision] = OrderedDict()

    def pending(self) -> tuple[ApprovalRequested, ...]:
        """What waits for an answer now, oldest first."""
        return tuple(request for request, answer in self._waiting.values() if not answer.done())

    def decide(self, approval_id: str, decision: Decision) -> bool:
        """Answer a question. True: someone was waiting; False: nobody was, the answer is kept in case they come."""
        waiting = self._waiting.get(approval_id)
        if waiting is not None and not waiting[1].done():
            waiting[1].set_result(decision)
            return True
        self._early[approval_id] = decision
        while len(self._early) > _EARLY_LIMIT:
            self._early.popitem(last=False)
        return False

    async def ask(self, request: ApprovalRequested) -> Decision:
        """Wait for the answer; after the timeout it is no."""
        if (decision := self._early.pop(request.approval_id, None)) is not None:
            return decision
        answer = asyncio.get_running_loop().create_future()
        self._waiting[request.approval_id] = (request, answer)
        try:
            async with asyncio.timeout(self._timeout_s):
                return await answer
        except TimeoutError:
            return Decision(approve=False, message=f"Nobody approved this within {self._timeout_s:g} s.")
        finally:
            del self._waiting[request.approval_id]
