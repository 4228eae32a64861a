"""Files in the terminal chat: attached, shown, listed and saved."""

from __future__ import annotations

from mistralrs_agent.agent.events import FileMissing, FileProduced, TurnStarted
from mistralrs_agent.storage.files import StoredFile
from tests.tui.conftest import busy, say, seen, until
from tests.tui.scripted_conversation import CALL_READY, ScriptedConversation, answer, call_finished, finished


def stored(path: str, size: int, file_id: str = "file-1") -> StoredFile:
    return StoredFile(file_id, "s", path.rpartition("/")[2], "text/csv", "agent_output", 0.0, size, {"path": path})


async def test_attached_and_mentioned_files_go_with_the_message(open_chat, tmp_path):
    for name in ("a b.csv", "c.txt", "d.txt"):
        (tmp_path / name).write_text(name)
    app = open_chat(answer("ok"), answer("ok"))
    async with app.run_test() as pilot:
        await say(pilot, f"/attach {tmp_path / 'a b.csv'}")
        await say(pilot, f'see @{tmp_path / "c.txt"}, @"{tmp_path / "d.txt"}", @nobody and me@{tmp_path / "c.txt"}')
        await until(pilot, lambda: app.conversation.sent and not busy(app))
        await say(pilot, "and now?")
        await until(pilot, lambda: len(app.conversation.sent) == 2 and not busy(app))
        sent = [[(file.name, file.body) for file in files] for files in app.conversation.sent_files]
        assert sent == [[("a b.csv", b"a b.csv"), ("c.txt", b"c.txt"), ("d.txt", b"d.txt")], []]
        first, second = seen(app, "UserMessage")
        assert first.endswith("\nWith a b.csv, c.txt, d.txt") and second == "and now?"


async def test_waiting_files_stay_in_sight_until_they_are_sent_or_taken_back(open_chat, tmp_path):
    (tmp_path / "[b]a.csv").write_text("x")
    app = open_chat(answer("ok"))
    async with app.run_test() as pilot:
        waiting = app.screen.query_one(".attached")
        assert not waiting.display
        await say(pilot, f"/attach {tmp_path / '[b]a.csv'}")
        await until(pilot, lambda: waiting.display)
        assert "[b]a.csv" in str(waiting.content)
        await say(pilot, "/detach")
        await until(pilot, lambda: not waiting.display)
        await say(pilot, "/detach")
        await until(pilot, lambda: "No file is attached" in "".join(seen(app, "Note")))
        await say(pilot, f"/attach {tmp_path / '[b]a.csv'}")
        await say(pilot, "look")
        await until(pilot, lambda: app.conversation.sent and not busy(app))
        assert not waiting.display
        assert [[file.name for file in files] for files in app.conversation.sent_files] == [["[b]a.csv"]]


async def test_a_file_that_cannot_be_attached_is_said_and_the_words_come_back(open_chat, tmp_path):
    app = open_chat()
    async with app.run_test() as pilot:
        await say(pilot, f"/attach {tmp_path / 'none'}")
        await until(pilot, lambda: app.screen.query_one("Prompt").text)
        assert app.screen.query_one("Prompt").text == f"/attach {tmp_path / 'none'}"


async def test_files_of_tools_are_shown_listed_and_saved_without_replacing_any(open_chat, tmp_path):
    file = stored("out/[bold]r.csv", 1234)
    turn = [TurnStarted("s"), CALL_READY, FileProduced("call_1", 0, file), call_finished("ok"), FileMissing("b.csv")]
    conversation = ScriptedConversation([[*turn, finished("done")]])
    conversation.stored = [(file, b"body")]
    app = open_chat(conversation)
    async with app.run_test() as pilot:
        await say(pilot, "go")
        await until(pilot, lambda: seen(app, "Note") and not busy(app))
        assert seen(app, "ToolCard .products") == ["File: out/[bold]r.csv (1,234 bytes)"]
        await say(pilot, "/files")
        await say(pilot, f"/save out/[bold]r.csv {tmp_path}")
        await say(pilot, f"/save out/[bold]r.csv {tmp_path}")
        await until(pilot, lambda: len(seen(app, "Note")) == 4)
        assert seen(app, "Note") == [
            "b.csv was not made.",
            "out/[bold]r.csv (text/csv, 1234 bytes)",
            f"Saved {tmp_path}/_bold_r.csv",
            f"Saved {tmp_path}/_bold_r-2.csv",
        ]
    assert sorted(path.name for path in tmp_path.glob("*.csv")) == ["_bold_r-2.csv", "_bold_r.csv"]
    assert (tmp_path / "_bold_r.csv").read_bytes() == b"body"


async def test_saving_what_is_not_there_or_to_nowhere_is_said(open_chat, tmp_path):
    conversation = ScriptedConversation()
    conversation.stored = [(stored("r.csv", 1), b"x")]
    app = open_chat(conversation)
    async with app.run_test() as pilot:
        for words in ("none.csv", f"r.csv {tmp_path}/none"):
            await say(pilot, f"/save {words}")
            await until(pilot, lambda words=words: app.screen.query_one("Prompt").text == f"/save {words}")
            app.screen.query_one("Prompt").clear()
    assert not list(tmp_path.glob("*.csv"))
