"""Spans: their tree and attributes, whose trace they belong to, and what reaches a collector."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from server_doubles import HELLO, PYTHON, PythonTool, make_agent, until

from engine import WorkerDied
from engine.chat.scripted import call, text, thinking
from mistralrs_agent.agent.agent import Agent
from mistralrs_agent.errors import ConfigError
from mistralrs_agent.server.app import create_app
from mistralrs_agent.server.serve import bind, serving, url_of
from mistralrs_agent.server.settings import ServerSettings
from mistralrs_agent.server.telemetry import Telemetry
from mistralrs_agent.server.tracing.tracing import Tracing

CHAT = "/v1/chat/completions"
CODE = {"messages": "what is six times seven", "enable_code_execution": True}
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


class Traced:
    """Clients of an agent whose spans are kept."""

    def __init__(self, agent: Agent, *, content: bool = False) -> None:
        self.exporter = InMemorySpanExporter()
        tracing = Tracing(SimpleSpanProcessor(self.exporter), content=content)
        self.app = create_app(agent, ServerSettings(), Telemetry(agent, tracing))

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://localhost")

    def spans(self) -> dict[str, ReadableSpan]:
        return {span.name: span for span in self.exporter.get_finished_spans()}


def parent_of(span: ReadableSpan, spans: dict[str, ReadableSpan]) -> str | None:
    return next(
        (name for name, other in spans.items() if span.parent and other.context.span_id == span.parent.span_id), None
    )


async def test_a_turn_is_a_tree_of_request_agent_rounds_and_tools():
    agent = make_agent([[call(PYTHON, {"code": "6*7"})], [text("42")]], tools=[PythonTool()])
    traced = Traced(agent)
    async with traced.client() as client:
        answer = await client.post(CHAT, json={**CODE, "temperature": 0.5, "max_tokens": 99, "seed": 3})
    spans = traced.spans()
    request, turn, tool = spans[f"POST {CHAT}"], spans["invoke_agent mistralrs"], spans[f"execute_tool {PYTHON}"]
    rounds = [span for span in traced.exporter.get_finished_spans() if span.name == "chat scripted"]
    assert (request.parent, request.kind) == (None, SpanKind.SERVER)
    assert parent_of(turn, spans) == request.name
    assert parent_of(tool, spans) == parent_of(rounds[0], spans) == parent_of(rounds[1], spans) == turn.name
    assert len({span.context.trace_id for span in (request, turn, tool, *rounds)}) == 1

    assert request.attributes["http.response.status_code"] == 200
    assert request.attributes["http.route"] == CHAT
    assert request.attributes["mistralrs.request_id"] == answer.headers["x-request-id"]
    assert turn.attributes["gen_ai.operation.name"] == "invoke_agent"
    assert turn.attributes["gen_ai.conversation.id"] == answer.json()["session_id"]
    usage = answer.json()["usage"]
    assert turn.attributes["gen_ai.usage.input_tokens"] == usage["prompt_tokens"]
    assert turn.attributes["gen_ai.usage.output_tokens"] == usage["completion_tokens"]
    assert sum(span.attributes["gen_ai.usage.output_tokens"] for span in rounds) == usage["completion_tokens"]
    assert [span.attributes["gen_ai.response.finish_reasons"] for span in rounds] == [("tool_calls",), ("stop",)]
    first = rounds[0].attributes
    assert (first["gen_ai.operation.name"], first["gen_ai.request.model"]) == ("chat", "scripted")
    assert (first["gen_ai.request.temperature"], first["gen_ai.request.max_tokens"]) == (0.5, 99)
    assert tool.attributes["gen_ai.tool.name"] == PYTHON
    assert tool.attributes["gen_ai.tool.call.id"]
    assert rounds[0].end_time <= tool.start_time <= tool.end_time <= rounds[1].start_time


async def test_nothing_of_the_conversation_is_recorded_unless_asked_for():
    replies = [[thinking("pondering"), call(PYTHON, {"code": "tell_me"})], [text("an answer")]]
    told = {}
    for content in (False, True):
        traced = Traced(make_agent(replies, tools=[PythonTool()]), content=content)
        async with traced.client() as client:
            await client.post(CHAT, json=CODE)
        told[content] = "".join(span.to_json() for span in traced.exporter.get_finished_spans())
        spans = traced.spans()
    for words in ("six times seven", "pondering", "tell_me", "TELL_ME", "an answer"):
        assert words not in told[False]
        assert words in told[True]
    last = spans["chat scripted"].attributes
    assert json.loads(last["gen_ai.output.messages"]) == [
        {"role": "assistant", "parts": [{"type": "text", "content": "an answer"}]}
    ]
    asked = json.loads(last["gen_ai.input.messages"])
    assert [message["role"] for message in asked] == ["user", "assistant", "tool"]
    assert asked[1]["parts"][-1]["type"] == "tool_call"
    assert asked[2]["parts"][0]["id"] == asked[1]["parts"][-1]["id"]


async def test_a_request_belongs_to_the_trace_its_client_names():
    traced = Traced(make_agent([[text("x")], [text("y")]]))
    async with traced.client() as client:
        await client.post(CHAT, json={"messages": HELLO}, headers={"traceparent": f"00-{TRACE}-{PARENT}-01"})
    assert {f"{span.context.trace_id:032x}" for span in traced.spans().values()} == {TRACE}
    assert f"{traced.spans()[f'POST {CHAT}'].parent.span_id:016x}" == PARENT


@pytest.mark.parametrize("header", ["nonsense", f"00-{'0' * 32}-{PARENT}-01", f"ff-{TRACE}-{PARENT}-01"])
async def test_a_trace_that_cannot_be_is_not_gone_along_with(header):
    traced = Traced(make_agent([[text("x")]]))
    async with traced.client() as client:
        assert (await client.post(CHAT, json={"messages": HELLO}, headers={"traceparent": header})).status_code == 200
    assert traced.spans()[f"POST {CHAT}"].parent is None


async def test_several_choices_and_completions_have_their_span_below_the_request():
    traced = Traced(make_agent([[text("x")]] * 4))
    async with traced.client() as client:
        await client.post(CHAT, json={"messages": HELLO, "n": 2})
        await client.post("/v1/completions", json={"prompt": "once", "max_tokens": 2})
    spans = traced.spans()
    assert parent_of(spans["chat scripted"], spans) == f"POST {CHAT}"
    assert spans["chat scripted"].attributes["gen_ai.request.choice.count"] == 2
    assert parent_of(spans["text_completion scripted"], spans) == "POST /v1/completions"


async def test_an_error_is_named_by_its_kind_and_not_quoted():
    traced = Traced(make_agent([[WorkerDied("quoting the user")]]))
    async with traced.client() as client:
        assert (await client.post(CHAT, json={"messages": HELLO})).status_code == 503
    for name, kind in (
        ("chat scripted", "WorkerDied"),
        ("invoke_agent mistralrs", "WorkerDied"),
        (f"POST {CHAT}", "worker_died"),
    ):
        span = traced.spans()[name]
        assert (span.attributes["error.type"], span.status.status_code) == (kind, StatusCode.ERROR)
        assert "quoting" not in span.to_json()


async def test_a_failed_tool_is_an_error_of_its_own_span_only():
    traced = Traced(make_agent([[call("made_up", {})], [text("x")]]))
    async with traced.client() as client:
        await client.post(CHAT, json={"messages": HELLO})
    spans = traced.spans()
    assert spans["execute_tool made_up"].attributes["error.type"] == "invalid_call"
    assert spans["invoke_agent mistralrs"].status.status_code is StatusCode.UNSET


async def test_a_turn_that_is_left_ends_all_its_spans():
    tool = PythonTool(gate=asyncio.Event())
    agent = make_agent([[call(PYTHON, {"code": "1"})]], tools=[tool])
    traced = Traced(agent)
    listener = bind("127.0.0.1", 0)
    async with (
        asyncio.timeout(20),
        serving(traced.app, listener),
        httpx.AsyncClient(base_url=url_of(listener)) as client,
    ):
        asking = asyncio.create_task(client.post(CHAT, json=CODE))
        await until(lambda: tool.ran)
        asking.cancel()
        await until(lambda: f"POST {CHAT}" in traced.spans())
    for name in (f"execute_tool {PYTHON}", "invoke_agent mistralrs"):
        assert traced.spans()[name].attributes["error.type"] == "canceled"


async def test_housekeeping_leaves_no_spans():
    traced = Traced(make_agent())
    async with traced.client() as client:
        for path in ("/", "/health", "/metrics"):
            await client.get(path)
    assert traced.spans() == {}


class Collector:
    """Takes spans as a collector does: OTLP over HTTP, in protobuf."""

    def __init__(self) -> None:
        self.headers: list[dict[str, str]] = []
        self.requests: list[ExportTraceServiceRequest] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                assert self.path == "/team/v1/traces?part=1"
                assert self.headers["content-type"] == "application/x-protobuf"
                collector.headers.append(dict(self.headers))
                collector.requests.append(ExportTraceServiceRequest.FromString(body))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def collector() -> Iterator[Collector]:
    collector = Collector()
    thread = threading.Thread(target=collector.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield collector
    collector.server.shutdown()
    thread.join()
    collector.server.server_close()


async def test_a_collector_gets_the_spans_with_the_headers_of_the_environment(collector, monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-team=blue")
    tracing = Tracing.to_endpoint(f"{collector.url}/team/?part=1")
    agent = make_agent([[text("hello")]])
    app = create_app(agent, ServerSettings(), Telemetry(agent, tracing))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        await client.post(CHAT, json={"messages": HELLO}, headers={"traceparent": f"00-{TRACE}-{PARENT}-01"})
    await tracing.close()
    (sent,) = [resource for request in collector.requests for resource in request.resource_spans]
    named = {item.key: item.value.string_value for item in sent.resource.attributes}
    assert named["service.name"] == "mistralrs"
    spans = {span.name: span for scope in sent.scope_spans for span in scope.spans}
    assert set(spans) == {f"POST {CHAT}", "invoke_agent mistralrs", "chat scripted"}
    assert {span.trace_id.hex() for span in spans.values()} == {TRACE}
    assert spans["chat scripted"].parent_span_id == spans["invoke_agent mistralrs"].span_id
    assert {headers["x-team"] for headers in collector.headers} == {"blue"}


def test_a_protocol_that_is_not_spoken_is_refused(monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    with pytest.raises(ConfigError, match="'grpc' is not supported"):
        Tracing.to_endpoint("http://127.0.0.1:4317")
