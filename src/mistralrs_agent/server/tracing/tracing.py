"""Spans of requests, turns, rounds of the model and tool calls, for an OpenTelemetry collector (OTLP over HTTP).

Imported only where an endpoint is configured: its packages are the extra `otel`. Names and attributes are those of
OpenTelemetry's semantic conventions for HTTP servers and for generative AI.
"""

from __future__ import annotations

import asyncio
import os
import threading
from urllib.parse import urlsplit

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.datastructures import Headers

from engine import ChatModel
from mistralrs_agent import __version__
from mistralrs_agent.agent.observer import TurnObserver
from mistralrs_agent.agent.turn import Turn
from mistralrs_agent.errors import ConfigError
from mistralrs_agent.server.record import UNMATCHED, RequestRecord
from mistralrs_agent.server.tracing.model import TracedModel
from mistralrs_agent.server.tracing.spans import PROVIDER, Spans, fail
from mistralrs_agent.server.tracing.turn import TracedTurn

_PROTOCOL = "OTEL_EXPORTER_OTLP_PROTOCOL"
_CLOSE_TIMEOUT_S = 5.0
_TRACE_HEADERS = ("traceparent", "tracestate")


class Tracing:
    """Makes spans of what one agent does, and sends them off."""

    def __init__(self, processor: SpanProcessor, *, content: bool = False) -> None:
        """`content`: record prompts, answers, arguments and results of tools, too."""
        name = os.environ.get("OTEL_SERVICE_NAME", PROVIDER)
        resource = Resource.create({"service.name": name, "service.version": __version__})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._spans = Spans(self._provider.get_tracer("mistralrs_agent", __version__), content=content)

    @classmethod
    def to_endpoint(cls, endpoint: str, *, content: bool = False) -> Tracing:
        """`endpoint` is as in OTEL_EXPORTER_OTLP_ENDPOINT; the other variables of that family hold too.

        Raises: ConfigError.
        """
        protocol = os.environ.get(_PROTOCOL, "http/protobuf")
        if protocol != "http/protobuf":
            raise ConfigError(f"{_PROTOCOL}={protocol!r} is not supported: spans are sent as 'http/protobuf'")
        url = urlsplit(endpoint)
        traces = url._replace(path=f"{url.path.rstrip('/')}/v1/traces").geturl()
        return cls(BatchSpanProcessor(OTLPSpanExporter(endpoint=traces)), content=content)

    async def close(self) -> None:
        """Send what is left, for a few seconds at most."""
        closing = threading.Thread(target=self._provider.shutdown, name="last spans", daemon=True)
        closing.start()
        await asyncio.to_thread(closing.join, _CLOSE_TIMEOUT_S)

    def begin(self, record: RequestRecord, headers: Headers) -> None:
        """A request came, perhaps as part of a trace of its client's."""
        carrier = {name: headers[name] for name in _TRACE_HEADERS if name in headers}
        record.span = self._spans.start(
            record.method if record.route == UNMATCHED else f"{record.method} {record.route}",
            TraceContextTextMapPropagator().extract(carrier, Context()),
            {
                "http.request.method": record.method,
                "http.route": record.route,
                "url.path": record.path,
                "url.scheme": "http",
                "mistralrs.request_id": record.id,
            },
            kind=SpanKind.SERVER,
        )

    def end(self, record: RequestRecord) -> None:
        """The answer is complete, or the client is gone."""
        if (span := record.span) is None:
            return
        span.set_attribute("http.response.status_code", record.status)
        if record.status >= 500:
            fail(span, record.error or str(record.status))
        elif record.error:
            span.set_attribute("error.type", record.error)
        span.end()

    def turn(self, _: Turn) -> TurnObserver:
        return TracedTurn(self._spans)

    def model(self, model: ChatModel) -> ChatModel:
        """For uses outside of a turn."""
        return TracedModel(model, self._spans)
