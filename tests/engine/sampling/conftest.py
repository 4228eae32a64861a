"""Every test of this folder runs with each implementation of the kernels that this machine has."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine import kernels


@pytest.fixture(autouse=True, params=["avx512", "avxvnni", "avx2", "baseline", "torch"])
def implementation(request: pytest.FixtureRequest) -> Iterator[str]:
    before = "torch" if kernels.native() is None else kernels.native().name().decode()
    if not kernels.select(request.param):
        pytest.skip(f"{request.param} is not available here")
    yield request.param
    kernels.select(before)
