"""Searching the web and reading its pages: provider → guarded fetch → text → the passages that matter."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from mistralrs_agent.errors import ToolFailed
from mistralrs_agent.search.extractor import Extractor, shared_extractor
from mistralrs_agent.search.fetch import Fetcher
from mistralrs_agent.search.page import Fetched, Page
from mistralrs_agent.search.provider import DdgsProvider, SearchHit, SearchProvider
from mistralrs_agent.search.rerank import Chunk, Reranker

log = logging.getLogger(__name__)

KEPT_CHARS = 16_000_000
"""Of the text of pages read last, which stays: what a search read is often opened, or found again, right afterwards."""
BUDGET_TOKENS = {"low": 4096, "medium": 8192, "high": 16384}
CHARS_PER_TOKEN = 4


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """How the web is searched."""

    context_size: Literal["low", "medium", "high"] = "medium"
    """How much text a search hands to the model: 4096, 8192 or 16384 tokens."""
    max_chars: int | None = None
    """Most characters of that, for models too small for so much; None: as many as the tokens allow."""
    max_results: int = 10
    embedding_model: str | None = "minilm"
    """`minilm`, `embedding-gemma`, a hub repository or a folder; None ranks by word statistics alone."""
    allow_private: bool = False
    """Fetch pages from private addresses too."""


@dataclass(frozen=True, slots=True)
class SearchWishes:
    """What one request wants of the search."""

    context_size: Literal["low", "medium", "high"] | None = None
    """None: as the server's settings say."""
    allowed_domains: tuple[str, ...] = ()
    """Only these and their subdomains; empty: all."""
    blocked_domains: tuple[str, ...] = ()
    location: str = ""
    """Where the user is, in words; goes into the tool's description."""
    search_description: str = ""
    """In place of the search tool's own description; likewise the next."""
    extract_description: str = ""

    def allows(self, url: str) -> bool:
        """Whether a page may be used. An address without a host never is, once there are filters."""
        if not self.allowed_domains and not self.blocked_domains:
            return True
        host = (urlsplit(url).hostname or "").rstrip(".")
        if not host or any(_within(host, domain) for domain in self.blocked_domains):
            return False
        return not self.allowed_domains or any(_within(host, domain) for domain in self.allowed_domains)


def _within(host: str, domain: str) -> bool:
    domain = domain.lower().removeprefix("www.").rstrip(".")
    return host == domain or host.endswith(f".{domain}")


@dataclass(frozen=True, slots=True)
class Source:
    """A page and what of it fits the query."""

    title: str
    description: str
    url: str
    content: str


@dataclass(frozen=True, slots=True)
class SearchAnswer:
    """What a search found, the best page first."""

    output: tuple[Source, ...]

    @property
    def sources(self) -> tuple[str, ...]:
        """The domains."""
        return tuple(dict.fromkeys(urlsplit(source.url).netloc for source in self.output))

    def to_json(self) -> dict[str, Any]:
        fields = ("title", "description", "url", "content")
        output = [{name: getattr(source, name) for name in fields} for source in self.output]
        return {"sources": list(self.sources), "output": output}


@dataclass(frozen=True, slots=True)
class Findings:
    """All that a search brought in, before it is cut to what a model can read."""

    hits: Sequence[SearchHit]
    pages: Sequence[Page]
    """One a hit."""
    ranked: Sequence[Chunk]
    """The passages of the pages, best first."""

    def within(self, budget_chars: int) -> SearchAnswer:
        """Passages as long as they fit, best first; those of a page stand together in reading order."""
        taken: dict[int, list[Chunk]] = {}
        for chunk in self.ranked:
            cost = len(chunk.text) + 3
            if chunk.page not in taken:
                cost += len(self.hits[chunk.page].description) + 200
            if cost <= budget_chars:
                budget_chars -= cost
                taken.setdefault(chunk.page, []).append(chunk)
        return SearchAnswer(tuple(self._source(page, chunks) for page, chunks in taken.items()))

    def _source(self, page: int, chunks: Sequence[Chunk]) -> Source:
        hit = self.hits[page]
        return Source(self.pages[page].title, hit.description, hit.url, _joined(chunks))


class PageReader:
    """Reads one page as text. It is fetched each time, and turned into text when it is not what it was."""

    def __init__(self, fetcher: Fetcher, extractor: Extractor | None = None) -> None:
        """`extractor`: the one that all of this process share unless given."""
        self._fetcher = fetcher
        self._extractor = extractor or shared_extractor()
        self._kept: dict[tuple[str | None, ...], Page] = {}

    async def read(self, url: str, wishes: SearchWishes | None = None) -> Page:
        """Raises: ToolFailed."""
        allows = (wishes or SearchWishes()).allows
        if not allows(url):
            raise ToolFailed(f"{url} is outside the domains that this request allows")
        fetched = await self._fetcher.fetch(url)
        if not allows(fetched.url):
            raise ToolFailed(f"{url} leads to {fetched.url}, outside the domains that this request allows")
        return await self._text(fetched)

    async def _text(self, fetched: Fetched) -> Page:
        key = (fetched.url, fetched.content_type, fetched.charset, hashlib.sha256(fetched.body).hexdigest())
        page = self._kept.get(key) or await self._extractor.extract(fetched)
        self._kept.pop(key, None)
        self._kept[key] = page  # the last is the one used last
        while len(self._kept) > 1 and sum(len(kept.text) for kept in self._kept.values()) > KEPT_CHARS:
            del self._kept[next(iter(self._kept))]
        return page


class WebSearch:
    """Finds passages on the web."""

    def __init__(
        self, provider: SearchProvider, pages: PageReader, reranker: Reranker, settings: SearchSettings
    ) -> None:
        self._provider = provider
        self._pages = pages
        self._reranker = reranker
        self._settings = settings

    async def prepare(self) -> None:
        """Load (the first time: download) the embedding model now, so that the first search need not."""
        await self._reranker.load()

    async def search(
        self, query: str, max_chars: int | None = None, wishes: SearchWishes | None = None
    ) -> SearchAnswer:
        """The best passages of the pages found for a query, or of the page itself when the query is a URL.

        `max_chars` can only lower the budget of the settings.
        Raises: ToolFailed when the provider fails.
        """
        wishes = wishes or SearchWishes()
        budget = BUDGET_TOKENS[wishes.context_size or self._settings.context_size] * CHARS_PER_TOKEN
        budget = min(budget, self._settings.max_chars or budget, max_chars or budget)
        return (await self.find(query, wishes)).within(budget)

    async def find(self, query: str, wishes: SearchWishes) -> Findings:
        """Everything a search finds, ranked. Raises: as `search`."""
        query = query.strip()
        if re.fullmatch(r"https?://\S+", query):
            hits = [SearchHit("", query, "")]
            pages = [await self._pages.read(query, wishes)]
        else:
            asked = f"{query} site:{wishes.allowed_domains[0]}" if len(wishes.allowed_domains) == 1 else query
            found = await self._provider.search(asked, self._settings.max_results)
            hits = [hit for hit in found if wishes.allows(hit.url)]
            pages = await asyncio.gather(*(self._page_or_excerpt(hit, wishes) for hit in hits))
        return Findings(hits, pages, await self._reranker.rank(query, pages))

    async def _page_or_excerpt(self, hit: SearchHit, wishes: SearchWishes) -> Page:
        """The page behind a hit; when it cannot be read, what the provider said of it."""
        if hit.content:
            return Page(hit.url, hit.title, hit.content)
        try:
            page = await self._pages.read(hit.url, wishes)
        except ToolFailed as error:
            log.info("search result left out: %s", error)
            return Page(hit.url, hit.title, hit.description)
        return Page(hit.url, hit.title or page.title, page.text)


def open_search(settings: SearchSettings, provider: SearchProvider | None = None) -> tuple[WebSearch, PageReader]:
    """Searching and reading with these settings; the provider is `ddgs` unless given."""
    pages = PageReader(Fetcher(allow_private=settings.allow_private))
    search = WebSearch(provider or DdgsProvider(), pages, Reranker(settings.embedding_model), settings)
    return search, pages


def _joined(chunks: Sequence[Chunk]) -> str:
    """Passages of a page in reading order; an ellipsis stands for what is left out between them."""
    ordered = sorted(chunks, key=lambda chunk: chunk.position)
    parts = [ordered[0].text]
    for before, chunk in itertools.pairwise(ordered):
        parts += ["\n" if chunk.position == before.position + 1 else "\n…\n", chunk.text]
    return "".join(parts)
