"""`/metrics`: names, what is counted, and labels that nobody outside can multiply."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse
from server_doubles import (
    HELLO,
    PYTHON,
    WEATHER,
    PythonTool,
    http_client,
    make_agent,
    running,
    scripted,
    until,
)

from engine import WorkerDied
from engine.chat.scripted import ScriptedModel, call, text
from mistralrs_agent.agent.events import Permission
from mistralrs_agent.errors import ToolFailed
from mistralrs_agent.server.app import create_app, create_mcp_app
from mistralrs_agent.server.engine_metrics import engine_families
from mistralrs_agent.server.settings import ServerSettings
from mistralrs_agent.server.telemetry import Telemetry
from mistralrs_agent.tools.base import Card, ToolResult
from tests.engine.toy import ask, run, toy_engine

CHAT = "/v1/chat/completions"
CODE = {"messages": "6*7 in Python", "enable_code_execution": True}
HTTP = ("method", "path", "model")
COMPATIBLE = {
    "http_requests": ("counter", {*HTTP, "status"}),
    "http_request_duration_seconds": ("histogram", {*HTTP, "status", "le"}),
    "http_requests_in_flight": ("gauge", {*HTTP}),
    "http_request_body_bytes": ("histogram", {*HTTP, "le"}),
    "mistralrs_time_to_first_token_seconds": ("histogram", {"le"}),
    "mistralrs_inter_token_latency_seconds": ("histogram", {"le"}),
    "mistralrs_tokens_processed": ("counter", set()),
    "mistralrs_prefix_cache_lookups": ("counter", set()),
    "mistralrs_prefix_cache_hits": ("counter", set()),
    "mistralrs_prefix_cache_evictions": ("counter", set()),
    "mistralrs_sequences_running": ("gauge", set()),
    "mistralrs_sequences_waiting": ("gauge", set()),
    "mistralrs_sequences_capacity": ("gauge", set()),
    "mistralrs_sequences_completed": ("counter", {"reason"}),
    "mistralrs_kv_cache_blocks_used": ("gauge", set()),
    "mistralrs_kv_cache_blocks_total": ("gauge", set()),
    "mistralrs_paged_preemptions": ("counter", set()),
}
"""Metrics that dashboards of the reference know, and their labels."""


async def read(client: httpx.AsyncClient) -> dict[str, dict[tuple[str, ...], float]]:
    """Sample name → label values, sorted by label → value."""
    answer = await client.get("/metrics")
    assert answer.status_code == 200
    samples: dict[str, dict[tuple[str, ...], float]] = {}
    for family in parse(answer.text):
        for sample in family.samples:
            values = tuple(value for _, value in sorted(sample.labels.items()))
            samples.setdefault(sample.name, {})[values] = sample.value
    return samples


async def test_names_types_and_labels_are_those_that_dashboards_of_the_reference_know():
    agent = make_agent([[text("hello")]])
    async with http_client(agent) as client:
        await client.post(CHAT, json={"messages": HELLO})
        page = (await client.get("/metrics")).text
    families = {family.name: family for family in parse(page)}
    for name, (kind, labels) in COMPATIBLE.items():
        family = families[name]
        assert family.type == kind, name
        assert {label for sample in family.samples for label in sample.labels} == labels, name
    assert "_created" not in page


async def test_requests_are_counted_by_method_route_model_and_status():
    agent = make_agent([[text("hello")]])
    async with http_client(agent, api_key="sesame") as client:
        key = {"authorization": "Bearer sesame"}
        body = {"messages": HELLO, "model": "default"}
        await client.post(CHAT, json=body, headers=key)
        await client.post(CHAT, json=body)
        await client.post(CHAT, json={**body, "model": "gpt-9"}, headers=key)
        await client.get("/v1/sessions/abc", headers=key)
        await client.get("/v1/nothing/here", headers=key)
        await client.request("BREW", CHAT, headers=key)
        client.headers.update(key)
        samples = await read(client)
    assert samples["http_requests_total"] == {  # method, model, path, status
        ("POST", "scripted", CHAT, "200"): 1,
        ("POST", "none", CHAT, "401"): 1,
        ("POST", "unknown", CHAT, "404"): 1,
        ("GET", "none", "/v1/sessions/{session_id}", "404"): 1,
        ("GET", "none", "<unmatched>", "404"): 1,
        ("<other>", "none", CHAT, "405"): 1,
    }


async def test_bodies_are_weighed_and_answers_timed():
    async with http_client(make_agent([[text("hello")]])) as client:
        sent = await client.post(CHAT, json={"messages": "x" * 1000})
        samples = await read(client)
    where = ("POST", "scripted", CHAT)
    assert samples["http_request_body_bytes_sum"][where] == len(sent.request.content)
    assert samples["http_request_duration_seconds_count"][(*where, "200")] == 1
    assert 0 < samples["http_request_duration_seconds_sum"][(*where, "200")] < 20


async def test_requests_under_way_and_turns_running_show_while_they_last():
    gate = asyncio.Event()
    agent = make_agent([[gate, text("hello")]])
    async with running(agent) as url, httpx.AsyncClient(base_url=url) as client:
        asking = asyncio.create_task(client.post(CHAT, json={"messages": HELLO, "stream": True}))
        await until(lambda: scripted(agent).running)
        during = await read(client)
        gate.set()
        await asking
        after = await read(client)
    assert during["http_requests_in_flight"] == {("POST", "scripted", CHAT): 1, ("GET", "none", "/metrics"): 1}
    assert (during["mistralrs_agent_turns_running"], after["mistralrs_agent_turns_running"]) == ({(): 1}, {(): 0})
    assert after["http_requests_in_flight"] == {("GET", "none", "/metrics"): 1}


async def test_a_turn_with_tools_counts_its_rounds_calls_and_runs():
    calls = [call(PYTHON, {"code": "1"}), call(PYTHON, {"cod": "2"}), call("made_up", {})]
    agent = make_agent([calls, [text("done")]], tools=[PythonTool()])
    async with http_client(agent) as client:
        await client.post(CHAT, json=CODE)
        samples = await read(client)
    assert samples["mistralrs_tool_calls_total"] == {  # outcome, tool
        ("ok", PYTHON): 1,
        ("invalid_call", PYTHON): 1,
        ("invalid_call", "<other>"): 1,
    }
    assert samples["mistralrs_tool_call_duration_seconds_count"] == {(PYTHON,): 1}
    assert samples["mistralrs_sandbox_runs_total"] == {("ok",): 1}
    assert samples["mistralrs_agent_turns_total"] == {("stop",): 1}
    assert samples["mistralrs_agent_turn_rounds_sum"] == {(): 2}


class BreakingTool(PythonTool):
    """Ends as the code says."""

    async def run(self, arguments, context):
        if arguments["code"] == "fail":
            raise ToolFailed("no sandbox here")
        return ToolResult("", Card(""), ok=False, data={"status": arguments["code"]})


async def test_runs_that_fail_are_told_apart_and_a_status_of_a_tools_own_is_just_failed():
    codes = ("fail", "timeout", "crashed", "a status nobody knows")
    agent = make_agent([[call(PYTHON, {"code": code}) for code in codes], [text("x")]], tools=[BreakingTool()])
    async with http_client(agent) as client:
        await client.post(CHAT, json=CODE)
        samples = await read(client)
    assert samples["mistralrs_sandbox_runs_total"] == {("failed",): 2, ("timeout",): 1, ("crashed",): 1}


@pytest.mark.parametrize(("decision", "outcome"), [("approve", "ok"), ("deny", "denied")])
async def test_questions_to_a_person_are_counted_by_their_answer(decision, outcome):
    agent = make_agent([[call(PYTHON, {"code": "1"})], [text("x")]], tools=[PythonTool()], permission=Permission.ASK)
    async with http_client(agent) as client:
        asking = asyncio.create_task(client.post(CHAT, json=CODE))
        await until(agent.approvals.pending)
        during = await read(client)
        (asked,) = agent.approvals.pending()
        await client.post(f"/v1/agent/approvals/{asked.approval_id}", json={"decision": decision})
        await asking
        after = await read(client)
    assert (during["mistralrs_tool_approvals_pending"], after["mistralrs_tool_approvals_pending"]) == ({(): 1}, {(): 0})
    assert after["mistralrs_tool_approvals_total"] == {({"approve": "approved", "deny": "denied"}[decision],): 1}
    assert after["mistralrs_tool_approval_wait_seconds_count"] == {(): 1}
    assert after["mistralrs_tool_calls_total"] == {(outcome, PYTHON): 1}


async def test_a_question_nobody_answers_is_counted_as_such():
    agent = make_agent(
        [[call(PYTHON, {"code": "1"})], [text("x")]], tools=[PythonTool()], permission=Permission.ASK,
        approval_timeout_s=0.001,
    )  # fmt: skip
    async with http_client(agent) as client:
        await client.post(CHAT, json=CODE)
        samples = await read(client)
    assert samples["mistralrs_tool_approvals_total"] == {("unanswered",): 1}


async def test_a_client_that_hangs_up_leaves_a_canceled_turn_and_canceled_calls():
    tool = PythonTool(gate=asyncio.Event())
    agent = make_agent([[call(PYTHON, {"code": "1"})]], tools=[tool])
    async with running(agent) as url, httpx.AsyncClient(base_url=url) as client:
        asking = asyncio.create_task(client.post(CHAT, json={**CODE, "stream": True}))
        await until(lambda: tool.ran)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        async with asyncio.timeout(20):
            samples = await read(client)
            while ("canceled",) not in samples.get("mistralrs_agent_turns_total", ()):
                samples = await read(client)
    assert samples["mistralrs_tool_calls_total"] == {("canceled", PYTHON): 1}


async def test_a_turn_whose_model_fails_ends_in_error():
    async with http_client(make_agent([[WorkerDied("gone")]])) as client:
        assert (await client.post(CHAT, json={"messages": HELLO})).status_code == 503
        samples = await read(client)
    assert samples["mistralrs_agent_turns_total"] == {("error",): 1}


async def test_nothing_that_clients_or_models_invent_makes_a_new_series():
    rounds = [[call(f"invented_{n}", {})] for n in range(20)]
    agent = make_agent([*rounds, [text("x")], *([text("y")] for _ in range(20))])

    async def pester(client, names):
        for n in names:
            await client.request(f"M{n}", f"/p{n}")
            await client.get(f"/v1/models/m{n}")
            body = {"messages": "hi", "model": "default", "max_tool_rounds": 0}
            await client.post(CHAT, json={**body, "model": f"m{n}"})
            renamed = {**WEATHER, "function": {**WEATHER["function"], "name": f"tool_{n}"}}
            await client.post(CHAT, json={**body, "tools": [renamed], "user": f"u{n}"})

    async with http_client(agent) as client:
        await client.post(CHAT, json={"messages": "call"})
        await pester(client, range(2))
        before = {name: set(values) for name, values in (await read(client)).items()}
        await pester(client, range(2, 12))
        after = {name: set(values) for name, values in (await read(client)).items()}
    for gone in ("http_requests_total", "http_request_duration_seconds_bucket"):
        before[gone] = {labels for labels in before[gone] if "/metrics" not in labels}
        after[gone] = {labels for labels in after[gone] if "/metrics" not in labels}
    assert before["http_requests_total"] == after["http_requests_total"]
    assert before["mistralrs_tool_calls_total"] == after["mistralrs_tool_calls_total"] == {("invalid_call", "<other>")}


class DeadModel(ScriptedModel):
    def __init__(self):
        super().__init__([])

    async def stats(self):
        raise WorkerDied("gone")


async def test_without_a_worker_the_page_says_so_and_shows_the_rest():
    async with http_client(make_agent(DeadModel())) as client:
        samples = await read(client)
    assert samples["mistralrs_worker_up"] == {(): 0}
    assert "mistralrs_sequences_running" not in samples
    assert "mistralrs_agent_turns_running" in samples


async def test_the_engines_counts_reach_the_page_as_valid_histograms():
    engine = toy_engine()
    engine.add(ask("a", [1, 2, 3], 10))
    run(engine)

    class Model(ScriptedModel):
        async def stats(self):
            return engine.stats()

    async with http_client(make_agent(Model([]))) as client:
        samples = await read(client)
    assert samples["mistralrs_sequences_completed_total"][("length",)] == 1
    assert samples["mistralrs_generated_tokens_total"] == {(): 10}
    assert samples["mistralrs_inter_token_latency_seconds_count"] == {(): 9}
    buckets = samples["mistralrs_time_to_first_token_seconds_bucket"]
    assert [float(bound) for (bound,) in buckets] == sorted(float(bound) for (bound,) in buckets)
    assert (len(buckets), buckets[("+Inf",)]) == (23, 1)
    assert list(buckets.values()) == sorted(buckets.values())
    assert samples["mistralrs_step_sequences_count"] == {("prefill",): 1, ("decode",): 9, ("mixed",): 0}


async def test_openmetrics_is_written_for_those_who_ask_for_it():
    async with http_client(make_agent()) as client:
        answer = await client.get("/metrics", headers={"accept": "application/openmetrics-text; version=1.0.0"})
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert "http_requests" in {family.name for family in parse_openmetrics(answer.text)}


async def test_the_page_asks_for_the_key_and_can_be_switched_off():
    async with http_client(make_agent(), api_key="sesame") as client:
        assert (await client.get("/metrics")).status_code == 401
    async with http_client(make_agent(), metrics=False) as client:
        assert (await client.get("/metrics")).status_code == 404


async def test_two_ports_of_one_agent_are_counted_together_and_two_agents_apart():
    agent, settings = make_agent(), ServerSettings()
    telemetry = Telemetry(agent)
    main, mcp = (
        httpx.AsyncClient(
            transport=httpx.ASGITransport(create(agent, settings, telemetry)), base_url="http://localhost"
        )
        for create in (create_app, create_mcp_app)
    )
    async with main, mcp, http_client(make_agent()) as other:
        await mcp.get("/health")
        assert (await read(main))["http_requests_total"] == {("GET", "none", "/health", "200"): 1}
        assert "http_requests_total" not in await read(other)


def test_engine_families_without_a_worker_are_one_gauge():
    assert [family.name for family in engine_families(None)] == ["mistralrs_worker_up"]
