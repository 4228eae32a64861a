"""Files over HTTP: uploaded, attached, produced, fetched, and what is refused."""

from __future__ import annotations

import base64
import json

import pytest
from server_doubles import http_client, openai_client, running, scripted

from engine.chat.scripted import ScriptedModel, call, text
from mistralrs_agent.agent.agent import Agent, AgentSettings
from mistralrs_agent.agent.events import FileProduced, ToolFinished
from mistralrs_agent.agent.local import LocalConversation
from mistralrs_agent.agent.sessions import Sessions
from mistralrs_agent.client import RemoteConversation
from mistralrs_agent.errors import UserError
from mistralrs_agent.storage.files import InputFile
from mistralrs_agent.storage.sessions import SessionStore
from mistralrs_agent.tools.files import file_tools
from mistralrs_agent.tools.interpreters import Interpreters
from mistralrs_agent.tools.python import python_tools
from mistralrs_agent.tools.toolbox import Toolbox
from sandbox import SandboxPolicy

CHAT = "/v1/chat/completions"
CSV = b"city,people\nParis,2\n"
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
"""One pixel."""
DRAW = f"""
import base64, sys, types
class Image:
    def save(self, target, format):
        target.write(base64.b64decode("{PNG}"))
sys.modules["PIL.Image"] = types.SimpleNamespace(Image=Image)
Image()
"""


def make_file_agent(*script) -> Agent:
    store = SessionStore()
    interpreters = Interpreters(SandboxPolicy(timeout_s=10), store.files)
    toolbox = Toolbox([*python_tools(interpreters, "isolated"), *file_tools(store.files, interpreters)])
    settings = AgentSettings(code_execution=True)
    return Agent(ScriptedModel(script), toolbox, settings, Sessions(store, toolbox.end_session))


@pytest.fixture
async def file_agent():
    """Makes agents, and closes them in the end."""
    agents: list[Agent] = []

    def make(*arguments) -> Agent:
        agents.append(make_file_agent(*arguments))
        return agents[-1]

    yield make
    for agent in agents:
        await agent.close()


def python(code: str):
    return call("mistralrs_execute_python", {"code": code})


def said(part: dict, *more: dict) -> list[dict]:
    return [{"role": "user", "content": [{"type": "file", "file": part}, *more, {"type": "text", "text": "go"}]}]


async def test_a_file_is_uploaded_used_and_deleted_with_the_official_client(file_agent):
    agent = file_agent([python("open('data.csv').read()")], [text("ok")])
    async with openai_client(agent) as client:
        file = await client.files.create(file=("../düta.csv", CSV), purpose="user_data")
        assert (file.filename, file.bytes, file.purpose, file.object) == ("düta.csv", len(CSV), "user_data", "file")
        answer = await client.chat.completions.create(
            model="default",
            messages=said({"file_id": file.id}),
            extra_body={"enable_code_execution": True, "session_id": "s"},
        )
        assert answer.choices[0].message.content == "ok"
        listed = [f.id async for f in client.files.list()]
        assert listed[-1] == file.id and len(listed) == 2
        assert (await client.files.retrieve(file.id)).bytes == len(CSV)
        assert (await client.files.content(file.id)).content == CSV
        assert (await client.files.delete(file.id)).deleted
    told = scripted(agent).requests[0].messages[-1].content
    assert told.startswith("[Attached file düta.csv (text/csv, 20 bytes):]\ncity") and told.endswith("go")
    assert [f.name for f in agent.sessions.files.of_session("s")] == ["düta.csv"]


@pytest.mark.parametrize(
    "data", [base64.b64encode(CSV).decode(), f"data:text/plain;base64,{base64.b64encode(CSV).decode()}"]
)
async def test_a_file_in_the_request_reaches_the_model(data, file_agent):
    agent = file_agent([text("ok")])
    async with http_client(agent) as client:
        answer = await client.post(CHAT, json={"messages": said({"filename": "a.csv", "file_data": data})})
        assert answer.json()["session_id"]
    kind = "text/plain" if data.startswith("data:") else "text/csv"
    assert f"[Attached file a.csv ({kind}, 20 bytes):]" in scripted(agent).requests[0].messages[-1].content
    assert [tool.name for tool in scripted(agent).requests[0].tools] == ["mistralrs_read_file", "mistralrs_list_files"]


async def test_produced_files_and_figures_come_back_whole_and_streamed(file_agent):
    make = f"open('r.txt', 'w').write('report')\nopen('b.bin', 'wb').write(bytes([0, 255]))\n{DRAW}"
    script = [[python(make)], [text("Done.")]]
    agent = file_agent(*script, *script)
    ask = {"messages": "go", "enable_code_execution": True, "files": [{"name": "r.txt"}, {"name": "missing.csv"}]}
    async with http_client(agent) as client:
        whole = (await client.post(CHAT, json=ask)).json()
        record = whole["agentic_tool_calls"][0]
        assert record["result_images_base64"] == [PNG]
        shown = [(f["name"], f.get("text"), f.get("data_base64"), f.get("code")) for f in whole["files"]]
        assert shown == [
            ("b.bin", None, "AP8=", None),
            ("r.txt", "report", None, None),
            ("missing.csv", None, None, "not_produced"),
        ]
        assert record["file_ids"] == [f["id"] for f in whole["files"][:2]]
        for file, body in zip(whole["files"], (bytes([0, 255]), b"report"), strict=False):
            assert (await client.get(f"/v1/files/{file['id']}/content")).content == body
            assert (await client.get(f"/v1/files/{file['id']}")).json()["source"]["round"] == 0
        streamed = (await client.post(CHAT, json={**ask, "stream": True})).text
    frames = [frame.split("\ndata: ") for frame in streamed.split("\n\n") if frame.startswith("event: ")]
    events = [(name.removeprefix("event: "), json.loads(data)) for name, data in frames]
    progress = "agentic_tool_call_progress"
    assert [name for name, _ in events if name != "agentic_tool_output"] == [
        progress,
        *["file_produced"] * 2,
        progress,
        "file_produced",
    ]
    files = [data for name, data in events if name == "file_produced"]
    assert [(f["object"], f["name"], f.get("text"), f["choices"]) for f in files] == [
        ("file", "b.bin", None, []),
        ("file", "r.txt", "report", []),
        ("file", "missing.csv", None, []),
    ]
    assert events[-2][1]["data"]["images_base64"] == [PNG]
    assert [f["name"] for f in events[-2][1]["data"]["files"]] == ["b.bin", "r.txt"]


async def test_downloads_cannot_act_as_pages_of_this_server(file_agent):
    agent = file_agent()
    files = agent.sessions.files
    page = files.add("s", 'a"; b.html', b"<script>alert(1)</script>")
    odd = files.add("s", "é.bin", b"\0", mime_type="text/html\r\nx: y")
    async with http_client(agent) as client:
        answer = await client.get(f"/v1/files/{page.id}/content")
        assert answer.headers["content-disposition"] == "inline; filename=\"a__ b.html\"; filename*=UTF-8''a__%20b.html"
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert "sandbox" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        answer = await client.get(f"/v1/files/{odd.id}/content")
        assert answer.headers["content-type"] == "application/octet-stream"
        assert "filename=\"_.bin\"; filename*=UTF-8''%C3%A9.bin" in answer.headers["content-disposition"]


async def test_a_list_is_paged_and_filtered(file_agent):
    agent = file_agent()
    ids = [agent.sessions.files.add("s" if n % 2 else "", f"{n}", b"", purpose="agent_output").id for n in range(4)]
    async with http_client(agent) as client:
        page = (await client.get("/v1/files?limit=3")).json()
        assert ([f["id"] for f in page["data"]], page["has_more"]) == (ids[:0:-1], True)
        rest = (await client.get("/v1/files", params={"limit": 3, "after": page["last_id"]})).json()
        assert ([f["id"] for f in rest["data"]], rest["has_more"]) == (ids[:1], False)
        assert len((await client.get("/v1/files?session_id=s")).json()["data"]) == 2
        assert (await client.get("/v1/files?purpose=user_data")).json()["data"] == []


async def test_users_see_and_use_only_their_own_files(file_agent):
    agent = file_agent([python("open('made.txt', 'w').write('x')")], [text("ok")], [text("ok")])
    ann, bob = {"x-api-key": "a"}, {"x-api-key": "b"}
    async with http_client(agent, user_keys={"a": "ann", "b": "bob"}) as client:
        secret = (
            await client.post("/v1/files", headers=ann, **form(file=("s.txt", b"secret"), purpose="user_data"))
        ).json()
        body = {"messages": said({"file_id": secret["id"]}), "session_id": "s", "enable_code_execution": True}
        made = (await client.post(CHAT, json=body, headers=ann)).json()["files"][0]
        assert made["session_id"] == "s"
        for path in (secret["id"], made["id"], f"{made['id']}/content"):
            assert (await client.get(f"/v1/files/{path}", headers=bob)).status_code == 404
            assert (await client.get(f"/v1/files/{path}", headers=ann)).status_code == 200
        assert (await client.get("/v1/files", headers=bob)).json()["data"] == []
        mine = (await client.get("/v1/files?session_id=s", headers=ann)).json()["data"]
        assert [file["name"] for file in mine] == ["made.txt", "s.txt"]
        assert (await client.post(CHAT, json=body, headers=bob)).status_code == 404


def form(**parts) -> dict:
    return {"files": {name: part if isinstance(part, tuple) else (None, part) for name, part in parts.items()}}


async def test_bad_uploads_and_unknown_files_are_refused_as_json(file_agent):
    agent = file_agent()
    gone = agent.sessions.files.add("s", "big", None, size=1 << 40)
    upload = ("a.txt", b"a")
    wrong = [
        (form(file=upload), 400, "'purpose'"),
        (form(purpose="user_data"), 400, "'file'"),
        (form(file="text", purpose="user_data"), 400, "'file'"),
        (form(file=upload, purpose="fine-tune"), 400, "'fine-tune'"),
        (form(file=upload, purpose="user_data", expires_after="1"), 400, "'expires_after'"),
        ({"json": {}}, 415, "multipart/form-data"),
        ({"content": b"x", "headers": {"content-type": "multipart/form-data"}}, 400, "multipart"),
        ({"content": b"x", "headers": {"content-type": "multipart/form-data; boundary=y"}}, 400, "part"),
        (form(file=("big.txt", bytes(60_000)), purpose="user_data"), 413, "limit"),
    ]
    async with http_client(agent, max_upload_bytes=50_000) as client:
        for request, status, words in wrong:
            answer = await client.post("/v1/files", **request)
            assert (answer.status_code, words in answer.json()["error"]["message"]) == (status, True), answer.text
        for method, path, status in (
            ("GET", "/v1/files/none", 404),
            ("GET", "/v1/files/none/content", 404),
            ("DELETE", "/v1/files/none", 404),
            ("GET", f"/v1/files/{gone.id}/content", 410),
            ("GET", "/v1/files?limit=0", 400),
        ):
            answer = await client.request(method, path)
            assert answer.status_code == status, path
            assert answer.json()["error"]["message"]
        shown = (await client.get(f"/v1/files/{gone.id}")).json()
        assert shown["truncated"] and shown["bytes"] == 1 << 40
    assert [file.id for file in agent.sessions.files.all()] == [gone.id]


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({"messages": said({})}, 400, "messages"),
        ({"messages": said({"file_id": "a", "file_data": "YQ=="})}, 400, "messages"),
        ({"messages": said({"file_data": "YQ=="})}, 400, "messages"),
        ({"messages": said({"filename": "a", "file_data": "%%%"})}, 400, "messages"),
        ({"messages": said({"filename": "a", "file_data": "data:text/plain,abc"})}, 400, "messages"),
        ({"messages": said({"file_id": "file-none"})}, 404, None),
        ({"messages": said({"file_id": "file-none"}), "n": 2}, 400, "n"),
        ({"messages": [{"role": "system", "content": [{"type": "file", "file": {"file_id": "a"}}]}]}, 400, "messages"),
        ({"messages": said({"file_id": "a"}, {"type": "image_url", "image_url": {"url": "x"}})}, 400, "messages"),
        ({"messages": "go", "files": [{"name": "a.csv"}]}, 400, "files"),
        *(
            ({"messages": "go", "enable_code_execution": True, "files": [{"name": name}]}, 400, "files")
            for name in ("/etc/passwd", "../x", "a//b", "a\0b", ".")
        ),
    ],
)
async def test_bad_attachments_and_wishes_are_refused(body, status, param, file_agent):
    agent = file_agent()
    async with http_client(agent) as client:
        for stream in (False, True):
            answer = await client.post(CHAT, json={**body, "stream": stream})
            assert answer.status_code == status, answer.text
            assert (answer.json()["error"]["param"] or "").startswith(param or "")
    assert scripted(agent).requests == []


async def test_an_export_takes_files_in_folders_along_and_they_are_laid_out_again(file_agent):
    here = file_agent([python("import os\nos.mkdir('d')\nopen('d/a.txt', 'w').write('deep')")], [text("ok")])
    there = file_agent([python("open('d/a.txt').read()")], [text("ok")])
    ask = {"messages": "go", "enable_code_execution": True, "session_id": "s"}
    async with http_client(here) as client:
        await client.post(CHAT, json=ask)
        exported = (await client.get("/v1/sessions/s")).json()
    async with http_client(there) as client:
        assert (await client.put("/v1/sessions/s", json=exported)).status_code == 200
        answer = (await client.post(CHAT, json=ask)).json()
    assert "deep" in answer["agentic_tool_calls"][0]["result_content"]


@pytest.mark.parametrize("where", ["here", "over HTTP"])
async def test_a_conversation_sends_files_and_fetches_what_was_made(file_agent, where):
    agent = file_agent(
        [python(f"open('copy.csv', 'wb').write(open('data.csv', 'rb').read() * 2)\n{DRAW}")], [text("ok")]
    )
    async with running(agent) as url:
        remote = await RemoteConversation.connect(url)
        conversation = remote if where == "over HTTP" else LocalConversation(agent, "")
        turn = conversation.send("go", files=[InputFile("data.csv", CSV, "text/csv")])
        events = [event async for event in turn]
        made = next(event.file for event in events if isinstance(event, FileProduced))
        assert (made.path, await conversation.file_contents(made)) == ("copy.csv", CSV * 2)
        assert next(e.result.images for e in events if isinstance(e, ToolFinished)) == (base64.b64decode(PNG),)
        files = await conversation.files()
        assert [(f.path, f.size, f.purpose) for f in files] == [
            ("data.csv", 20, "user_data"),
            ("copy.csv", 40, "agent_output"),
        ]
        agent.sessions.files.delete(made.id)
        with pytest.raises(UserError, match=r"not kept|No file"):
            await conversation.file_contents(made)
        await remote.close()
