"""Counts what happens in a turn, and logs its end and that of each tool call: names, outcomes, times, never content."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from engine import Usage
from mistralrs_agent.agent.events import (
    ApprovalRequested,
    ApprovalResolved,
    CallReady,
    ContextShortened,
    Decision,
    Event,
    Finished,
    RoundStarted,
    ToolFinished,
)
from mistralrs_agent.agent.observer import TurnObserver
from mistralrs_agent.server.metrics import Metrics
from mistralrs_agent.tools.base import ToolKind, ToolResult

log = logging.getLogger("mistralrs_agent.turns")

OTHERS_TOOL = "<other>"
"""The tools that clients describe, and those that a model made up."""
_FAILURES = frozenset({"error", "timeout", "crashed", "denied", "invalid_call", "failed"})
_NEVER_RAN = frozenset({"denied", "invalid_call"})
_SANDBOXED = frozenset({ToolKind.CODE_EXECUTION, ToolKind.SHELL})


@dataclass(frozen=True, slots=True)
class _Call:
    tool: str
    """As a label: `<other>` for one that is not the server's."""
    kind: ToolKind


class TurnWatch(TurnObserver):
    """Of one turn."""

    def __init__(self, metrics: Metrics, own_tools: Collection[str]) -> None:
        self._metrics = metrics
        self._own_tools = own_tools
        self._started = time.perf_counter()
        self._rounds = 0
        self._calls: dict[str, _Call] = {}
        """Those that have not ended, by id."""
        self._asked: dict[str, float] = {}
        """When each open question was asked, by its id."""
        self._outcome = "error"
        self._usage = Usage()
        metrics.turns_running.inc()

    def note(self, event: Event) -> None:
        match event:
            case RoundStarted():
                self._rounds += 1
            case CallReady():
                name = event.call.name
                self._calls[event.call.id] = _Call(name if name in self._own_tools else OTHERS_TOOL, event.tool.kind)
            case ApprovalRequested():
                self._asked[event.approval_id] = time.perf_counter()
            case ApprovalResolved():
                self._answered(event.approval_id, _answer(event.decision))
            case ToolFinished():
                self._tool_finished(event)
            case ContextShortened():
                self._metrics.contexts_shortened.inc()
            case Finished():
                self._outcome, self._usage = str(event.stop_detail or event.reason), event.usage
            case _:
                pass

    def end(self, error: BaseException | None) -> None:
        if isinstance(error, GeneratorExit | asyncio.CancelledError):
            self._outcome = "canceled"
        for call in self._calls.values():
            self._metrics.tool_calls.labels(call.tool, "canceled").inc()
        for approval_id in list(self._asked):
            self._answered(approval_id, "canceled")
        seconds = time.perf_counter() - self._started
        self._metrics.turns_running.dec()
        self._metrics.turns.labels(self._outcome).inc()
        self._metrics.turn_s.observe(seconds)
        self._metrics.rounds.observe(self._rounds)
        _log(
            "turn ended",
            {
                "outcome": self._outcome,
                "rounds": self._rounds,
                "prompt_tokens": self._usage.prompt_tokens,
                "cached_tokens": self._usage.cached_tokens,
                "completion_tokens": self._usage.completion_tokens,
                "duration_ms": round(seconds * 1000, 1),
            },
        )

    def _answered(self, approval_id: str, decision: str) -> None:
        asked = self._asked.pop(approval_id)
        self._metrics.approvals.labels(decision).inc()
        self._metrics.approval_s.observe(time.perf_counter() - asked)

    def _tool_finished(self, event: ToolFinished) -> None:
        call, outcome = self._calls.pop(event.call.id), _outcome(event.result)
        self._metrics.tool_calls.labels(call.tool, outcome).inc()
        if outcome not in _NEVER_RAN:
            self._metrics.tool_s.labels(call.tool).observe(event.duration_s)
            if call.kind in _SANDBOXED:
                self._metrics.sandbox_runs.labels(outcome).inc()
            elif call.kind is ToolKind.WEB_SEARCH:
                found = "found" if event.result.data.get("results_count") else "empty"
                self._metrics.searches.labels(call.tool, found if event.result.ok else "failed").inc()
        duration_ms = round(event.duration_s * 1000, 1)
        fields = {"tool": event.call.name, "call_id": event.call.id, "outcome": outcome, "duration_ms": duration_ms}
        _log("tool call ended", fields)


def _log(what: str, fields: Mapping[str, object]) -> None:
    listed = " ".join(f"{name}={value}" for name, value in fields.items())
    log.info("%s: %s", what, listed, extra={"fields": fields})


def _outcome(result: ToolResult) -> str:
    if result.ok:
        return "ok"
    said = str(result.data.get("status"))
    return said if said in _FAILURES else "failed"


def _answer(decision: Decision) -> str:
    if decision.approve:
        return "approved"
    return "unanswered" if decision.unanswered else "denied"
