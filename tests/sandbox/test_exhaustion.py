"""Resources that are spread over many places: files in memory, names, children, locks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from sandbox import Session

OpenSession = Callable[..., Awaitable[Session]]
pytestmark = pytest.mark.usefixtures("whole_sandbox")


async def test_files_in_shared_memory_are_a_quarter_of_the_memory_at_most(open_session: OpenSession) -> None:
    session = await open_session(max_memory_mb=100)
    code = (
        "written = 0\ntry:\n  for n in range(9):\n    with open(f'/dev/shm/{n}', 'wb', 0) as f:\n"
        "      for _ in range(10): written += f.write(bytes(2**20))\nexcept OSError: pass\nwritten >> 20"
    )
    assert 20 <= int((await session.run(code)).value or 0) <= 25


async def test_names_in_shared_memory_are_counted(session: Session) -> None:
    code = "n = 0\ntry:\n  while n < 12_000: open(f'/dev/shm/{n}', 'w').close(); n += 1\nexcept OSError: pass\nn"
    assert 5_000 < int((await session.run(code)).value or 0) <= 10_000


async def test_files_without_a_name_count_as_long_as_they_are_held(open_session: OpenSession) -> None:
    session = await open_session(max_disk_mb=20)
    code = (
        "import os, time\nheld = []\nfor n in range(40):\n  f = open('f', 'wb', 0); f.write(bytes(2**20))\n"
        "  os.unlink('f'); held.append(f)\ntime.sleep(100)"
    )
    assert "20 MiB of files" in ((await session.run(code)).exception or "")


async def test_the_cpu_of_children_counts_together(open_session: OpenSession) -> None:
    session = await open_session(max_cpu_secs=1)
    code = (
        "import os, time\nfor _ in range(1000):\n  pid = os.fork()\n  if pid == 0:\n"
        "    while time.process_time() < 0.4: pass\n    os._exit(0)\n  os.waitpid(pid, 0)"
    )
    result = await session.run(code, timeout_s=300)
    assert (result.status, "CPU seconds" in (result.exception or "")) == ("crashed", True)


async def test_locks_that_nobody_lets_go_end_with_their_session(open_session: OpenSession) -> None:
    first = await open_session()
    await first.run(
        "import multiprocessing as m\nlocks = [m.Lock() for _ in range(50)]\n[lock.acquire() for lock in locks]"
    )
    await first.close()
    second = await open_session()
    assert (await second.run("import os\nos.listdir('/dev/shm')")).value == "[]"
