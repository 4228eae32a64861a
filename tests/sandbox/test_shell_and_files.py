"""Shell commands in a session, files read back by the server, tables, and the door without `await`."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from pathlib import Path

import pytest

from sandbox import BlockingSession, FileRefused, LayerReport, SandboxPolicy, Session, files
from sandbox.files import ProducedFile


async def test_a_command_has_output_and_an_exit_code(session: Session) -> None:
    result = await session.shell("echo out; echo err >&2; exit 3")
    assert (result.status, result.stdout, result.stderr, result.exit_code) == ("error", "out\n", "err\n", 3)
    assert (await session.shell("true")).exit_code == 0
    assert (await session.shell("kill -9 $$")).exit_code == -9


async def test_commands_and_python_share_files_and_nothing_else(session: Session) -> None:
    await session.run("import os\nos.environ['X'] = '1'\nos.mkdir('d')\nos.chdir('d')\nx = 5")
    result = await session.shell('pwd; echo "[$X]"; echo shared > f; cd d')
    assert result.stdout == f"{session.working_directory}\n[]\n"
    assert (await session.run("x, open('../f').read()")).value == "(5, 'shared\\n')"


async def test_a_command_is_behind_the_same_walls(session: Session, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    for path in (secret, *tmp_path.parents[:2], tmp_path):
        path.chmod(0o755)
    result = await session.shell(f"cat {secret}; id -u; cat /etc/shadow")
    assert "secret" not in result.stdout
    assert result.stdout.strip() != "0"


async def test_a_command_that_takes_too_long_ends_with_all_it_started_and_variables_stay(session: Session) -> None:
    await session.run("x = 5")
    result = await session.shell("echo begun; (sleep 1000 &) ; sleep 1000", timeout_s=0.5)
    assert (result.status, result.stdout, result.state_lost) == ("timeout", "begun\n", False)
    left = "import os\n[p for p in os.listdir('/proc') if p.isdigit() and 'sleep' in open(f'/proc/{p}/comm').read()]"
    assert (await session.run(left)).value == "[]"
    assert (await session.run("x")).value == "5"


async def test_odd_commands_do_not_break_the_session(session: Session) -> None:
    for command in ("", "\0", "\ud800", "if", "echo " + "x" * 200_000, "exec 1>&-; echo"):
        assert (await session.shell(command)).status in ("ok", "error")
    assert (await session.shell("echo fine")).stdout == "fine\n"


async def test_files_of_the_last_call_are_named_and_read(session: Session) -> None:
    await session.run("import os\nopen('old', 'w').write('1')")
    assert await session.produced_files() == (ProducedFile("old", 1),)
    await asyncio.to_thread(lambda: os.utime(session.working_directory / "old", (1, 1)))
    await session.run("1")
    await session.run(
        "os.makedirs('d/e')\nopen('d/e/new.bin', 'wb').write(bytes(10))\nopen('.hidden', 'w').close()\n"
        "os.symlink('/etc/passwd', 'link')\nos.mkfifo('pipe')\nos.mkdir('__pycache__')\n"
        "open('__pycache__/x', 'w').close()"
    )
    assert ProducedFile("d/e/new.bin", 10) in await session.produced_files()
    assert {file.name for file in await session.produced_files()} <= {"d/e/new.bin", "old"}
    assert await session.read_file("d/e/new.bin") == bytes(10)


TRAPS = {
    "a link": "os.symlink(SECRET, 'x')",
    "a link to a directory": "os.symlink(os.path.dirname(SECRET), 'd')",
    "a link in its own directory": "open('y', 'w').close(); os.symlink('y', 'x')",
    "a pipe that would make us wait": "os.mkfifo('x')",
    "a socket": "import socket; socket.socket(socket.AF_UNIX).bind('x')",
    "a directory": "os.mkdir('x')",
    "a file with two names": "open('y', 'w').close(); os.link('y', 'x')",
    "a file that is too large": "open('x', 'wb').truncate(2**27)",
    "a magic link": "os.symlink('/proc/self/root', 'x')",
    "a way up": "os.makedirs('d/e'); os.symlink('../../..', 'd/e/x')",
}


@pytest.mark.parametrize("name", TRAPS)
async def test_the_server_does_not_step_into(name: str, session: Session, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    made = await session.run(f"import os\nSECRET = {str(secret)!r}\n{TRAPS[name]}")
    assert made.status == "ok", made.exception
    for path in ("x", "d/secret", "d/e/x/secret", f"x{secret}"):
        with pytest.raises((FileRefused, FileNotFoundError)):
            await session.read_file(path)


@pytest.mark.parametrize("path", ["", "/etc/passwd", "../x", "a/../../x", "a\0b", "."])
async def test_a_path_that_leads_elsewhere_is_refused(path: str, session: Session) -> None:
    with pytest.raises(FileRefused):
        await session.read_file(path)


async def test_a_file_exchanged_for_a_link_again_and_again_never_leads_out(session: Session, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    swap = (
        "import os, threading\nopen('good', 'w').write('good')\nos.symlink(SECRET, 'bad')\nstop = False\n"
        "def swap():\n  while not stop:\n    for n in ('good', 'bad'):\n"
        "      os.path.lexists('t') and os.unlink('t')\n"
        "      os.symlink(SECRET, 't') if n == 'bad' else open('t', 'w').write('good')\n      os.replace('t', 'x')\n"
        "threading.Thread(target=swap, daemon=True).start()"
    )
    await session.run(f"SECRET = {str(secret)!r}\n{swap}")
    seen: set[bytes] = set()
    for _ in range(300):
        try:
            seen.add(await session.read_file("x"))
        except (FileRefused, FileNotFoundError):
            seen.add(b"refused")
    assert b"secret" not in seen
    assert seen <= {b"good", b"", b"refused"}


async def test_a_file_is_put_where_the_code_can_read_and_change_it(session: Session) -> None:
    await session.write_file("data/ünï.csv", b"a\n1\n")
    await session.write_file("run.sh", b"echo hi\n", executable=True)
    change = "import os\np = 'data/ünï.csv'\nopen(p, 'a').write('2\\n')\nopen(p).read(), os.listdir('data')"
    assert (await session.run(change)).value == "('a\\n1\\n2\\n', ['ünï.csv'])"
    assert (await session.shell("sh -c ./run.sh; rm -r data run.sh; ls")).stdout == "hi\n"


async def test_putting_a_file_never_replaces_one_and_never_leads_out(session: Session, tmp_path: Path) -> None:
    made = await session.run(
        f"import os\nopen('mine', 'w').write('mine')\nos.symlink({str(tmp_path)!r}, 'd')\n"
        f"os.symlink({str(tmp_path / 'new')!r}, 'link')\nos.mkfifo('pipe')"
    )
    assert made.status == "ok", made.exception
    for name in ("mine", "link", "pipe", "d"):
        with pytest.raises(FileExistsError):
            await session.write_file(name, b"theirs")
    for name in ("d/new", "mine/new", "../new", "/new", "a/../../new", "", ".", "a\0b", "\ud800", "x" * 300):
        with pytest.raises(FileRefused):
            await session.write_file(name, b"theirs")
    assert os.listdir(tmp_path) == []
    assert await session.read_file("mine") == b"mine"


async def test_names_that_are_no_text_are_not_reported(session: Session) -> None:
    await session.run("open(b'\\xff.txt', 'w').close(); open('fine.txt', 'w').close(); open('m.pyc', 'w').close()")
    assert [file.name for file in await session.produced_files()] == ["fine.txt"]


def test_a_file_for_which_there_is_no_room_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fchown", full)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(FileRefused, match="No space"):
        files.write(tmp_path, "f", b"x", (os.getuid(), os.getgid()))
    assert os.listdir(tmp_path) == []
    assert len(os.listdir("/proc/self/fd")) == before


def test_without_openat2_each_part_of_a_path_is_opened_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object) -> int:
        raise OSError(errno.ENOSYS, "no such call")

    monkeypatch.setattr(files, "syscall", missing)
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "f").write_text("here")
    (tmp_path / "link").symlink_to("d")
    (tmp_path / "d" / "l").symlink_to("f")
    before = len(os.listdir("/proc/self/fd"))
    assert files.read(tmp_path, "d/f") == b"here"
    for name in ("link/f", "d/l", "d"):
        with pytest.raises(FileRefused):
            files.read(tmp_path, name)
    assert len(os.listdir("/proc/self/fd")) == before


def test_looking_for_files_ends_in_a_forest(tmp_path: Path) -> None:
    for n in range(300):
        (tmp_path / f"f{n}").touch()
    assert len(files.changed_since(tmp_path, 0)) == files.MAX_FILES


async def test_a_frame_comes_back_as_a_table_and_a_large_one_is_cut(session: Session) -> None:
    pytest.importorskip("pandas")
    result = await session.run("import pandas as pd\npd.DataFrame({'a': [1, 2], 'b': ['x', 'y']})", timeout_s=60)
    assert result.table is not None
    assert result.table.columns == ("index", "a", "b")
    assert result.table.rows == (("0", "1", "x"), ("1", "2", "y"))
    large = (await session.run("pd.Series(range(100_000))")).table
    assert large is not None
    assert (len(large.rows), large.total_rows, large.total_columns) == (100, 100_000, 1)
    assert (await session.run("1")).table is None


def test_the_blocking_door_does_the_same_and_leaves_no_thread(machine: LayerReport) -> None:
    if machine.refusal:
        pytest.skip(machine.refusal)
    before = threading.active_count()
    with BlockingSession.open(SandboxPolicy(timeout_s=10)) as session:
        assert session.run("x = 2\nx * 21").value == "42"
        assert session.shell("echo $((x = 3)) > f; cat f").stdout == "3\n"
        assert session.read_file("f") == b"3\n"
        assert [file.name for file in session.produced_files()] == ["f"]
        session.reset()
        assert session.run("'x' in globals()").value == "False"
    assert threading.active_count() == before
