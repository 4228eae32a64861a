"""After sabotage every call still comes back with something that can be told, and the session can be used."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from sandbox import Result, Session
from tests.sandbox.sabotage import SABOTAGE

PATIENCE_S = 0.5
NEEDS = {"PIL": "PIL", "pandas": "pandas", "pyplot": "matplotlib"}
ORDINARY = (
    "import json, os, threading\nprint('still')\nopen('proof', 'w').write('x')\n"
    "thread = threading.Thread(target=len, args=('x',))\nthread.start(); thread.join()\njson.dumps([6 * 7])"
)


def check_that_it_can_be_told(result: Result) -> None:
    """Every part has the type it says and goes into JSON, and all of it together is small."""
    assert result.status in ("ok", "error", "timeout", "crashed")
    told = {**asdict(result), "images": len(result.images), "working_directory": str(result.working_directory)}
    assert len(json.dumps(told, ensure_ascii=False, allow_nan=False).encode()) < 2**20
    assert all(text is None or isinstance(text, str) for text in (result.value, result.exception, result.value_type))
    assert result.status == "ok" or result.exception or result.exit_code


@pytest.mark.usefixtures("whole_sandbox")
@pytest.mark.parametrize("name", SABOTAGE)
async def test_the_session_goes_on_after(name: str, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.session.INTERRUPT_GRACE_S", PATIENCE_S)
    code = SABOTAGE[name]
    for words, package in NEEDS.items():
        if words in code:
            pytest.importorskip(package)
    patience_s = 30 if "import pandas" in code or "pyplot" in code or "PIL" in code else PATIENCE_S
    check_that_it_can_be_told(await session.run(code, timeout_s=patience_s))
    check_that_it_can_be_told(await session.run("6 * 7", timeout_s=PATIENCE_S))
    for produced in await session.produced_files():
        produced.name.encode()
    check_that_it_can_be_told(await session.shell("echo alive", timeout_s=PATIENCE_S))
    await session.reset()
    result = await session.run(ORDINARY)
    assert (result.status, result.value, result.stdout) == ("ok", "'[42]'", "still\n"), result
    assert (await session.shell("echo alive")).stdout == "alive\n"


@pytest.mark.usefixtures("whole_sandbox")
@pytest.mark.parametrize("name", ["an audit hook that refuses everything", "modules forgotten", "an own pandas"])
async def test_no_reset_is_needed_after(name: str, session: Session) -> None:
    await session.run(SABOTAGE[name])
    assert (await session.run("6 * 7")).value == "42"


@pytest.mark.usefixtures("whole_sandbox")
async def test_a_table_too_large_to_tell_leaves_the_value_and_says_so(session: Session) -> None:
    pytest.importorskip("pandas")
    result = await session.run("x = 5\n" + SABOTAGE["a table too large to tell"], timeout_s=60)
    assert (result.status, result.table) == ("ok", None)
    assert "left out: too large" in (result.value or "")
    assert (await session.run("x")).value == "5"


@pytest.mark.usefixtures("whole_sandbox")
async def test_pictures_too_large_to_open_are_left_out_and_counted(session: Session) -> None:
    result = await session.run(SABOTAGE["pictures too large to open"])
    assert result.images == ()
    assert "16 pictures were left out" in result.notes[0]


ODD_NAMES = ("new\nline", "\x1b]0;title\x07", "\x85", "bad\udcff", "tab\t", "\u202egnp.exe", " ", "-rf", "ünï 🙂.txt")


@pytest.mark.usefixtures("whole_sandbox")
async def test_names_that_would_harm_a_terminal_or_json_are_not_told(session: Session) -> None:
    made = await session.run(f"for name in {ODD_NAMES!r}: open(name, 'w').write('x')")
    assert made.status == "ok"
    names = {file.name for file in await session.produced_files()}
    assert names == {"\u202egnp.exe", " ", "-rf", "ünï 🙂.txt"}
    assert await session.read_file("-rf") == b"x"
