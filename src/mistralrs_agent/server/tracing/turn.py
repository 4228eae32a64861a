"""The span of a turn, and below it those of the model's rounds and of the tool calls."""

from __future__ import annotations

import time

from engine import ChatModel
from mistralrs_agent.agent.events import CallReady, Event, Finished, ToolFinished, TurnStarted
from mistralrs_agent.agent.observer import TurnObserver
from mistralrs_agent.server.tracing.model import TracedModel
from mistralrs_agent.server.tracing.spans import PROVIDER, Attributes, Spans, below, end_span, fail, usage_attributes


class TracedTurn(TurnObserver):
    """`invoke_agent`."""

    def __init__(self, spans: Spans) -> None:
        attributes: Attributes = {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.provider.name": PROVIDER,
            "gen_ai.agent.name": PROVIDER,
        }
        self._spans = spans
        self._span = spans.start(f"invoke_agent {PROVIDER}", None, attributes)
        self._calls: dict[str, tuple[CallReady, int]] = {}
        """Calls under way, and since when (ns)."""

    def model(self, model: ChatModel) -> ChatModel:
        self._span.set_attribute("gen_ai.request.model", model.info.id)
        return TracedModel(model, self._spans, below(self._span))

    def note(self, event: Event) -> None:
        match event:
            case TurnStarted():
                if event.session_id:
                    self._span.set_attribute("gen_ai.conversation.id", event.session_id)
            case CallReady():
                self._calls[event.call.id] = (event, time.time_ns())
            case ToolFinished():
                ready, _ = self._calls.pop(event.call.id)
                self._tool_ended(ready, time.time_ns() - int(event.duration_s * 1e9), event)
            case Finished():
                self._span.set_attributes(usage_attributes(event.usage))
                self._span.set_attribute("gen_ai.response.finish_reasons", [str(event.reason)])
            case _:
                pass

    def end(self, error: BaseException | None) -> None:
        for ready, since in self._calls.values():
            self._tool_ended(ready, since, None)
        end_span(self._span, error)

    def _tool_ended(self, ready: CallReady, started_ns: int, finished: ToolFinished | None) -> None:
        """The span of a call, made when it is over: waiting for a person is no part of it."""
        call = ready.call
        attributes: Attributes = {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": call.name,
            "gen_ai.tool.call.id": call.id,
            "gen_ai.tool.type": "function",
        }
        if self._spans.content:
            attributes["gen_ai.tool.call.arguments"] = call.arguments
        span = self._spans.start(f"execute_tool {call.name}", below(self._span), attributes, started_ns=started_ns)
        if finished is None:
            span.set_attribute("error.type", "canceled")
        else:
            if self._spans.content:
                span.set_attribute("gen_ai.tool.call.result", finished.result.content)
            if not finished.result.ok:
                fail(span, str(finished.result.data.get("status", "failed")))
        span.end()
