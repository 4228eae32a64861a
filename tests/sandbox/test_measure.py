"""What `mistralrs bench sandbox` measures."""

from __future__ import annotations

import pytest

from sandbox import SandboxPolicy
from sandbox.measure import measure


@pytest.mark.usefixtures("whole_sandbox")
async def test_sessions_are_measured_and_leave_nothing_behind() -> None:
    first, call, closing, memory, left = await measure(SandboxPolicy(), 3)
    assert (first.count, call.count, closing.count) == (3, 60, 3)
    assert 0 < call.median < first.median
    assert 0 < memory.median < 64
    assert left.median == 0
