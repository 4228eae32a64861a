"""Everything that watches requests and turns: metrics always, spans where an endpoint is configured."""

from __future__ import annotations

from starlette.datastructures import Headers

from mistralrs_agent.agent.agent import Agent
from mistralrs_agent.agent.turn import Turn
from mistralrs_agent.server.metrics import Metrics
from mistralrs_agent.server.record import RequestRecord
from mistralrs_agent.server.turn_watch import TurnWatch


class Telemetry:
    """Of one agent, whichever ports it is served on."""

    def __init__(self, agent: Agent) -> None:
        self.metrics = Metrics()
        self.metrics.gauge(
            "mistralrs_tool_approvals_pending",
            "Tool calls that wait for a person.",
            lambda: len(agent.approvals.pending()),
        )

        def watch(_: Turn) -> TurnWatch:
            return TurnWatch(self.metrics, agent.toolbox.names)

        agent.observers = (watch,)

    def begin(self, record: RequestRecord, headers: Headers) -> None:
        self.metrics.request_begins(record)

    def end(self, record: RequestRecord) -> None:
        self.metrics.request_ends(record)
