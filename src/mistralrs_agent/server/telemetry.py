"""Everything that watches requests and turns: metrics always, spans where an endpoint is configured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import Headers

from mistralrs_agent.agent.agent import Agent
from mistralrs_agent.agent.observer import TurnObserver
from mistralrs_agent.agent.turn import Turn
from mistralrs_agent.server.metrics import Metrics
from mistralrs_agent.server.record import RequestRecord
from mistralrs_agent.server.turn_watch import TurnWatch

if TYPE_CHECKING:
    from mistralrs_agent.server.tracing.tracing import Tracing

HOUSEKEEPING = frozenset({"/", "/health", "/metrics"})
"""Paths that are asked for again and again, by machines."""


class Telemetry:
    """Of one agent, whichever ports it is served on."""

    def __init__(self, agent: Agent, tracing: Tracing | None = None) -> None:
        self.metrics = Metrics()
        self.metrics.gauge(
            "mistralrs_tool_approvals_pending",
            "Tool calls that wait for a person.",
            lambda: len(agent.approvals.pending()),
        )
        self._tracing = tracing
        self.model = agent.model if tracing is None else tracing.model(agent.model)
        """For routes that use the model outside of turns."""

        def count(_: Turn) -> TurnObserver:
            return TurnWatch(self.metrics, agent.toolbox.names)

        agent.observers = (count,) if tracing is None else (count, tracing.turn)

    def begin(self, record: RequestRecord, headers: Headers) -> None:
        self.metrics.request_begins(record)
        if self._tracing is not None and record.path not in HOUSEKEEPING:
            self._tracing.begin(record, headers)

    def end(self, record: RequestRecord) -> None:
        self.metrics.request_ends(record)
        if self._tracing is not None:
            self._tracing.end(record)
