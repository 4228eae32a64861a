"""Timeouts, cancelling, crashes, limits: every call comes back, and the next one works."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

import sandbox
from sandbox import SandboxPolicy, SandboxUnavailable, Session, SessionClosed
from sandbox.output import HEAD_BYTES, TAIL_BYTES
from sandbox.workspace import remove_tree

OpenSession = Callable[..., Awaitable[Session]]


def processes_with(marker: str) -> list[int]:
    """Processes of this machine whose command line holds `marker`."""
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and marker.encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


async def test_code_that_runs_too_long_is_interrupted_and_keeps_its_variables(session: Session) -> None:
    await session.run("x = 5")
    result = await session.run("print('begun')\nwhile True: pass", timeout_s=0.3)
    assert (result.status, result.interrupted, result.state_lost) == ("timeout", True, False)
    assert result.stdout == "begun\n"
    assert "variables are kept" in (result.exception or "")
    assert (await session.run("x")).value == "5"


async def test_code_that_ignores_the_interrupt_is_ended_and_the_loss_is_told(session: Session) -> None:
    await session.run("x = 5\nopen('kept', 'w').write('1')")
    code = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass"
    result = await session.run(code, timeout_s=0.2)
    assert (result.status, result.state_lost) == ("timeout", True)
    assert "variables of earlier calls are gone" in (result.exception or "")
    after = await session.run("import os\n'x' in globals(), os.path.exists('kept')")
    assert (after.value, after.state_lost) == ("(False, True)", False)


async def test_a_timeout_ends_grandchildren_too(session: Session) -> None:
    marker = f"sleep 98{os.getpid()}"
    code = f"import subprocess\nsubprocess.run(['sh', '-c', '{marker} & {marker}; true'])"
    result = await session.run(code, timeout_s=0.5)
    assert result.status == "timeout"
    assert processes_with(marker.replace(" ", "\0")) == []


async def test_a_daemon_does_not_outlive_its_session(open_session: OpenSession) -> None:
    session = await open_session()
    marker = f"97{os.getpid()}"
    await session.run(
        f"import os, subprocess\nsubprocess.run(['setsid', '-f', 'sh', '-c', 'touch begun; sleep {marker}; true'])\n"
        "while not os.path.exists('begun'): pass"
    )
    assert processes_with(marker)
    await session.close()
    assert processes_with(marker) == []


async def test_cancelling_the_caller_stops_the_code_and_keeps_the_session(session: Session) -> None:
    await session.run("x = 7")
    begun = asyncio.Event()
    code = "import subprocess\nprint('begun')\nsubprocess.run(['sleep', '1000'])"
    call = asyncio.create_task(session.run(code, on_output=lambda *_: begun.set()))
    await asyncio.wait_for(begun.wait(), 20)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    result = await session.run("x")
    assert (result.value, result.stdout, result.state_lost) == ("7", "", False)


async def test_cancelling_stubborn_code_ends_it_and_the_next_result_tells_the_loss(session: Session) -> None:
    begun = asyncio.Event()
    code = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nprint('begun')\nwhile True: pass"
    call = asyncio.create_task(session.run(code, on_output=lambda *_: begun.set()))
    await asyncio.wait_for(begun.wait(), 20)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    result = await session.run("1")
    assert (result.status, result.state_lost) == ("ok", True)
    assert "cancelled" in result.notes[0]


CRASHES = {
    "os._exit": ("import os; os._exit(3)", "exited with status 3"),
    "segmentation fault": ("import ctypes; ctypes.string_at(0)", "SIGSEGV"),
    "kill itself": ("import os; os.kill(os.getpid(), 9)", "SIGKILL"),
    "exec another program": ("import os; os.execv('/bin/true', ['true'])", "exited with status 0"),
    "abort": ("import os; os.abort()", "SIGABRT"),
    "close every descriptor": ("import os; os.closerange(0, 4096)", ""),
    "builtins deleted": ("import builtins\nfor n in dir(builtins): delattr(builtins, n)", ""),
    "garbage on the control socket": (
        "import os\nfor fd in range(3, 1024):\n  try: os.write(fd, b'\\xff' * 64)\n  except OSError: pass",
        "protocol",
    ),
    "a forged answer on the control socket": (
        'import os, struct\nbody = b\'{"status": "ok", "value": "forged"}\'\n'
        "for fd in range(3, 1024):\n  try: os.write(fd, struct.pack('>I16s', len(body), bytes(16)) + body)\n"
        "  except OSError: pass",
        "protocol",
    ),
}


@pytest.mark.parametrize("name", CRASHES)
@pytest.mark.usefixtures("whole_sandbox")
async def test_an_interpreter_that_breaks_is_told_and_replaced(name: str, session: Session) -> None:
    code, words = CRASHES[name]
    await session.run("open('kept', 'w').write('1')")
    result = await session.run(code)
    after = await session.run("open('kept').read()")
    assert after.value == "'1'"
    if result.status == "crashed":
        assert result.state_lost
        assert words in (result.exception or "")
    else:  # it could still answer; it must not have claimed what it did not do
        assert name in ("close every descriptor", "builtins deleted")
    assert result.value is None


async def test_a_forked_copy_never_answers(session: Session) -> None:
    result = await session.run("import os\npid = os.fork()\n'child' if pid == 0 else 'parent'")
    assert result.value == "'parent'"
    assert [(await session.run(str(n))).value for n in range(3)] == ["0", "1", "2"]


async def test_a_hundred_megabytes_of_output_are_cut_in_the_middle(session: Session) -> None:
    result = await session.run("print('first')\nfor _ in range(100): print('x' * 1_000_000)\nprint('last')")
    assert result.status == "ok"
    assert len(result.stdout) < HEAD_BYTES + TAIL_BYTES + 100
    assert result.stdout.startswith("first\n")
    assert result.stdout.endswith("last\n")
    assert "bytes left out" in result.stdout


async def test_an_endless_repr_and_an_endless_message_are_cut(session: Session) -> None:
    assert len((await session.run("'x' * 50_000_000")).value or "") < 25_000
    assert len((await session.run("raise ValueError('x' * 50_000_000)")).exception or "") < 25_000


async def test_a_repr_that_raises_is_an_error_of_the_code(session: Session) -> None:
    result = await session.run("class A:\n  def __repr__(self): raise BaseException('no')\nA()")
    assert result.status == "error"
    assert (await session.run("1")).value == "1"


async def test_memory_beyond_the_limit_is_an_error(open_session: OpenSession) -> None:
    session = await open_session(max_memory_mb=512)
    result = await session.run("x = bytearray(10 * 2**30)")
    assert "MemoryError" in (result.exception or "")
    assert (await session.run("1")).value == "1"


@pytest.mark.usefixtures("whole_sandbox")
async def test_memory_of_all_processes_together_is_limited(open_session: OpenSession) -> None:
    session = await open_session(max_memory_mb=300)
    code = (
        "import os, time\nfor _ in range(8):\n  if os.fork() == 0:\n    x = bytearray(b'1') * (100 * 2**20)\n"
        "    time.sleep(100)\ntime.sleep(100)"
    )
    result = await session.run(code)
    assert (result.status, result.state_lost) == ("crashed", True)
    assert "300 MiB of memory" in (result.exception or "")


@pytest.mark.usefixtures("whole_sandbox")
async def test_memory_that_processes_share_is_limited_too(open_session: OpenSession) -> None:
    session = await open_session(max_memory_mb=300)
    code = (
        "import mmap, os, time\nfor _ in range(4):\n  if os.fork() == 0:\n    m = mmap.mmap(-1, 150 * 2**20)\n"
        "    for n in range(0, len(m), 4096): m[n] = 1\n    time.sleep(100)\ntime.sleep(100)"
    )
    result = await session.run(code)
    assert "300 MiB of memory" in (result.exception or "")


@pytest.mark.usefixtures("whole_sandbox")
async def test_a_process_that_hides_the_files_it_holds_is_ended(session: Session) -> None:
    code = (
        "import ctypes, os, time\npid = os.fork()\nif pid == 0:\n  f = open('held', 'wb')\n  os.unlink('held')\n"
        "  ctypes.CDLL(None).prctl(4, 0)\n  time.sleep(100)\nos.waitpid(pid, 0)[1]"
    )
    assert (await session.run(code)).value == "9"


@pytest.mark.usefixtures("whole_sandbox")
async def test_a_fork_bomb_is_bounded(open_session: OpenSession) -> None:
    session = await open_session(max_procs=20)
    code = (
        "import os, time\nchildren = 0\ntry:\n  while True:\n    if os.fork() == 0: time.sleep(100)\n"
        "    children += 1\nexcept BlockingIOError: pass\nchildren"
    )
    result = await session.run(code)
    assert 5 < int(result.value or 0) <= 20


@pytest.mark.usefixtures("whole_sandbox")
async def test_an_exponential_fork_bomb_ends_with_its_call(session: Session) -> None:
    code = "import os\nwhile True:\n  try: os.fork()\n  except OSError: pass"
    assert (await session.run(code, timeout_s=1)).status in ("timeout", "crashed")
    assert (await session.run("1")).value == "1"


@pytest.mark.usefixtures("whole_sandbox")
async def test_files_beyond_the_limit_end_the_session(open_session: OpenSession) -> None:
    session = await open_session(max_disk_mb=20)
    code = "n = 0\nwhile True:\n  n += 1\n  with open(f'f{n}', 'wb') as f: f.write(bytes(2**20))"
    result = await session.run(code)
    assert result.status == "crashed"
    assert "20 MiB of files" in (result.exception or "")


@pytest.mark.usefixtures("whole_sandbox")
async def test_disk_taken_without_work_is_noticed(open_session: OpenSession) -> None:
    session = await open_session(max_disk_mb=20)
    code = "import os, time\nos.posix_fallocate(os.open('f', os.O_CREAT | os.O_WRONLY), 0, 30 << 20)\ntime.sleep(60)"
    result = await session.run(code)
    assert result.status == "crashed"
    assert "20 MiB of files" in str(result.exception)


async def test_sessions_draw_different_random_numbers(open_session: OpenSession) -> None:
    drawn = [(await (await open_session()).run("import random\nrandom.random()")).value for _ in range(2)]
    assert drawn[0] != drawn[1]


@pytest.mark.usefixtures("whole_sandbox")
async def test_cpu_beyond_the_limit_is_an_exception(open_session: OpenSession) -> None:
    session = await open_session(max_cpu_secs=1)
    result = await session.run("while True: pass")
    assert "CPU seconds" in (result.exception or "")


async def test_reset_forgets_variables_and_keeps_files(session: Session) -> None:
    await session.run("x = 1\nopen('kept', 'w').write('1')")
    await session.reset()
    result = await session.run("'x' in globals(), open('kept').read()")
    assert (result.value, result.state_lost) == ("(False, '1')", False)


async def test_closing_removes_every_file_and_refuses_further_calls(open_session: OpenSession) -> None:
    session = await open_session()
    await session.run("import os\nos.makedirs('a/b/c')\nos.chmod('a/b', 0)\nos.mkdir('locked', 0)")
    base = session.workspace.base
    await session.close()
    assert not base.exists()
    with pytest.raises(SessionClosed):
        await session.run("1")


def test_a_very_deep_directory_can_be_removed(tmp_path: Path) -> None:
    top = tmp_path / "top"
    top.mkdir()
    here = os.open(top, os.O_RDONLY)
    for _ in range(1100):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    remove_tree(top)
    assert not top.exists()


async def test_closing_ends_a_call_in_progress(open_session: OpenSession) -> None:
    session = await open_session()
    begun = asyncio.Event()
    call = asyncio.create_task(session.run("print(1)\nwhile True: pass", on_output=lambda *_: begun.set()))
    await asyncio.wait_for(begun.wait(), 20)
    await session.close()
    assert (await call).status == "crashed"


async def test_the_user_can_name_the_working_directory(open_session: OpenSession, tmp_path: Path) -> None:
    session = await open_session(workdir=tmp_path / "mine")
    result = await session.run("import os\nopen('a', 'w').write('b')\nos.getcwd()")
    assert result.value == repr(str(tmp_path / "mine"))
    await session.close()
    assert (tmp_path / "mine" / "a").read_text() == "b"


async def test_a_directory_of_the_system_is_refused_as_working_directory() -> None:
    with pytest.raises(SandboxUnavailable, match="'/usr'"):
        await Session.open(SandboxPolicy(workdir=Path("/usr")))


async def test_many_sessions_leave_no_descriptor_behind(open_session: OpenSession) -> None:
    await (await open_session()).close()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        session = await open_session()
        await session.run("1")
        await session.close()
    assert len(os.listdir("/proc/self/fd")) == before


SERVER = """
import asyncio, sys
sys.path.insert(0, sys.argv[1])
from sandbox import Session
async def main():
    session = await Session.open()
    await session.run("import time\\nprint(1)\\ntime.sleep(1000)", on_output=lambda *_: print("begun", flush=True))
asyncio.run(main())
"""


@pytest.mark.usefixtures("whole_sandbox")
def test_a_server_that_is_killed_leaves_no_process_behind() -> None:
    command = [sys.executable, "-c", SERVER, str(Path(sandbox.__file__).parent.parent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == b"begun\n"
        descendants = children_of(server.pid)
        handles = handles_of(descendants)
        base = next(place.parent for place in places_of(descendants) if place.name == "work")
        server.kill()
        for handle in handles:
            assert select.select([handle], [], [], 20)[0], "a process of the session is still alive"
            os.close(handle)
    remove_tree(base)


async def test_when_what_sessions_start_from_is_killed_the_next_session_starts_all_the_same(
    open_session: OpenSession,
) -> None:
    await (await open_session()).run("1")
    for handle in handles_of(children_of(os.getpid())):
        with contextlib.suppress(ProcessLookupError):  # it ended with another
            signal.pidfd_send_signal(handle, signal.SIGKILL)
        assert select.select([handle], [], [], 20)[0]
        os.close(handle)
    assert (await (await open_session()).run("6 * 7")).value == "42"


def children_of(pid: int) -> list[int]:
    """Descendants, parents first."""
    found: list[int] = []
    with contextlib.suppress(FileNotFoundError):  # it ended meanwhile
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in map(int, (task / "children").read_text().split()):
                found += [child, *children_of(child)]
    return found


def handles_of(pids: list[int]) -> list[int]:
    """Descriptors of those that still run."""
    found: list[int] = []
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            found.append(os.pidfd_open(pid))
    return found


def places_of(pids: list[int]) -> list[Path]:
    """Where those that still run work."""
    found: list[Path] = []
    for pid in pids:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            found.append(Path(os.readlink(f"/proc/{pid}/cwd")))
    return found
