"""Machines that lack a layer, ordinary users, and what the report says about them.

A system call filter of our own takes the layer away in a child process; an ordinary user is played by one, with the
system's Python, because the sandbox needs nothing but the standard library.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

import sandbox
from sandbox import LayerReport, SandboxPolicy

SYSTEM_PYTHON = Path("/usr/bin/python3")
SCRIPT = """
import asyncio, dataclasses, json, os, sys
sys.path.insert(0, sys.argv[1])
refused, uid, rules, code = json.loads(sys.argv[2])
from sandbox import SandboxPolicy, SandboxUnavailable, Session, describe
from sandbox.linux import kernel, seccomp
if refused:
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    seccomp.Filter(seccomp.build(True, kernel.machine_index(), refused)).install()
if uid is not None:
    os.setgroups([]); os.setgid(uid); os.setuid(uid)
async def main():
    report = await describe(SandboxPolicy(**rules))
    told = {"off": [layer.name for layer in report.gaps], "breaches": report.breaches, "refusal": report.refusal}
    async with await Session.open(SandboxPolicy(**rules)) as session:
        try:
            told["results"] = [dataclasses.asdict(await session.run(cell)) for cell in code]
        except SandboxUnavailable as error:
            told["unavailable"] = str(error)
    print(json.dumps(told, default=str))
asyncio.run(main())
"""


def on_a_lesser_machine(
    tmp_path: Path, refused: list[str], code: list[str], uid: int | None = None, **rules: object
) -> dict[str, object]:
    """Run `code` where these system calls fail, as this user (None: ours); return what was told and done."""
    if not SYSTEM_PYTHON.exists() or (os.geteuid() != 0 and uid is not None):
        pytest.skip("needs root and /usr/bin/python3")
    version = subprocess.run(
        [SYSTEM_PYTHON, "-c", "import sys; print(sys.version_info >= (3, 11))"], capture_output=True, check=True
    )
    if b"True" not in version.stdout:
        pytest.skip("the system's Python is older than 3.11")
    home = Path(os.path.realpath("/tmp")) / f"mistralrs-test-{os.getpid()}"  # reachable by every user
    shutil.copytree(Path(sandbox.__file__).parent, home / "sandbox", ignore=shutil.ignore_patterns("__pycache__"))
    try:
        for path in (home, *home.rglob("*")):
            path.chmod(0o755)
        message = json.dumps([refused, uid, rules, code])
        done = subprocess.run(
            [SYSTEM_PYTHON, "-c", SCRIPT, str(home), message], capture_output=True, text=True, timeout=100, check=False
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)
    finally:
        shutil.rmtree(home)


CELLS = [
    "x = 1\nimport os\nos.getuid()",
    "x + 1",
    "open('/etc/hostname').read()",
    "open('a', 'w').write('1')\nimport tempfile\ntempfile.TemporaryFile().write(b'1')",
    "import socket\nsocket.socket(socket.AF_INET)",
    "import os, signal\nos.kill(os.getppid(), 0)",
]


def test_an_ordinary_user_has_every_layer(tmp_path: Path, machine: LayerReport) -> None:
    told = on_a_lesser_machine(tmp_path, [], CELLS, uid=12345, mode="auto")
    if told["off"] and machine.gaps == ():
        pytest.skip(f"ordinary users of this machine lack {told['off']}")
    assert (told["off"], told["breaches"], told["refusal"]) == ([], [], None)
    values = [result["value"] for result in told["results"]]  # type: ignore[union-attr, index]
    assert values[:2] == ["12345", "2"]
    assert values[2] is None
    assert values[3] == "1"


@pytest.mark.parametrize("uid", [None, 12345])
def test_without_namespaces_files_and_network_are_still_closed(
    tmp_path: Path, uid: int | None, machine: LayerReport
) -> None:
    if not any(layer.name == "landlock" and layer.on for layer in machine.layers):
        pytest.skip("this machine has no Landlock")
    told = on_a_lesser_machine(tmp_path, ["unshare"], CELLS, uid=uid, mode="auto")
    assert told["off"] == ["namespaces", "own root", "own network"]
    assert (told["breaches"], told["refusal"]) == ([], None)
    results = told["results"]
    values = [result["value"] for result in results]  # type: ignore[union-attr, index]
    assert values[0] != "0"
    assert values[1] == "2"
    assert values[2] is None
    assert values[3] == "1"
    assert "OSError" in results[4]["exception"]  # type: ignore[index]
    assert "PermissionError" in results[5]["exception"]  # type: ignore[index]


def test_mode_on_refuses_a_machine_without_namespaces(tmp_path: Path) -> None:
    told = on_a_lesser_machine(tmp_path, ["unshare"], ["1"], mode="on")
    assert "namespaces" in str(told["unavailable"])
    assert "kernel.apparmor_restrict_unprivileged_userns" in str(told["unavailable"])


def test_mode_auto_refuses_a_machine_that_can_isolate_no_files(tmp_path: Path) -> None:
    told = on_a_lesser_machine(tmp_path, ["unshare", "landlock_create_ruleset"], ["1"], mode="auto")
    assert "cannot isolate files" in str(told["unavailable"])


def test_landlock_alone_missing_leaves_the_other_walls(tmp_path: Path, machine: LayerReport) -> None:
    if machine.gaps:
        pytest.skip("this machine lacks a layer already")
    told = on_a_lesser_machine(tmp_path, ["landlock_create_ruleset"], CELLS, mode="auto")
    assert (told["off"], told["breaches"], told["refusal"]) == (["landlock"], [], None)


def test_the_descendants_of_a_session_without_namespaces_are_hunted_down(tmp_path: Path) -> None:
    marker = f"96{os.getpid()}"
    code = [f"import subprocess\nsubprocess.Popen(['setsid', '-f', 'sleep', '{marker}'])\n1"]
    told = on_a_lesser_machine(tmp_path, ["unshare"], code, mode="auto")
    assert told["results"][0]["value"] == "1"  # type: ignore[index]
    assert (
        marker not in subprocess.run(["ps", "axww", "-o", "args="], capture_output=True, text=True, check=True).stdout
    )


@pytest.mark.parametrize("rule", [{"mode": "maybe"}, {"network": "lan"}, {"max_memory_mb": 0}, {"timeout_s": -1}])
def test_a_rule_that_makes_no_sense_is_refused(rule: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(rule))):
        SandboxPolicy(**rule)  # type: ignore[arg-type]
