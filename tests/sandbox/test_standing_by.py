"""What is made and rehearsed before a session is asked for."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from sandbox import Session
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
