"""Acceptance check A15 over HTTP: limits of uploads, bodies that were not kept, users apart, names, zip files."""

from __future__ import annotations

import io
import json
import zipfile

import httpx
import pytest
from server_doubles import PYTHON, http_client, make_agent, running, scripted

from engine.chat.scripted import call, text
from mistralrs_agent.agent.agent import Agent, AgentSettings
from mistralrs_agent.agent.sessions import Sessions
from mistralrs_agent.storage.files import MAX_FILE_BYTES
from mistralrs_agent.storage.sessions import SessionStore
from mistralrs_agent.storage.skills import SkillStore
from mistralrs_agent.tools.files import file_tools
from mistralrs_agent.tools.interpreters import Interpreters
from mistralrs_agent.tools.python import python_tools
from mistralrs_agent.tools.skills import SkillTool
from mistralrs_agent.tools.toolbox import Toolbox
from sandbox import SandboxPolicy

CHAT = "/v1/chat/completions"
KEYS = {"key-of-ann": "ann", "key-of-bob": "bob"}
ANN, BOB = ({"x-api-key": key} for key in KEYS)


def agent_with_files(*replies) -> Agent:
    store = SessionStore()
    interpreters = Interpreters(SandboxPolicy(timeout_s=20), store.files)
    toolbox = Toolbox([*python_tools(interpreters, "isolated"), *file_tools(store.files, interpreters)])
    model = make_agent(replies).model
    return Agent(model, toolbox, AgentSettings(code_execution=True), Sessions(store, toolbox.end_session))


async def upload(client: httpx.AsyncClient, name: str, body: bytes, headers: dict | None = None) -> httpx.Response:
    parts = {"file": (name, body), "purpose": (None, "user_data")}
    return await client.post("/v1/files", files=parts, headers=headers)


async def test_a15_a_file_of_64_mib_is_taken_and_one_byte_more_is_not():
    agent = agent_with_files()
    async with running(agent) as url, httpx.AsyncClient(base_url=url, timeout=100) as client:
        whole = b"x" * MAX_FILE_BYTES
        assert (await upload(client, "whole.bin", whole)).json()["bytes"] == MAX_FILE_BYTES == 64 << 20
        refused = await upload(client, "more.bin", whole + b"x")
        assert (refused.status_code, refused.json()["error"]["code"]) == (413, "file_too_large")
        huge = await upload(client, "huge.bin", whole + b"x" * (2 << 20))
        assert (huge.status_code, huge.json()["error"]["code"]) == (413, "request_too_large")
    assert [file.name for file in agent.sessions.files.all()] == ["whole.bin"]


async def test_a15_the_body_of_a_file_that_was_too_large_to_keep_is_gone():
    agent = agent_with_files()
    file = agent.sessions.files.add("s", "film.mp4", None, size=1 << 40, purpose="agent_output")
    async with http_client(agent) as client:
        answer = await client.get(f"/v1/files/{file.id}/content")
        assert (answer.status_code, answer.json()["error"]["code"]) == (410, "file_elided")
        assert (await client.get(f"/v1/files/{file.id}")).json()["bytes"] == 1 << 40


async def test_a15_files_are_seen_by_their_own_user_only():
    make = call(PYTHON, {"code": "open('made.txt', 'w').write('made by ann')"})
    read = call(PYTHON, {"code": "import os; sorted(os.listdir())"})
    agent = agent_with_files([make], [text("ok")], [read], [text("ok")])
    async with http_client(agent, user_keys=KEYS, api_key="operator") as client:
        uploaded = (await upload(client, "secret.txt", b"of ann", ANN)).json()
        body = {"messages": "go", "session_id": "s", "enable_code_execution": True}
        attached = {"type": "file", "file": {"file_id": uploaded["id"]}}
        said = [{"role": "user", "content": [attached, {"type": "text", "text": "go"}]}]
        answer = await client.post(CHAT, json={**body, "messages": said}, headers=ANN)
        (made,) = answer.json()["files"]
        assert (made["name"], made["text"], made["session_id"]) == ("made.txt", "made by ann", "s")

        for file_id in (uploaded["id"], made["id"]):
            for method, path in (("GET", ""), ("GET", "/content"), ("DELETE", "")):
                answer = await client.request(method, f"/v1/files/{file_id}{path}", headers=BOB)
                assert (answer.status_code, answer.json()["error"]["code"]) == (404, "file_not_found")
            assert (await client.get(f"/v1/files/{file_id}/content", headers=ANN)).status_code == 200
        assert (await client.get("/v1/files", headers=BOB)).json()["data"] == []
        stolen = await client.post(CHAT, json={"messages": said}, headers=BOB)
        assert stolen.status_code == 404
        await client.post(CHAT, json=body, headers=BOB)
        assert json.loads(scripted(agent).requests[-1].messages[-1].content)["result"] == "[]"
        names = {file["name"] for file in (await client.get("/v1/files", headers=ANN)).json()["data"]}
        assert names == {"secret.txt", "made.txt"}
    await agent.close()


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "..\\..\\evil.exe", "/abs/name", "a\r\nSet-Cookie: x=1", 'quo"te.txt', "..", "n" * 400]
)
async def test_a15_names_lead_nowhere(name):
    agent = agent_with_files()
    file = agent.sessions.files.add("", name, b"text")
    assert not set(file.name) & set('/\\"\r\n\0') and file.name.strip(".") and len(file.name.encode()) <= 200
    async with http_client(agent) as client:
        answer = await client.get(f"/v1/files/{file.id}/content")
        assert answer.headers["content-disposition"].startswith("inline; filename=")
        assert "set-cookie" not in answer.headers
        part = {"filename": name, "file_data": "dGV4dA=="}
        said = [{"role": "user", "content": [{"type": "file", "file": part}]}]
        agent.model._replies = iter([[call(PYTHON, {"code": "import os; os.listdir()"})], [text("ok")]])
        await client.post(CHAT, json={"messages": said, "enable_code_execution": True})
    laid_out = json.loads(scripted(agent).requests[-1].messages[-1].content)["result"]
    assert laid_out == repr([file.name])
    await agent.close()


@pytest.mark.parametrize("name", ["tax/../../evil", "/abs/evil", "tax/..\\..\\evil", "evil/outside.md"])
async def test_a15_a_zip_file_of_a_skill_does_not_slip_out_of_its_folder(name, tmp_path):
    skills = tmp_path / "skills"
    skills.mkdir()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("tax/SKILL.md", "---\nname: tax\ndescription: Taxes.\n---\n")
        archive.writestr(name, "evil")
    agent = make_agent(tools=[SkillTool(SkillStore(skills), None)])
    async with http_client(agent) as client:
        answer = await client.post("/v1/skills", files={"file": ("tax.zip", packed.getvalue(), "application/zip")})
    assert answer.status_code == 422
    assert list(tmp_path.rglob("*")) == [skills]
