"""What the first process of a session decides; its life is tested through sessions."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.linux.plan import Plan
from sandbox.linux.supervisor import Supervisor


@pytest.mark.parametrize(("written", "looks"), [(5_000, 0), (20_000, 1)])
def test_the_disk_is_looked_at_before_its_time_when_it_fills(
    written: int, looks: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = str(tmp_path)
    plan = Plan(True, "none", 2**40, 10**6, 9, 10_000, 0, 0, directory, directory, directory, "", "/usr")
    supervisor = Supervisor(0, plan, own_processes=False, own_root=False, disk_before=(0, 0))
    supervisor.last_looked = (0, 0.0, 0)  # as `run` begins
    free = 10**9
    seen: list[int] = []
    monkeypatch.setattr(supervisor, "_traces", lambda: (1, 0.0, free))
    monkeypatch.setattr(supervisor, "_free_bytes", lambda: free)
    supervisor._watch()  # the first look is due at once
    monkeypatch.setattr(supervisor, "_watch_disk", seen.append)
    supervisor.next_disk_look = float("inf")
    free -= written
    supervisor._watch()
    assert len(seen) == looks
