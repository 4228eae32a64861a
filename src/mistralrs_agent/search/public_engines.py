"""The engines of the `ddgs` package, watched: it says that nothing was found whatever the reason, this says the reason.

Imported when someone searches: `ddgs` starts a native HTTP client.
"""

from __future__ import annotations

import re
from typing import Any

from ddgs.base import BaseSearchEngine
from ddgs.ddgs import DDGS  # what `ddgs` itself offers makes no subclasses
from ddgs.exceptions import DDGSException

from mistralrs_agent.errors import ToolFailed

_ASKS_FOR_A_HUMAN = re.compile(r"captcha|anomaly|not a robot|unusual traffic|confirm (that )?you are human", re.I)
_UNREACHABLE = "cannot be reached"


class PublicEngines(DDGS):
    """Asks the engines; for one search."""

    def __init__(self, timeout_s: int) -> None:
        """`timeout_s`: for each engine."""
        super().__init__(timeout=timeout_s)
        self.failures: dict[str, str] = {}
        """Engines that failed or refused, and what they did."""

    def find(self, query: str, max_results: int) -> list[dict[str, Any]]:
        """`title`, `href` and `body` of what was found; empty when the engines honestly found nothing.

        Raises: ToolFailed when nothing was found and an engine failed.
        """
        try:
            return self.text(query, max_results=max_results)
        except DDGSException as error:  # also for nothing found
            if not self.failures:
                return []
            raise ToolFailed(f"web search failed: {self._reasons()}") from error

    def _reasons(self) -> str:
        if set(self.failures.values()) == {_UNREACHABLE}:
            return "no search engine could be reached; is this machine online?"
        return ", ".join(f"{name} {reason}" for name, reason in sorted(self.failures.items()))

    def _get_engines(self, category: str, backend: str) -> list[BaseSearchEngine[Any]]:
        engines = super()._get_engines(category, backend)
        for engine in engines:
            self._watch(engine)
        return engines

    def _watch(self, engine: BaseSearchEngine[Any]) -> None:
        search, last_page = engine.search, [""]

        def request(*args: Any, **kwargs: Any) -> str | None:
            response = engine.http_client.request(*args, **kwargs)
            last_page[0] = response.text
            if response.status_code == 200:
                return response.text
            self.failures[engine.name] = f"answered HTTP {response.status_code}"
            return None

        def watched(*args: Any, **kwargs: Any) -> list[Any] | None:
            try:
                found = search(*args, **kwargs)
            except Exception as error:
                self.failures[engine.name] = _reason(error)
                raise
            if not found and _ASKS_FOR_A_HUMAN.search(last_page[0]):
                self.failures[engine.name] = "wants to know whether a human is asking"
            return found

        engine.request, engine.search = request, watched


def _reason(error: Exception) -> str:
    """In words, without the address that the HTTP client repeats."""
    kind = str(error).partition(":")[0]
    if "timed out" in str(error) or "Timeout" in type(error).__name__:
        return "did not answer in time"
    if isinstance(error, DDGSException) and re.fullmatch(r"\w*Error", kind):
        return _UNREACHABLE
    return f"answered in an unknown form ({type(error).__name__})"
