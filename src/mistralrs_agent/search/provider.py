"""Who finds pages for a query."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Protocol

from mistralrs_agent.errors import ToolFailed

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SearchHit:
    """One page that a provider found."""

    title: str
    url: str
    description: str
    """The provider's excerpt; may be empty."""
    content: str = ""
    """The text of the page, where the provider has it: nothing is fetched then."""


class SearchProvider(Protocol):
    """A search engine."""

    async def search(self, query: str, max_results: int) -> list[SearchHit]:
        """Pages for a query, best first; an empty list when the engine gave none.

        Raises: ToolFailed when the engine could not be asked.
        """
        ...


class DdgsProvider:
    """Public search engines through the `ddgs` package: no key, best effort."""

    def __init__(self, timeout_s: float = 15.0, engine_timeout_s: int = 5) -> None:
        self._timeout_s = timeout_s
        self._engine_timeout_s = engine_timeout_s

    async def search(self, query: str, max_results: int) -> list[SearchHit]:
        try:
            async with asyncio.timeout(self._timeout_s):
                return await asyncio.to_thread(self._search, query, max_results)
        except TimeoutError:
            raise ToolFailed(f"the search engines did not answer within {self._timeout_s:g} s") from None

    def _search(self, query: str, max_results: int) -> list[SearchHit]:
        from mistralrs_agent.search.public_engines import PublicEngines  # only when someone searches  # noqa: PLC0415

        engines = PublicEngines(self._engine_timeout_s)
        found = engines.find(query, max_results)
        for name, reason in engines.failures.items():
            log.warning("search engine %s %s", name, reason)
        return [SearchHit(hit.get("title", ""), hit["href"], hit.get("body", "")) for hit in found if hit.get("href")]
