"""Sessions that are exported, imported, forked, and that survive a killed server."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest
from server_doubles import PYTHON, PythonTool, http_client, make_agent, scripted

from engine.chat.scripted import call, text

CHAT = "/v1/chat/completions"


async def test_an_exported_session_goes_on_elsewhere_with_its_files():
    script = [[call(PYTHON, {"code": "a"})], [text("A it is.")], [text("Yes.")]]
    here, there = make_agent(script, tools=[PythonTool()]), make_agent([[text("On.")]])
    async with http_client(here) as client:
        await client.post(CHAT, json={"messages": "go", "session_id": "s", "enable_code_execution": True})
        here.sessions.files.add("s", "t.txt", b"text")
        here.sessions.files.add("s", "b.bin", b"\0\1", purpose="agent_output", source={"tool": "python"})
        here.sessions.files.add("s", "huge.bin", None, size=1 << 30)
        exported = (await client.get("/v1/sessions/s")).json()
    assert [m["role"] for m in exported["messages"]] == ["user", "assistant", "tool", "assistant"]
    assert exported["messages"][2]["tool_call_id"] == exported["messages"][1]["tool_calls"][0]["id"]
    async with http_client(there) as client:
        assert (await client.put("/v1/sessions/moved", json=exported)).json()["files"] == 3
        again = (await client.get("/v1/sessions/moved")).json()
        await client.post(CHAT, json={"messages": "and?", "session_id": "moved"})
    assert again["messages"] == exported["messages"]
    shown = [(f["name"], f.get("text"), f.get("data_base64"), f["bytes"], f["purpose"]) for f in again["files"]]
    assert shown == [
        ("t.txt", "text", None, 4, "user_data"),
        ("b.bin", None, "AAE=", 2, "agent_output"),
        ("huge.bin", None, None, 1 << 30, "user_data"),
    ]
    assert [m.role for m in scripted(there).requests[0].messages] == ["user", "assistant", "tool", "assistant", "user"]


async def test_an_import_ends_the_tool_state_of_what_was_there_and_mends_open_calls():
    tool = PythonTool()
    agent = make_agent([[text("hi")]], tools=[tool])
    open_call = {"id": "c1", "type": "function", "function": {"name": PYTHON, "arguments": "{}"}}
    messages = [{"role": "user", "content": "go"}, {"role": "assistant", "tool_calls": [open_call]}]
    async with http_client(agent) as client:
        await client.post(CHAT, json={"messages": "go", "session_id": "s"})
        assert (await client.put("/v1/sessions/s", json={"messages": messages})).status_code == 200
    assert tool.ended_sessions == ["s"]
    assert [m.role for m in agent.sessions.history("s")] == ["user", "assistant", "tool"]


async def test_a_fork_goes_its_own_way():
    agent = make_agent([[text("a")], [text("b")], [text("c")]])
    async with http_client(agent) as client:
        for said in ("one", "two"):
            await client.post(CHAT, json={"messages": said, "session_id": "s"})
        agent.sessions.files.add("s", "t.txt", b"text")
        for turn in (1, 2):
            agent.sessions.files.add("s", f"{turn}.csv", b"1", purpose="agent_output", source={"turn": turn})
        fork = (await client.post("/v1/sessions/s/fork", json={"turns": 1})).json()
        await client.post(CHAT, json={"messages": "three", "session_id": fork["id"]})
        whole = (await client.post("/v1/sessions/s/fork", json={})).json()
    assert [m.content for m in agent.sessions.history(fork["id"])] == ["one", "a", "three", "c"]
    assert [m.content for m in agent.sessions.history("s")] == ["one", "a", "two", "b"]
    assert agent.sessions.history(whole["id"]) == agent.sessions.history("s")
    assert [f.name for f in agent.sessions.files.of_session(fork["id"])] == ["t.txt", "1.csv"]
    assert [f.name for f in agent.sessions.files.of_session(whole["id"])] == ["t.txt", "1.csv", "2.csv"]


async def test_wrong_requests_are_said_plainly():
    async with http_client(make_agent()) as client:
        user = {"role": "user", "content": "x"}
        cases = [
            ("GET", "/v1/sessions/none", None, 404),
            ("POST", "/v1/sessions/none/fork", {}, 404),
            ("POST", "/v1/sessions/none/fork", {"turns": 0}, 400),
            ("PUT", "/v1/sessions/s", {"messages": []}, 400),
            ("PUT", "/v1/sessions/s", {"messages": [user], "images": ["x"]}, 400),
            ("PUT", "/v1/sessions/s", {"messages": [user, {"role": "tool", "content": "x"}]}, 400),
            ("PUT", "/v1/sessions/s", {"messages": [user], "files": [{"name": "a"}]}, 400),
            ("PUT", "/v1/sessions/s", {"messages": [user], "files": [{"name": "a", "data_base64": "?"}]}, 400),
            ("PUT", "/v1/sessions/" + "s" * 300, {"messages": [user]}, 400),
        ]
        for method, path, body, status in cases:
            answer = await client.request(method, path, json=body)
            assert (answer.status_code, method, path) == (status, method, path)
            assert answer.json()["error"]["message"]
        assert (await client.delete("/v1/sessions/none")).status_code == 200


@pytest.mark.parametrize("stream", [False, True])
async def test_a_result_of_a_call_that_nobody_made_is_refused(stream: bool):
    messages = [{"role": "user", "content": "x"}, {"role": "tool", "tool_call_id": "zzz", "content": "y"}]
    async with http_client(make_agent([[text("hi")]])) as client:
        answer = await client.post(CHAT, json={"messages": messages, "stream": stream})
    assert answer.status_code == 400
    assert "answers call 'zzz'" in answer.json()["error"]["message"]


async def test_a_session_may_have_any_printable_name():
    async with http_client(make_agent([[text("hi")]])) as client:
        await client.post(CHAT, json={"messages": "go", "session_id": "team/a?b"})
        place = "/v1/sessions/team%2Fa%3Fb"
        fork = (await client.post(place + "/fork", json={})).json()
        assert (fork["forked_from"], len((await client.get(place)).json()["messages"])) == ("team/a?b", 2)
        assert (await client.delete(place)).json()["deleted"]
        assert (await client.get(place)).status_code == 404


SERVER = """
import asyncio, itertools, sys
from engine.chat.scripted import ScriptedModel, call, text
from server_doubles import PYTHON, PythonTool, bind, create_app, url_of, ServerSettings
from mistralrs_agent.agent.agent import Agent, AgentSettings
from mistralrs_agent.agent.sessions import Sessions
from mistralrs_agent.server.serve import serve
from mistralrs_agent.storage.sessions import SessionStore
from mistralrs_agent.tools.interpreters import Interpreters
from mistralrs_agent.tools.python import python_tools
from mistralrs_agent.tools.toolbox import Toolbox
from sandbox import SandboxPolicy

def reply(request):
    last = request.messages[-1]
    return [text("Done with " + last.content)] if last.role == "tool" else [call(PYTHON, {"code": last.content})]

real = python_tools(Interpreters(SandboxPolicy()), "Isolated")
toolbox = Toolbox(real if sys.argv[2] == "real" else [PythonTool()])
store = SessionStore(sys.argv[1])
model = ScriptedModel(itertools.repeat(reply))
agent = Agent(model, toolbox, AgentSettings(code_execution=True), Sessions(store, toolbox.end_session, limit=50))
listener = bind("127.0.0.1", 0)
print(url_of(listener), flush=True)
asyncio.run(serve([(create_app(agent, ServerSettings()), listener)]))
"""


@contextmanager
def server_process(state: Path, tool: str) -> Generator[tuple[subprocess.Popen[str], str]]:
    """A server of its own on a scripted model that calls Python in each turn; with its address."""
    paths = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    command = [sys.executable, "-c", SERVER, str(state), tool]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": paths})
    try:
        assert process.stdout
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


async def said(client: httpx.AsyncClient, session_id: str, words: str) -> str:
    body = {"messages": words, "session_id": session_id, "enable_code_execution": True}
    answer = await client.post(CHAT, json=body)
    return answer.json()["choices"][0]["message"]["content"]


async def test_a_server_killed_among_100_busy_sessions_keeps_every_finished_turn(tmp_path):
    state = tmp_path / "state.db"
    finished: dict[str, int] = {}
    enough = asyncio.Event()

    async def talk(client: httpx.AsyncClient, session_id: str) -> None:
        for turn in range(1, 1000):
            try:
                answer = await said(client, session_id, f"turn {turn}")
            except httpx.TransportError:
                return
            assert answer == f"Done with TURN {turn}"
            finished[session_id] = turn
            if sum(finished.values()) > 130 and len(finished) == 100 and random.random() < 0.05:
                enough.set()

    limits = httpx.Limits(max_connections=100)
    with server_process(state, "double") as (process, url):
        async with asyncio.timeout(500), httpx.AsyncClient(base_url=url, timeout=400, limits=limits) as client:
            talks = [asyncio.create_task(talk(client, f"s{n}")) for n in range(100)]
            await enough.wait()
            process.send_signal(signal.SIGKILL)
            await asyncio.gather(*talks)

    with closing(sqlite3.connect(state)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("SELECT count(*) FROM sessions").fetchone() == (100,)
    with server_process(state, "real") as (_, url):
        async with asyncio.timeout(500), httpx.AsyncClient(base_url=url, timeout=400) as client:
            for session_id, turns in finished.items():
                messages = (await client.get(f"/v1/sessions/{session_id}")).json()["messages"]
                assert len(messages) % 4 == 0 and len(messages) // 4 >= turns
                for number, start in enumerate(range(0, len(messages), 4), 1):
                    user, asked, result, answer = messages[start : start + 4]
                    assert (user["content"], answer["content"]) == (f"turn {number}", f"Done with TURN {number}")
                    assert result["tool_call_id"] == asked["tool_calls"][0]["id"]
            first, second = [await said(client, "s0", code) for code in ("6 * 7", "_ + 1")]
    assert '"result": "42"' in first and "variables that earlier turns made are gone" in first
    assert '"result": "43"' in second and "gone" not in second
