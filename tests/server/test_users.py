"""Users with keys of their own share a server and see nothing of each other."""

from __future__ import annotations

import asyncio
import itertools
import json

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from server_doubles import PYTHON, PythonTool, code_agent, http_client, make_agent, running, scripted, until

from engine.chat.scripted import call, text
from mistralrs_agent.agent.events import Permission

CHAT = "/v1/chat/completions"
KEYS = {"key-of-ann": "ann", "key-of-bob": "bob", "other-key-of-bob": "bob"}
ANN, BOB, BOB_TOO = ({"x-api-key": key} for key in KEYS)
OPERATOR = {"authorization": "Bearer operator"}


async def test_a_session_of_the_same_name_is_another_session_for_another_user():
    agent = make_agent(itertools.cycle([[text("Noted.")]]))
    async with http_client(agent, user_keys=KEYS, api_key="operator") as client:
        for headers, words in ((ANN, "I am Ann"), (BOB, "I am Bob"), (BOB_TOO, "And I have two keys")):
            answer = await client.post(CHAT, json={"messages": words, "session_id": "s"}, headers=headers)
            assert answer.json()["session_id"] == "s"
        assert [m.content for m in scripted(agent).requests[-1].messages] == [
            "I am Bob",
            "Noted.",
            "And I have two keys",
        ]
        assert (await client.get("/v1/sessions/ann/s", headers=BOB)).status_code == 404
        exported = (await client.get("/v1/sessions/s", headers=ANN)).json()
        assert [m["content"] for m in exported["messages"]] == ["I am Ann", "Noted."]
        fork = (await client.post("/v1/sessions/s/fork", json={}, headers=ANN)).json()["id"]
        assert (await client.get(f"/v1/sessions/{fork}", headers=ANN)).status_code == 200
        assert (await client.get(f"/v1/sessions/{fork}", headers=BOB)).status_code == 404
        await client.delete("/v1/sessions/s", headers=BOB)
        assert (await client.get("/v1/sessions/s", headers=ANN)).status_code == 200
        for headers in ({}, {"x-api-key": "key-of-eve"}):
            assert (await client.get("/v1/sessions/s", headers=headers)).status_code == 401
        assert (await client.get("/v1/sessions/s", headers=OPERATOR)).status_code == 404
    assert agent.sessions.history("ann/s")  # what who has the operator's key can ask for
    assert not agent.sessions.history("bob/s")


async def test_users_share_no_interpreter_and_no_files():
    agent = code_agent([[call(PYTHON, {"code": c})] if c else [text("ok")] for c in ("x = 1", "", "x", "", "x", "")])
    async with http_client(agent, user_keys=KEYS) as client:
        for headers in (ANN, BOB, ANN):
            body = {"messages": "go", "session_id": "s", "enable_code_execution": True}
            await client.post(CHAT, json=body, headers=headers)
        results = [json.loads(scripted(agent).requests[n].messages[-1].content) for n in (1, 3, 5)]
        assert "NameError" in results[1]["exception"] and results[2]["result"] == "1"

        document = {"messages": [{"role": "user", "content": "x"}], "files": [{"name": "a.txt", "text": "secret"}]}
        await client.put("/v1/sessions/f", json=document, headers=ANN)
        mine = (await client.get("/v1/sessions/f", headers=ANN)).json()["files"]
        assert [file["text"] for file in mine] == ["secret"]
        await client.put("/v1/sessions/f", json={**document, "files": []}, headers=BOB)
        assert (await client.get("/v1/sessions/f", headers=BOB)).json()["files"] == []
        assert len((await client.get("/v1/sessions/f", headers=ANN)).json()["files"]) == 1
    for space, seen in (("ann/", 1), ("bob/", 0), ("an", 1), ("", 1)):
        assert len(agent.sessions.within(space).files.all()) == seen
    file = agent.sessions.within("ann/").files.all()[0]
    others = agent.sessions.within("bob/").files
    others.delete(file.id)
    assert (file.session_id, others.get(file.id), others.body(file.id)) == ("f", None, None)
    assert agent.sessions.files.body(file.id) == b"secret"
    await agent.close()


async def test_a_question_is_asked_of_the_user_whose_call_it_is_about():
    tool = PythonTool()
    agent = make_agent([[call(PYTHON, {"code": "a"})], [text("ok")]], tools=[tool], permission=Permission.ASK)
    async with http_client(agent, user_keys=KEYS, api_key="operator") as client:
        body = {"messages": "go", "session_id": "s", "enable_code_execution": True}
        asking = asyncio.create_task(client.post(CHAT, json=body, headers=ANN))
        await until(agent.approvals.pending)
        seen = {}
        for name, headers in (("ann", ANN), ("bob", BOB), ("operator", OPERATOR)):
            seen[name] = (await client.get("/v1/agent/approvals", headers=headers)).json()["data"]
        assert seen["bob"] == [] and seen["ann"] == seen["operator"]
        assert seen["ann"][0]["session_id"] == "s"
        path = f"/v1/agent/approvals/{seen['ann'][0]['approval_id']}"
        assert (await client.post(path, json={"decision": "approve"}, headers=BOB)).status_code == 404
        assert tool.ran == []
        assert (await client.post(path, json={"decision": "approve"}, headers=ANN)).status_code == 200
        await asking
    assert tool.ran == ["a"]


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
async def test_sessions_belong_to_their_user_over_mcp_too(mode):
    agent = make_agent(itertools.cycle([[text("Noted.")]]))
    async with running(agent, user_keys=KEYS) as url:
        for headers, words in ((ANN, "I am Ann"), (BOB, "I am Bob")):
            async with (
                httpx2.AsyncClient(headers=headers) as http,
                Client(streamable_http_client(f"{url}/mcp", http_client=http), mode=mode) as client,
            ):
                messages = [{"role": "user", "content": words}]
                await client.call_tool("chat", {"messages": messages, "session_id": "s"})
    assert [m.content for m in agent.sessions.history("ann/s")] == ["I am Ann", "Noted."]
    assert [m.content for m in agent.sessions.history("bob/s")] == ["I am Bob", "Noted."]
