"""Secrets, put in every place where one belongs, are nowhere in logs, answers, metrics and spans."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import httpx
import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from server_doubles import HELLO, WEATHER, make_agent

from engine import ModelLoadError, ModelOptions
from engine.chat.scripted import call, text
from engine.loading.source import resolve
from mistralrs_agent.errors import ToolFailed
from mistralrs_agent.logs import Concealer, JsonLines, RequestIds, TextLines
from mistralrs_agent.search.engines import BraveProvider, TavilyProvider, providers_named
from mistralrs_agent.server.app import create_app
from mistralrs_agent.server.serve import bind, serving, url_of
from mistralrs_agent.server.settings import ServerSettings
from mistralrs_agent.server.telemetry import Telemetry
from mistralrs_agent.server.tracing.tracing import Tracing
from mistralrs_agent.tools.dispatch import Dispatcher

CHAT = "/v1/chat/completions"
API_KEY, WRONG_KEY, HMAC_SECRET, URL_PASSWORD, URL_KEY, PROVIDER_KEY = (f"s3cret-{name}" for name in "abcdef")
HF_TOKEN = "hf_s3cretS3CRETs3cretS3CRETs3cret"


@pytest.fixture
def log() -> Iterator[list[str]]:
    """Everything anyone logs, at every level, in both forms, without being told any secret."""
    lines: list[str] = []
    handler = logging.Handler()
    formatters = (TextLines(Concealer()), JsonLines(Concealer()))
    handler.emit = lambda record: lines.extend(formatter.format(record) for formatter in formatters)
    handler.addFilter(RequestIds())
    root, level = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield lines
    root.removeHandler(handler)
    root.setLevel(level)


async def test_keys_passwords_and_signatures_show_up_nowhere(log):
    """The dispatch URL is nobody's: a refused call logs, tells the model and counts all that a failure can."""
    with bind("127.0.0.1", 0) as closed:
        nowhere = f"127.0.0.1:{closed.getsockname()[1]}"
    dispatcher = Dispatcher(
        f"http://user:{URL_PASSWORD}@{nowhere}/hook?api_key={URL_KEY}", HMAC_SECRET, timeout_s=5, back_off_s=0
    )
    turns = [[call("weather", {"city": "Paris"})], [text("done")], [ValueError("a bug")]]
    agent = make_agent(turns, dispatcher=dispatcher)
    exporter = InMemorySpanExporter()
    telemetry = Telemetry(agent, Tracing(SimpleSpanProcessor(exporter)))
    listener = bind("127.0.0.1", 0)
    answers: list[httpx.Response] = []
    app = create_app(agent, ServerSettings(api_key=API_KEY), telemetry)
    async with serving(app, listener), httpx.AsyncClient(base_url=url_of(listener), timeout=20) as client:
        for headers in (
            {"authorization": f"Bearer {WRONG_KEY}"},
            {"x-api-key": WRONG_KEY},
            {"authorization": f"Basic {WRONG_KEY}"},
        ):
            answers.append(await client.post(CHAT, json={"messages": HELLO}, headers=headers))
        client.headers["authorization"] = f"Bearer {API_KEY}"
        query = {"api_key": WRONG_KEY, "token": URL_KEY}
        answers.append(await client.post(CHAT, json={"messages": HELLO, "tools": [WEATHER]}, params=query))
        answers.append(await client.post(CHAT, json={"messages": HELLO}, params=query))
        answers.append(await client.get("/v1/models/none", params=query))
        answers.append(await client.get("/metrics", params=query))
    assert [answer.status_code for answer in answers] == [401, 401, 401, 200, 500, 404, 200]
    spans = [span.to_json() for span in exporter.get_finished_spans()]
    told = [*log, *(f"{answer.headers}{answer.text}" for answer in answers), *spans]
    assert any("cannot be reached" in line for line in log)
    assert any("execute_tool weather" in span for span in spans)
    for secret in (API_KEY, WRONG_KEY, HMAC_SECRET, URL_PASSWORD, URL_KEY):
        assert not [line for line in told if secret in line]


async def test_every_line_that_a_request_causes_carries_its_id(log):
    dispatcher = Dispatcher("http://127.0.0.1:9/", timeout_s=5, back_off_s=0)
    agent = make_agent([[call("weather", {"city": "Paris"})], [text("done")]], dispatcher=dispatcher)
    transport = httpx.ASGITransport(create_app(agent, ServerSettings()))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        body = {"messages": HELLO, "tools": [WEATHER], "stream": True}
        await client.post(CHAT, json=body, headers={"x-request-id": "mine-1"})
    ours = [line for line in log if " mistralrs_agent." in line]
    for room in ("access", "audit", "turns", "tools.dispatch"):
        assert any(f"mistralrs_agent.{room}" in line for line in ours), room
    assert all(line.endswith("[mine-1]") for line in ours)


async def test_keys_of_search_engines_stay_out_of_their_failures(log):
    with bind("127.0.0.1", 0) as closed:
        nowhere = f"http://user:{URL_PASSWORD}@127.0.0.1:{closed.getsockname()[1]}"
    failures: list[str] = []
    for provider in (
        BraveProvider(PROVIDER_KEY, f"{nowhere}/search?key={URL_KEY}"),
        TavilyProvider(PROVIDER_KEY, nowhere),
        providers_named([f"searxng={nowhere}", f"searxng={nowhere}/second"]),
    ):
        with pytest.raises(ToolFailed) as caught:
            await provider.search("anything", 3)
        failures.append(str(caught.value))
    for secret in (PROVIDER_KEY, URL_PASSWORD, URL_KEY):
        assert not [line for line in (*log, *failures) if secret in line]


def test_the_hubs_token_stays_out_of_what_is_said_of_a_model_that_is_not_there(log):
    said: list[str] = []
    options = ModelOptions(model_id="nobody/nothing", token_source=f"literal:{HF_TOKEN}")
    with pytest.raises(ModelLoadError) as caught:
        resolve(options, said.append)
    assert HF_TOKEN not in "".join([str(caught.value), *said, *log])
