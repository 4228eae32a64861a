"""Who finds pages for a query."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import Protocol

from mistralrs_agent.errors import ToolFailed


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

    def __init__(self, timeout_s: float = 15.0) -> None:
        self._timeout_s = timeout_s

    async def search(self, query: str, max_results: int) -> list[SearchHit]:
        try:
            async with asyncio.timeout(self._timeout_s):
                return await asyncio.to_thread(self._search, query, max_results)
        except TimeoutError:
            raise ToolFailed(f"the search engines did not answer within {self._timeout_s:g} s") from None

    def _search(self, query: str, max_results: int) -> list[SearchHit]:
        from ddgs import DDGS  # starts a native HTTP client; only when someone searches  # noqa: PLC0415
        from ddgs.exceptions import DDGSException  # noqa: PLC0415

        try:
            found = DDGS(timeout=10).text(query, max_results=max_results)
        except DDGSException as error:
            if str(error) == "No results found.":  # ddgs says the same when an engine blocks it
                return []
            raise ToolFailed(_failure(error)) from error
        return [SearchHit(hit.get("title", ""), hit["href"], hit.get("body", "")) for hit in found if hit.get("href")]


def _failure(error: Exception) -> str:
    """In words: ddgs hands on what its last engine's HTTP client said, address and all."""
    said = str(error) or type(error).__name__
    kind = said.partition(":")[0]
    if re.fullmatch(r"(DNS|Connect|Request|Timeout)\w*", kind):
        return f"web search failed: no search engine could be reached ({kind}); is this machine online?"
    return f"web search failed: {said[:300]}"
