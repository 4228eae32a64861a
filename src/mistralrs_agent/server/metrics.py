"""Counts and times of requests, turns and tools, as Prometheus reads them.

Names follow the reference where it has them. No label holds text that clients or models choose freely: methods, routes,
models and tools that are not the server's own become one value for all.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric

from engine import EngineStats
from mistralrs_agent.server.engine_metrics import engine_families
from mistralrs_agent.server.record import RequestRecord

_HTTP_S = (
    0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0,
)  # fmt: skip
_BODY_BYTES = tuple(128.0 * 4**power for power in range(12))
_TOOL_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
_TURN_S = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 3600.0)
_ROUNDS = (1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 32.0, 64.0, 128.0, 256.0)
_WAIT_S = (1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)

disable_created_metrics()  # a second series for each counter, which nobody here reads


class Metrics:
    """All that one server measures."""

    def __init__(self) -> None:
        registry = CollectorRegistry()
        self._registry = registry
        self._gauges: list[tuple[str, str, Callable[[], float]]] = []
        self._in_flight: set[RequestRecord] = set()
        labels = ("method", "path", "model", "status")
        self._requests = Counter("http_requests", "HTTP requests that were answered.", labels, registry=registry)
        self._request_s = Histogram(
            "http_request_duration_seconds", "From a request to the end of its answer.", labels, buckets=_HTTP_S,
            registry=registry,
        )  # fmt: skip
        self._body_bytes = Histogram(
            "http_request_body_bytes", "Size of request bodies.", labels[:3], buckets=_BODY_BYTES, registry=registry
        )
        self.turns = Counter("mistralrs_agent_turns", "Agent turns by how they ended.", ("outcome",), registry=registry)
        self.turns_running = Gauge("mistralrs_agent_turns_running", "Agent turns under way.", registry=registry)
        self.turn_s = Histogram(
            "mistralrs_agent_turn_duration_seconds", "Time of an agent turn.", buckets=_TURN_S, registry=registry
        )
        self.rounds = Histogram(
            "mistralrs_agent_turn_rounds",
            "How often the model was asked in a turn.",
            buckets=_ROUNDS,
            registry=registry,
        )
        self.contexts_shortened = Counter(
            "mistralrs_agent_contexts_shortened", "Conversations made smaller to fit the model.", registry=registry
        )
        self.tool_calls = Counter(
            "mistralrs_tool_calls", "Tool calls by tool and what came of them.", ("tool", "outcome"), registry=registry
        )
        self.tool_s = Histogram(
            "mistralrs_tool_call_duration_seconds", "Run time of tool calls, waiting for approval not included.",
            ("tool",), buckets=_TOOL_S, registry=registry,
        )  # fmt: skip
        self.approvals = Counter(
            "mistralrs_tool_approvals", "Questions to a person, by answer.", ("decision",), registry=registry
        )
        self.approval_s = Histogram(
            "mistralrs_tool_approval_wait_seconds", "How long answers took.", buckets=_WAIT_S, registry=registry
        )
        self.sandbox_runs = Counter(
            "mistralrs_sandbox_runs", "Code and commands run in the sandbox, by how they ended.", ("outcome",),
            registry=registry,
        )  # fmt: skip
        self.searches = Counter(
            "mistralrs_search_queries",
            "Web searches and pages read, by what was found.",
            ("tool", "outcome"),
            registry=registry,
        )

    def gauge(self, name: str, text: str, value: Callable[[], float]) -> None:
        """Show what `value` returns when the page is read."""
        self._gauges.append((name, text, value))

    def request_begins(self, record: RequestRecord) -> None:
        self._in_flight.add(record)

    def request_ends(self, record: RequestRecord) -> None:
        self._in_flight.discard(record)
        where = (record.method, record.route, record.model)
        self._requests.labels(*where, record.status).inc()
        self._request_s.labels(*where, record.status).observe(record.seconds)
        self._body_bytes.labels(*where).observe(record.body_bytes)

    def page(self, stats: EngineStats | None, accept: str) -> tuple[bytes, str]:
        """The page and its content type; `stats` is None while the engine does not answer."""
        encode, content_type = choose_encoder(accept)
        families = [*self._registry.collect(), *self._momentary(), *engine_families(stats)]
        return encode(_Families(families)), content_type

    def _momentary(self) -> Iterable[Metric]:
        in_flight = GaugeMetricFamily(
            "http_requests_in_flight", "HTTP requests being answered.", labels=("method", "path", "model")
        )
        tally = Tally((record.method, record.route, record.model) for record in self._in_flight)
        for where, count in tally.items():
            in_flight.add_metric(where, count)
        yield in_flight
        for name, text, value in self._gauges:
            yield GaugeMetricFamily(name, text, value=value())


class _Families:
    """What an encoder wants to be given."""

    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> list[Metric]:
        return self._families
