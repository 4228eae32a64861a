"""What is known of one HTTP request while it is served: for its log line, the metrics and its span."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from starlette.routing import BaseRoute, Route
from starlette.types import Scope

if TYPE_CHECKING:
    from opentelemetry.trace import Span

CLIENT_CLOSED = 499
"""The status of a request whose client did not wait for the answer."""
UNMATCHED = "<unmatched>"
OTHER = "<other>"
_METHODS = frozenset({"GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"})


@dataclass(slots=True, eq=False)
class RequestRecord:
    """One request. Only `id` and `path` hold text of the client's choice."""

    id: str
    method: str
    """`<other>` for one that no route has."""
    path: str
    route: str
    """The pattern of the route; `<unmatched>` where there is none."""
    model: str = "none"
    """The model's own id; `none` where a request names none, `unknown` for one that is not here."""
    status: int = CLIENT_CLOSED
    """Of the answer, once it has begun."""
    error: str = ""
    """Code or type of the error that was told."""
    body_bytes: int = 0
    """Received so far."""
    started_at: float = field(default_factory=time.perf_counter)
    span: Span | None = None

    @classmethod
    def of(cls, scope: Scope, request_id: str, patterns: RoutePatterns) -> RequestRecord:
        method, path = scope["method"], scope["path"]
        return cls(request_id, method if method in _METHODS else OTHER, path, patterns.of(path))

    @property
    def seconds(self) -> float:
        """Since the request came."""
        return time.perf_counter() - self.started_at


current_record: ContextVar[RequestRecord | None] = ContextVar("current_record", default=None)
"""Of the request that the running code serves."""


class RoutePatterns:
    """Finds the pattern of a path without asking the router, which refused requests never reach."""

    def __init__(self) -> None:
        self._patterns: list[tuple[re.Pattern[str], str]] = []

    def add(self, routes: Iterable[BaseRoute]) -> None:
        self._patterns += [(route.path_regex, route.path_format) for route in routes if isinstance(route, Route)]

    def of(self, path: str) -> str:
        return next((pattern for regex, pattern in self._patterns if regex.match(path)), UNMATCHED)
