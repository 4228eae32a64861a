"""Which request of the outside world the running code works for, so that every log line can say so."""

from __future__ import annotations

import uuid
from contextvars import ContextVar

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""Set by whoever accepts requests; follows tasks and `asyncio.to_thread` by itself."""


def new_engine_id() -> str:
    """An id for one request to an engine. No two are the same, even when clients choose the same for theirs."""
    return f"{request_id.get()}.{uuid.uuid4().hex}"


def outside_id(engine_id: str) -> str:
    """The id of the outside request that `new_engine_id` began with; "" when there was none."""
    return engine_id.rpartition(".")[0]
