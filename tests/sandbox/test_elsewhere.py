"""Systems other than Linux: the text of macOS's profile, and sessions without a zygote, played on this machine.

A script stands in for `sandbox-exec`: it keeps the profile and runs the rest, so the walls themselves are not tried.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

import sandbox
from sandbox import LayerReport, SandboxPolicy, SandboxUnavailable, Session, portable, seatbelt
from sandbox.policy import Network

SYSTEM_PYTHON = Path("/usr/bin/python3")


def parse(text: str) -> list[object]:
    """Read the language of profiles: lists of words and strings."""
    tokens = re.findall(r'"(?:[^"\\]|\\.)*"|[()]|[^\s()"]+', text)
    assert "".join(tokens) == re.sub(r'("(?:[^"\\]|\\.)*")|\s', lambda found: found[1] or "", text), (
        "something is no token"
    )
    stack: list[list[object]] = [[]]
    for token in tokens:
        if token == "(":
            stack.append([])
        elif token == ")":
            inner = stack.pop()
            stack[-1].append(inner)
        else:
            stack[-1].append(re.sub(r"\\(.)", r"\1", token[1:-1]) if token.startswith('"') else token)
    assert len(stack) == 1, "brackets do not match"
    return stack[0]


def allowed(text: str, operation: str) -> list[object]:
    """What follows `operation` in the rules that allow it."""
    rules = [rule for rule in parse(text) if isinstance(rule, list) and rule[0] == "allow" and operation in rule]
    return [part for rule in rules for part in rule[1:] if isinstance(part, list)]


def test_a_profile_denies_by_default_and_allows_what_is_listed() -> None:
    text = seatbelt.profile("none", ["/opt/python"], ["/var/work"])
    rules = parse(text)
    assert rules[:2] == [["version", "1"], ["deny", "default"]]
    assert ["subpath", "/opt/python"] in allowed(text, "file-read*")
    assert ["subpath", "/opt/python"] not in allowed(text, "file-write*")
    assert allowed(text, "file-write*") == [["subpath", "/var/work"]]
    assert ["literal", "/var"] in allowed(text, "file-read-metadata")
    assert ["subpath", "/var"] not in allowed(text, "file-read*")
    assert {rule[0] for rule in rules if isinstance(rule, list)} == {"version", "deny", "import", "allow"}


@pytest.mark.parametrize(("network", "open_"), [("none", False), ("loopback", False), ("full", True)])
def test_only_the_whole_network_opens_the_network(network: Network, open_: bool) -> None:
    rules = parse(seatbelt.profile(network, [], ["/work"]))
    assert (["allow", "network*"] in rules) is open_
    assert any("network" in str(rule) for rule in rules) is open_


def test_paths_with_quotes_stay_inside_their_quotes() -> None:
    evil = '/tmp/a") (allow default) (subpath "/'
    text = seatbelt.profile("none", [], [evil, "/tmp/back\\slash"])
    assert ["subpath", evil] in allowed(text, "file-write*")
    assert ["subpath", "/tmp/back\\slash"] in allowed(text, "file-write*")
    assert ["allow", "default"] not in parse(text)


@pytest.mark.parametrize("path", ["relative", "/new\nline", "/bad\udcff"])
def test_a_path_that_cannot_be_written_down_is_refused(path: str) -> None:
    with pytest.raises(SandboxUnavailable, match="cannot be put into a sandbox profile"):
        seatbelt.profile("none", [path], [])


def test_links_are_held_against_what_they_lead_to(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    text = seatbelt.profile("none", [str(tmp_path / "link")], [])
    assert {("subpath", str(tmp_path / "link")), ("subpath", str(tmp_path / "real"))} <= {
        tuple(rule) for rule in allowed(text, "file-read*") if isinstance(rule, list)
    }


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Another Unix, and the directory in which its stand-in leaves the profile."""
    if not SYSTEM_PYTHON.exists():
        pytest.skip("needs /usr/bin/python3")
    home = Path(tempfile.mkdtemp(prefix="mistralrs-test-", dir="/tmp"))
    home.chmod(0o777)
    guest = home / "guest"
    shutil.copytree(Path(sandbox.__file__).parent / "guest", guest, ignore=shutil.ignore_patterns("__pycache__"))
    for path in (guest, *guest.iterdir()):
        path.chmod(0o755)
    stand_in = home / "sandbox-exec"
    stand_in.write_text(f'#!/bin/sh\n[ "$1" = -p ] || exit 9\nprintf %s "$2" > {home}/profile\nshift 2\nexec "$@"\n')
    stand_in.chmod(0o755)
    monkeypatch.setattr(portable, "NEEDED", True)
    monkeypatch.setattr(portable, "HERE", home)
    monkeypatch.setattr(seatbelt, "PROGRAM", str(stand_in))
    yield home
    shutil.rmtree(home)


@pytest.fixture
async def session(elsewhere: Path) -> AsyncIterator[Session]:
    async with await Session.open(SandboxPolicy(python=SYSTEM_PYTHON)) as opened:
        yield opened


async def test_a_session_runs_code_and_commands_inside_the_profile(session: Session, elsewhere: Path) -> None:
    await session.run("x = 20")
    assert (await session.run("print('out')\nx + 1")).value == "21"
    result = await session.shell("echo $((6 * 7)); exit 3")
    assert (result.stdout, result.exit_code) == ("42\n", 3)
    assert (await session.run("open('f', 'w').write('kept')\nimport os\nos.getuid() != 0")).value == "True"
    assert await session.read_file("f") == b"kept"
    rules = (elsewhere / "profile").read_text()
    assert ["subpath", str(session.working_directory)] in allowed(rules, "file-write*")


async def test_it_survives_what_code_does(session: Session) -> None:
    await session.run("x = 5")
    stopped = await session.run("while True: pass", timeout_s=0.3)
    assert (stopped.status, stopped.state_lost) == ("timeout", False)
    assert (await session.run("x")).value == "5"
    crashed = await session.run("import os\nos._exit(3)")
    assert (crashed.status, "exited with status 3" in (crashed.exception or "")) == ("crashed", True)
    assert (await session.run("import resource\nresource.getrlimit(resource.RLIMIT_NOFILE)")).value == "(1024, 1024)"
    assert "alive" in (await session.shell("echo alive")).stdout


async def test_it_says_that_it_is_narrower(session: Session) -> None:
    report = await session.report()
    assert [layer.name for layer in report.layers if layer.on] == ["sandbox profile"]
    assert {layer.name for layer in report.gaps} == {"own network", "limits", "system calls"}
    assert report.refusal is None
    assert "not limited here" in report.table()
    assert "not even a loopback" in report.facts()
    strict = LayerReport(SandboxPolicy(mode="on"), report.layers)
    assert "memory, processes and disk" in str(strict.refusal)


async def test_mode_on_refuses_what_is_narrower(elsewhere: Path) -> None:
    async with await Session.open(SandboxPolicy(mode="on", python=SYSTEM_PYTHON)) as strict:
        with pytest.raises(SandboxUnavailable, match="limits"):
            await strict.run("1")


@pytest.mark.parametrize("mode", ["auto", "on"])
async def test_without_sandbox_exec_only_off_runs(mode: str, elsewhere: Path) -> None:
    (elsewhere / "sandbox-exec").unlink()
    with pytest.raises(SandboxUnavailable, match="turn the sandbox off explicitly"):
        await Session.open(SandboxPolicy(mode=mode, python=SYSTEM_PYTHON))  # type: ignore[arg-type]
    with pytest.raises(SandboxUnavailable, match="sandbox-exec"):
        await sandbox.describe(SandboxPolicy(mode=mode))  # type: ignore[arg-type]
    async with await Session.open(SandboxPolicy(mode="off", python=SYSTEM_PYTHON)) as unconfined:
        assert (await unconfined.run("6 * 7")).value == "42"


async def test_a_system_that_is_no_unix_is_refused(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portable, "UNIX", False)
    with pytest.raises(SandboxUnavailable, match="needs Linux or macOS"):
        portable.check(SandboxPolicy(mode="off"))
