"""Sockets: claimed early, refused clearly, given back."""

from __future__ import annotations

import asyncio
import os
import signal
import socket

import httpx
import pytest
from server_doubles import make_agent, scripted, until

from engine.chat.scripted import text
from mistralrs_agent.errors import ConfigError
from mistralrs_agent.server.app import create_app, create_mcp_app
from mistralrs_agent.server.serve import bind, serve, serving, url_of
from mistralrs_agent.server.settings import ServerSettings


def test_a_port_in_use_is_one_clear_line():
    with bind("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"127\.0\.0\.1 port {port}: Address already in use") as caught:
            bind("127.0.0.1", port)
    assert "\n" not in str(caught.value)


def test_an_unknown_host_is_one_clear_line():
    with pytest.raises(ConfigError, match=r"'no\.such\.host\.invalid'|no\.such"):
        bind("no.such.host.invalid", 0)


def test_an_address_for_everyone_is_shown_as_localhost():
    with bind("0.0.0.0", 0) as listener:
        assert url_of(listener) == f"http://localhost:{listener.getsockname()[1]}"


async def test_serve_runs_several_apps_until_it_gets_a_signal():
    agent, settings = make_agent(), ServerSettings()
    listeners = [bind("127.0.0.1", 0), bind("127.0.0.1", 0)]
    urls = [url_of(listener) for listener in listeners]
    apps = [create_app(agent, settings), create_mcp_app(agent, settings)]
    task = asyncio.create_task(serve(list(zip(apps, listeners, strict=True))))
    async with asyncio.timeout(10), httpx.AsyncClient() as http:
        for url in urls:  # the sockets listen already: requests wait until the apps are up
            assert (await http.get(f"{url}/health")).text == "OK"
        os.kill(os.getpid(), signal.SIGTERM)
        await task
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(urls[0].rpartition(":")[2])), timeout=1)


async def test_a_running_request_may_finish_when_the_server_stops():
    gate = asyncio.Event()
    agent = make_agent([[text("first "), gate, text("last")]])
    listener = bind("127.0.0.1", 0)
    async with asyncio.timeout(10), httpx.AsyncClient(base_url=url_of(listener)) as http:
        async with serving(create_app(agent, ServerSettings()), listener):
            asking = asyncio.create_task(http.post("/v1/chat/completions", json={"messages": "x"}))
            await until(lambda: scripted(agent).running)
            asyncio.get_running_loop().call_soon(gate.set)
        assert (await asking).json()["choices"][0]["message"]["content"] == "first last"


async def test_a_request_that_outlasts_the_grace_is_told_that_the_server_is_shutting_down(monkeypatch, caplog):
    monkeypatch.setattr("mistralrs_agent.server.serve.GRACE_S", 0)
    agent = make_agent([[text("first "), asyncio.Event()]])
    listener = bind("127.0.0.1", 0)
    async with asyncio.timeout(10), httpx.AsyncClient(base_url=url_of(listener)) as http:
        async with serving(create_app(agent, ServerSettings()), listener):
            asking = asyncio.create_task(http.post("/v1/chat/completions", json={"messages": "x"}))
            await until(lambda: scripted(agent).running)
        answer = await asking
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "shutting_down")
    assert "Traceback" not in caplog.text
    assert scripted(agent).running == 0
