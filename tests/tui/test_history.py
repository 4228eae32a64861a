from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tui.history import MAX_ENTRIES, PromptHistory, default_path


def walk_back(history: PromptHistory) -> list[str]:
    found = []
    while (text := history.older("")) is not None:
        found.append(text)
    return found


def test_messages_come_back_newest_first_each_once(history_path: Path):
    history = PromptHistory(history_path)
    for text in ("one", "two\nlines", "one"):
        history.add(text)
    assert walk_back(PromptHistory(history_path)) == ["one", "two\nlines"]


def test_the_file_is_private_and_bounded(history_path: Path):
    history = PromptHistory(history_path)
    for number in range(MAX_ENTRIES + 5):
        history.add(str(number))
    assert stat.S_IMODE(history_path.stat().st_mode) == 0o600
    assert len(history_path.read_text().splitlines()) == MAX_ENTRIES
    assert list(history_path.parent.iterdir()) == [history_path]


def test_two_chats_keep_each_others_messages(history_path: Path):
    ours, theirs = PromptHistory(history_path), PromptHistory(history_path)
    ours.add("ours")
    theirs.add("theirs")
    assert walk_back(PromptHistory(history_path)) == ["theirs", "ours"]


def test_broken_lines_cost_only_themselves(history_path: Path):
    history_path.parent.mkdir()
    history_path.write_text('"good"\n{"not": "text"}\nbroken\n"also good"\n')
    assert walk_back(PromptHistory(history_path)) == ["also good", "good"]


def test_a_file_that_is_no_text_is_an_empty_history(history_path: Path):
    history_path.parent.mkdir()
    history_path.write_bytes(b"\xff\xfe\x00")
    assert PromptHistory(history_path).older("") is None


def test_a_place_that_cannot_be_written_is_told_and_the_message_kept_for_this_run(tmp_path: Path):
    (tmp_path / "file").write_text("")
    history = PromptHistory(tmp_path / "file" / "history")
    with pytest.raises(OSError, match="file"):
        history.add("hello")
    assert history.older("") == "hello"


def test_the_usual_place_follows_the_xdg_variable(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_STATE_HOME", "/somewhere/state")
    assert default_path() == Path("/somewhere/state/mistralrs/prompt-history.jsonl")
