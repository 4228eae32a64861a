"""Who may use the server, and what every answer carries."""

from __future__ import annotations

import asyncio
import logging
import re

import httpx
import pytest
from server_doubles import http_client, make_agent, running, until

from engine.chat.scripted import text
from mistralrs_agent.errors import ConfigError
from mistralrs_agent.server.settings import ServerSettings

MODELS = "/v1/models"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"authorization": "Bearer wrong"}, 401),
        ({"authorization": "Basic key"}, 401),
        ({"authorization": "Bearer key"}, 200),
        ({"authorization": "bearer key"}, 200),
        ({"x-api-key": "key"}, 200),
    ],
)
async def test_a_key_is_asked_for_where_one_is_set(headers, status):
    async with http_client(make_agent(), api_key="key") as client:
        answer = await client.get(MODELS, headers=headers)
        mcp = await client.post("/mcp", headers=headers | {"content-type": "text/plain"})
        health = await client.get("/health")
    assert answer.status_code == status
    assert (mcp.status_code == 401) == (status == 401)
    assert health.status_code == 200
    if status == 401:
        error = answer.json()["error"]
        assert (error["type"], error["code"]) == ("authentication_error", "invalid_api_key")


@pytest.mark.parametrize(
    ("origin", "host", "status"),
    [
        ("http://localhost:1234", "localhost:1234", 200),
        ("http://127.0.0.1:1234", "127.0.0.1:1234", 200),
        ("http://192.168.1.5:1234", "192.168.1.5:1234", 200),
        ("http://evil.example", "localhost:1234", 403),
        ("http://localhost:9999", "localhost:1234", 403),
        ("http://evil.example:1234", "evil.example:1234", 403),  # its name now points here
        ("null", "localhost:1234", 403),
    ],
)
async def test_pages_of_other_origins_are_refused(origin, host, status):
    headers = {"origin": origin, "host": host}
    async with http_client(make_agent([[text("hi")]])) as client:
        answer = await client.post("/v1/chat/completions", json={"messages": "x"}, headers=headers)
        mcp = await client.request("PATCH", "/mcp", json={}, headers=headers)
    assert answer.status_code == status
    assert (mcp.status_code == 403) == (status == 403)


async def test_listed_origins_are_let_in_and_told_so():
    async with http_client(make_agent(), cors_origins=("https://chat.example",)) as client:
        page = {"origin": "https://chat.example"}
        answer = await client.get(MODELS, headers=page)
        preflight = await client.options(
            "/v1/chat/completions",
            headers=page | {"access-control-request-method": "POST", "access-control-request-headers": "content-type"},
        )
        other = await client.get(MODELS, headers={"origin": "https://other.example"})
    assert answer.headers["access-control-allow-origin"] == "https://chat.example"
    assert "x-request-id" in answer.headers["access-control-expose-headers"]
    assert preflight.status_code == 200
    assert other.status_code == 403


async def test_a_request_id_is_echoed_or_made(caplog):
    async with http_client(make_agent()) as client:
        with caplog.at_level(logging.INFO, logger="mistralrs_agent.access"):
            echoed = await client.get(MODELS, headers={"x-request-id": "mine-1"})
            made = await client.get("/v1/nothing", headers={"x-request-id": "not printable \x7f"})
            await client.get("/health")
    assert echoed.headers["x-request-id"] == "mine-1"
    assert made.headers["x-request-id"].startswith("req_")
    lines = [record.getMessage() for record in caplog.records if record.name == "mistralrs_agent.access"]
    assert len(lines) == 2
    assert lines[0].startswith("GET /v1/models 200 ")
    assert lines[1].startswith("GET /v1/nothing 404 ")
    assert lines[1].endswith(" not_found")


async def test_the_log_line_of_a_request_says_who_asked_and_that_the_client_left(caplog):
    agent = make_agent([[text("one"), asyncio.Event()]])
    body = {"messages": "x", "stream": True}
    key = "0123456789abcdef"
    with caplog.at_level(logging.INFO, logger="mistralrs_agent.access"):
        async with running(agent, user_keys={key: "ada"}) as url, httpx.AsyncClient(base_url=url) as client:
            headers = {"authorization": f"Bearer {key}"}
            async with client.stream("POST", "/v1/chat/completions", json=body, headers=headers) as answer:
                await anext(answer.aiter_lines())
            await until(lambda: caplog.records)
    (line,) = caplog.records
    assert (line.fields["user"], line.fields["status"], line.fields["error"]) == ("ada", 200, "client_closed")


def test_the_keep_alive_interval_comes_from_the_environment(monkeypatch):
    assert ServerSettings().keep_alive_s == 10
    monkeypatch.setenv("KEEP_ALIVE_INTERVAL", "2500")
    assert ServerSettings().keep_alive_s == 2.5
    monkeypatch.setenv("KEEP_ALIVE_INTERVAL", "soon")
    with pytest.raises(ConfigError, match="'soon'"):
        ServerSettings()


def test_the_key_does_not_show_when_settings_are_printed():
    assert "hush" not in repr(ServerSettings(api_key="hush"))


async def test_models_are_listed_with_default_first():
    async with http_client(make_agent(), model_names=("org/name",)) as client:
        listed = (await client.get(MODELS)).json()
        one = (await client.get(f"{MODELS}/org/name")).json()
    assert [card["id"] for card in listed["data"]] == ["default", "scripted"]
    assert (one["id"], one["root"], one["object"]) == ("org/name", "scripted", "model")


async def test_the_api_description_is_served():
    async with http_client(make_agent()) as client:
        paths = (await client.get("/api-doc/openapi.json")).json()["paths"]
    assert {"/v1/chat/completions", "/v1/completions", "/v1/models", "/health"} <= set(paths)


async def test_the_documentation_page_loads_nothing_from_elsewhere():
    async with http_client(make_agent()) as client:
        page = (await client.get("/docs")).text
        sources = re.findall(r"""(?:src|href)=["']([^"']+)""", page)
        assert len(sources) >= 3 and "://" not in page
        for source in sources:
            assert (await client.get(source)).status_code == 200
