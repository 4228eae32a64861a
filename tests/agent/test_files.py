"""Files that people attach, that tools read and make, in the real sandbox and across a restart."""

from __future__ import annotations

import json

import pytest
from agent_doubles import ask, collect, make_agent

from engine import Message
from engine.chat.scripted import ScriptedModel, call, text
from mistralrs_agent.agent.agent import Agent, AgentSettings
from mistralrs_agent.agent.events import FileMissing, FileProduced, Finished, ToolFinished
from mistralrs_agent.agent.turn import Attachment
from mistralrs_agent.errors import RequestError
from mistralrs_agent.storage import files as stored_files
from mistralrs_agent.storage.database import open_database
from mistralrs_agent.storage.files import FileStore, InputFile, safe_name
from mistralrs_agent.storage.sessions import SessionStore
from mistralrs_agent.tools import session_files
from mistralrs_agent.tools.files import file_tools
from mistralrs_agent.tools.interpreters import Interpreters
from mistralrs_agent.tools.python import python_tools
from mistralrs_agent.tools.session_files import ExpectedFile
from mistralrs_agent.tools.shell import ShellTool
from sandbox import SandboxPolicy

CSV = InputFile("data.csv", b"city,people\nParis,2\n")


def make_file_agent(script, store: SessionStore | None = None) -> Agent:
    store = store or SessionStore()
    interpreters = Interpreters(SandboxPolicy(timeout_s=10), store.files)
    shell = ShellTool(interpreters, "isolated", timeout_s=10)
    tools = [*python_tools(interpreters, "isolated"), shell, *file_tools(store.files, interpreters)]
    return make_agent(ScriptedModel(script), tools, AgentSettings(code_execution=True, shell=True), store)


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


def read(name: str, **more):
    return call("mistralrs_read_file", {"file_id": name, **more})


async def turn(agent: Agent, *files: InputFile | str, text: str = "go", code: bool = True, **more):
    attached = tuple(Attachment(0, file) for file in files)
    return await collect(agent, ask(text, files=attached, session_id="s", code_execution=code, shell=code, **more))


def results(events) -> list[dict]:
    done = sorted((e for e in events if isinstance(e, ToolFinished)), key=lambda e: e.call.id)
    return [json.loads(event.result.content) for event in done]


def produced(events) -> list[str]:
    return [event.file.path for event in events if isinstance(event, FileProduced)]


async def test_an_attached_file_is_shown_to_the_model_and_lies_where_code_can_change_it(file_agent):
    agent = file_agent([[python("open('data.csv', 'a').write('Rome,3\\n')\nopen('data.csv').read()")], [text("ok")]])
    events = await turn(agent, CSV, text="How many?")
    told = agent.model.requests[0].messages[-1].content
    assert told == (
        "[Attached file data.csv (text/csv, 20 bytes):]\ncity,people\nParis,2\n\n[End of data.csv.]\n\nHow many?"
    )
    assert "Rome,3" in results(events)[0]["result"]
    assert results(events)[0]["files"] == ["data.csv"]
    handed_in, changed = agent.sessions.files.of_session("s")
    assert agent.sessions.files.body(handed_in.id) == CSV.body
    assert agent.sessions.files.body(changed.id) == CSV.body + b"Rome,3\n"
    assert (changed.purpose, changed.source["tool"], changed.source["round"]) == (
        "agent_output",
        "mistralrs_execute_python",
        0,
    )


async def test_files_that_only_lie_there_are_not_taken_for_new_ones(file_agent):
    agent = file_agent([[python("1")], [python("open('b.txt', 'w').write('b')")], [python("2")], [text("ok")]])
    assert produced(await turn(agent, CSV)) == ["b.txt"]


async def test_the_same_file_sent_again_is_one_file_and_another_of_its_name_gets_a_new_one(file_agent):
    agent = file_agent([[text("one")], [text("two")], [text("three")]])
    await turn(agent, CSV)
    other = InputFile("data.csv", b"x")
    await turn(agent, CSV, other)
    history = agent.sessions.history("s")
    resent = (Message("user", "go"), history[1], Message("user", "go"), history[3], Message("user", "and?"))
    files = (Attachment(0, CSV), Attachment(2, CSV), Attachment(2, other))
    await collect(agent, ask(*resent, files=files, session_id="s"))
    assert [file.name for file in agent.sessions.files.of_session("s")] == ["data.csv", "data-2.csv"]
    assert agent.sessions.history("s")[:4] == history


async def test_several_calls_of_a_round_each_report_their_own_files(file_agent):
    writes = [python(f"open('{name}', 'w').write('{name}')") for name in "abc"]
    agent = file_agent([writes, [text("ok")]])
    assert [result["files"] for result in results(await turn(agent))] == [["a"], ["b"], ["c"]]


async def test_a_path_is_one_file_whose_newest_version_counts(file_agent):
    write = "import os\nos.makedirs('out', exist_ok=True)\nopen('out/r.txt', 'w').write('{}')"
    agent = file_agent([[python(write.format("old"))], [python(write.format("new!"))], [text("ok")]])
    events = [event for event in await turn(agent) if isinstance(event, FileProduced)]
    assert [(event.file.id, event.file.path, event.round) for event in events] == [
        (events[0].file.id, "out/r.txt", 0),
        (events[0].file.id, "out/r.txt", 1),
    ]
    assert agent.sessions.files.body(events[0].file.id) == b"new!"


async def test_after_a_restart_the_files_are_there_again(file_agent):
    store = SessionStore()
    before = file_agent(
        [[python("import os\nos.mkdir('d')\nopen('d/ü.txt', 'w').write('made')\nos.remove('data.csv')")], [text("ok")]],
        store,
    )
    await turn(before, CSV)
    await before.close()
    after = file_agent([[call("mistralrs_shell", {"commands": ["cat data.csv d/*"]})], [text("ok")]], store)
    (result,) = results(await turn(after))
    assert result["stdout"] == "city,people\nParis,2\nmade"
    assert "files" not in result


async def test_long_files_are_read_in_parts_that_fit_and_say_how_much_there_is(file_agent):
    body = "".join(f'"{n}"\n' for n in range(5000)).encode()
    agent = file_agent([[read("big.txt"), read("./big.txt", start=10, end=14)], [text("ok")]])
    events = await turn(agent, InputFile("big.txt", body), code=False)
    first, second = results(events)
    assert all(len(e.result.content) <= 8192 for e in events if isinstance(e, ToolFinished))
    assert (first["start"], first["total_chars"]) == (0, len(body))
    assert first["text"] == body.decode()[: first["end"]] and first["end"] > 3000
    assert second["text"] == body.decode()[10:14]
    note = agent.model.requests[0].messages[-1].content
    assert f"the first 4096 of its {len(body)} characters" in note and len(note) < 4300


@pytest.mark.parametrize(
    ("wanted", "more", "said"),
    [
        ("photo.png", {}, "is not text"),
        ("nothing.txt", {}, "there is no file 'nothing.txt'; files: photo.png"),
        ("photo.png", {"start": -1}, "do not fit"),
    ],
)
async def test_what_cannot_be_read_is_said(wanted, more, said, file_agent):
    agent = file_agent([[read(wanted, **more)], [text("ok")]])
    photo = InputFile("photo.png", b"\x89PNG\r\n\x1a\n\0\0")
    (result,) = results(await turn(agent, photo, code=False))
    assert said in result["error"]
    assert "[Attached file photo.png (image/png, 10 bytes); it is not text.]" in str(agent.model.requests[0].messages)


async def test_a_file_of_another_conversation_cannot_be_read(file_agent):
    agent = file_agent([lambda _: [read(secret.id)], [text("ok")]])
    secret = agent.sessions.files.add("other", "secret.txt", b"secret")
    events = await turn(agent, CSV, code=False)
    assert "there is no file" in results(events)[0]["error"]


async def test_files_are_listed_with_where_they_come_from(file_agent):
    agent = file_agent(
        [[python("open('a.bin', 'wb').write(bytes(3))")], [call("mistralrs_list_files", {})], [text("")]]
    )
    listed = results(await turn(agent, CSV))[1]["files"]
    assert [(f["name"], f["bytes"], f["purpose"], f["source"]) for f in listed] == [
        ("data.csv", 20, "user_data", None),
        ("a.bin", 3, "agent_output", "mistralrs_execute_python"),
    ]


async def test_what_was_left_out_is_handed_over_on_demand(file_agent):
    hidden = python("open('.hidden.txt', 'w').write('h')\nimport os\nos.symlink('/etc/passwd', 'passwd')")
    over = call(
        "mistralrs_surface_outputs", {"outputs": [{"name": ".hidden.txt"}, {"name": "passwd"}, {"name": "../x"}]}
    )
    agent = file_agent([[hidden], [over], [over], [text("ok")]])
    events = await turn(agent, CSV)
    handed = [
        (r["status"], [f["name"] for f in r["files"]], [e["name"] for e in r["errors"]]) for r in results(events)[1:]
    ]
    assert handed == [("error", [".hidden.txt"], ["passwd", "../x"])] * 2
    assert produced(events) == [".hidden.txt"] * 2
    assert agent.sessions.files.of_session("s")[-1].name == "hidden.txt"


async def test_file_tools_are_offered_where_there_are_files_to_read(file_agent):
    agent = file_agent([[text("1")], [text("2")], [text("3")], [python("open('x', 'w').write('')")], [text("4")]])
    await turn(agent, code=False)
    await turn(agent, CSV, code=False)
    await turn(agent)
    await collect(agent, ask("go", session_id="t", code_execution=True))
    offered = [{tool.name.removeprefix("mistralrs_") for tool in request.tools} for request in agent.model.requests]
    code = {"execute_python", "reset_python_session"}
    assert offered[:4] == [
        set(),
        {"read_file", "list_files"},
        {"read_file", "list_files", "surface_outputs", "shell", *code},
        code,
    ]


async def test_expected_files_are_asked_for_found_wherever_they_are_and_missed(file_agent):
    script = [[python("open('.a.csv', 'w').write('1')")], [python("open('b.csv', 'w').write('2')")], [text("ok")]]
    agent = file_agent(script)
    wanted = (ExpectedFile(".a.csv", "csv", "all"), ExpectedFile("b.csv"), ExpectedFile("../c.csv"))
    events = await turn(agent, expected_files=wanted)
    description = next(t.description for t in agent.model.requests[0].tools if t.name == "mistralrs_execute_python")
    assert description.endswith(
        "The user needs these files in the working directory:\n- .a.csv (csv): all\n- b.csv\n- ../c.csv"
    )
    assert [r["notes"] for r in results(events)] == [
        ["Still to be made: b.csv, ../c.csv"],
        ["Still to be made: ../c.csv"],
    ]
    assert set(produced(events)) == {".a.csv", "b.csv"}
    assert events[-2] == FileMissing("../c.csv") and isinstance(events[-1], Finished)
    with pytest.raises(RequestError, match="code execution"):
        await turn(agent, code=False, expected_files=wanted)


async def test_too_large_files_are_listed_without_their_contents(monkeypatch, file_agent):
    monkeypatch.setattr(session_files, "MAX_OUTPUT_BYTES", 10)
    agent = file_agent([[python("open('a', 'w').write('a' * 8)\nopen('b', 'w').write('b' * 8)")], [text("ok")]])
    (result,) = results(await turn(agent))
    assert result["files"] == ["a", "b"]
    a, b = agent.sessions.files.of_session("s")
    assert (agent.sessions.files.body(a.id), agent.sessions.files.body(b.id), b.size) == (b"a" * 8, None, 8)


async def test_files_that_cannot_be_had_are_refused(monkeypatch, file_agent):
    agent = file_agent([])
    elided = agent.sessions.files.add("", "big", None, size=1 << 40)
    for wrong, status in (("file-none", 404), (elided.id, 410)):
        with pytest.raises(RequestError) as refusal:
            await turn(agent, wrong)
        assert refusal.value.status == status
    monkeypatch.setattr(session_files, "MAX_FILE_BYTES", 3)
    with pytest.raises(RequestError, match="the limit is 3"):
        await turn(agent, CSV)


async def test_a_pdf_is_read_as_text(file_agent):
    pypdf = pytest.importorskip("pypdf")
    agent = file_agent([[text("ok")]])
    import io

    writer, out = pypdf.PdfWriter(), io.BytesIO()
    writer.add_blank_page(200, 200)
    writer.write(out)
    await turn(agent, InputFile("scan.pdf", out.getvalue()), InputFile("broken.pdf", b"%PDF-1.4 no"), code=False)
    told = agent.model.requests[0].messages[-1].content
    assert "scan.pdf (application/pdf" in told and told.count("it is not text") == 2


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\temp\\a b.txt", "a b.txt"),
        ("a\r\nSet-Cookie: x.txt", "a__Set-Cookie_ x.txt"),
        ("\u202efdp.exe", "_fdp.exe"),
        ("...", "file"),
        ("日本語.csv", "日本語.csv"),
        ("e\u0301.txt", "é.txt"),
        ("$(rm -rf).sh", "_(rm -rf).sh"),
    ],
)
def test_names_of_files_lead_nowhere(given, kept):
    assert safe_name(given) == kept


@pytest.mark.parametrize("given", ["語" * 300, "語" * 300 + ".txt", "a." + "語" * 300])
def test_names_of_files_are_short_enough_for_every_file_system(given):
    assert 0 < len(safe_name(given).encode()) <= 200


def test_the_oldest_files_go_when_they_are_too_much_together():
    now = 0.0
    store = FileStore(open_database("memory"), clock=lambda: now, keep_bytes=10)
    for name, size in (("a", 4), ("b", 4), ("c", 4), ("d", 40)):
        now += 1
        store.add("s", name, bytes(size))
        if name == "c":
            assert [file.name for file in store.of_session("s")] == ["b", "c"]
    assert [file.name for file in store.of_session("s")] == ["d"]
    assert stored_files.MAX_TOTAL_BYTES > 64 * stored_files.MAX_FILE_BYTES
