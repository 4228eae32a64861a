"""Sessions for the tests, and what this machine can hold."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest

from sandbox import LayerReport, SandboxPolicy, Session, describe

OpenSession = Callable[..., Awaitable[Session]]


@pytest.fixture(scope="session")
def machine() -> LayerReport:
    """The layers this machine has for the default policy."""
    return asyncio.run(describe(SandboxPolicy()))


@pytest.fixture
def whole_sandbox(machine: LayerReport) -> None:
    """Skips where a layer is missing, naming it."""
    if machine.gaps:
        pytest.skip("this machine lacks " + ", ".join(f"{layer.name} ({layer.detail})" for layer in machine.gaps))


@pytest.fixture
async def open_session(machine: LayerReport) -> AsyncIterator[OpenSession]:
    """Opens sessions under the policy given as keywords; closes them after the test."""
    if machine.refusal:
        pytest.skip(machine.refusal)
    async with AsyncExitStack() as stack:

        async def open_one(**rules: object) -> Session:
            return await stack.enter_async_context(await Session.open(SandboxPolicy(**rules)))  # type: ignore[arg-type]

        yield open_one


@pytest.fixture
async def session(open_session: OpenSession) -> Session:
    """A session under the default policy."""
    return await open_session()
