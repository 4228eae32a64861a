"""What is made and rehearsed before a session is asked for."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from sandbox import SandboxPolicy, Session
from sandbox.linux import entering, kernel, supervisor
from sandbox.linux.plan import Plan

KEPT = ("Uid", "Gid", "Cap", "NoNewPrivs", "Seccomp:")
PLAN = Plan(True, "none", 1, 1, 1, 1, 65534, 65534, "/", "/", "/", "", "/usr")


async def test_requests_that_nobody_stood_by_for_are_served_too(
    open_session: Callable[..., Awaitable[Session]],
) -> None:
    for rules in ({"network": "none"}, {"network": "loopback"}, {"mode": "off"}, {"network": "none"}, {}):
        session = await open_session(**rules)
        assert (await session.run("6 * 7")).value == "42"


@pytest.fixture
def private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that only we can enter, with a working directory in it; temporary ones come there too."""
    tmp_path.chmod(0o700)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "before").write_bytes(bytes(3 << 20))
    (tmp_path / "work").chmod(0o777)
    return tmp_path


async def test_directories_behind_a_door_that_only_the_server_can_open_are_found(private: Path) -> None:
    policy = SandboxPolicy(max_disk_mb=2, workdir=private / "work")
    async with await Session.open(policy) as session:
        await session.run("new = open('new', 'wb').write(bytes(1024))")
        assert (await session.run("import time; time.sleep(0.2); len(open('before', 'rb').read())")).value == "3145728"


def test_a_rehearsal_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def traces() -> tuple[object, ...]:
        status = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(KEPT)]
        files = sorted(os.readlink(f"/proc/self/ns/{kind}") for kind in os.listdir("/proc/self/ns"))
        return status, files, Path("/proc/self/limits").read_text(), len(os.listdir("/proc/self/fd")), os.getcwd()

    monkeypatch.chdir("/")
    before = traces()
    entering.rehearse(PLAN.to_bytes())
    supervisor.rehearse(PLAN.to_bytes())
    assert traces() == before


def test_a_system_call_is_made_again_after_a_rehearsal() -> None:
    with kernel.rehearsal():
        assert kernel.syscall("setresuid", 1, 1, 1) == os.getpid()
    assert kernel.syscall("getpid") == os.getpid()
