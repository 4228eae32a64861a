"""What `mistralrs bench sandbox` measures."""

from __future__ import annotations

import os

import pytest

from sandbox import SandboxPolicy
from sandbox.measure import measure


@pytest.mark.usefixtures("whole_sandbox")
async def test_sessions_are_measured_and_leave_nothing_behind() -> None:
    figures = {figure.name: figure for figure in await measure(SandboxPolicy(), 3)}
    first, call = figures["session: open to first result"], figures["call: round trip"]
    assert (first.count, call.count, figures["session: close, everything gone"].count) == (3, 15, 3)
    assert 0 < call.median < first.median
    assert figures["bare session: open to first result"].median > 0
    assert [figure.median for name, figure in figures.items() if name.startswith("left behind")] == [0, 0, 0, 0]
    if os.geteuid() == 0:  # others may not read how much memory the first process has
        assert 0 < figures["private memory of a fresh idle session"].median < 4
