"""Making and ending spans.

Nothing is put into the surroundings (no "current span"): an async generator that is left early would leave it there. So
each span is told its parent.
"""

from __future__ import annotations

import asyncio

from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, set_span_in_context
from opentelemetry.util.types import AttributeValue

from engine import Usage
from mistralrs_agent.server.record import current_record

PROVIDER = "mistralrs"
Attributes = dict[str, AttributeValue]


class Spans:
    """Starts spans."""

    def __init__(self, tracer: Tracer, *, content: bool) -> None:
        """`content`: spans may say what was asked and answered."""
        self._tracer = tracer
        self.content = content

    def start(
        self,
        name: str,
        parent: Context | None,
        attributes: Attributes,
        *,
        kind: SpanKind = SpanKind.INTERNAL,
        started_ns: int | None = None,
    ) -> Span:
        """`parent` None: below the request that is being served, if any. `started_ns` None: now."""
        return self._tracer.start_span(
            name,
            context=_request_context() if parent is None else parent,
            kind=kind,
            attributes=attributes,
            start_time=started_ns,
        )


def below(span: Span) -> Context:
    """What makes a span a child of `span`."""
    return set_span_in_context(span, Context())


def end_span(span: Span, error: BaseException | None) -> None:
    """Names the kind of an error, never its text, which may quote what somebody wrote."""
    if isinstance(error, GeneratorExit | asyncio.CancelledError):
        span.set_attribute("error.type", "canceled")
    elif error is not None:
        fail(span, type(error).__name__)
    span.end()


def fail(span: Span, kind: str) -> None:
    span.set_attribute("error.type", kind)
    span.set_status(Status(StatusCode.ERROR))


def usage_attributes(usage: Usage) -> Attributes:
    return {
        "gen_ai.usage.input_tokens": usage.prompt_tokens,
        "gen_ai.usage.output_tokens": usage.completion_tokens,
        "gen_ai.usage.cache_read.input_tokens": usage.cached_tokens,
    }


def _request_context() -> Context:
    record = current_record.get()
    return Context() if record is None or record.span is None else below(record.span)
