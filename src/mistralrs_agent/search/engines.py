"""Search engines behind an HTTP API, a function of the caller's, and several engines behind each other."""

from __future__ import annotations

import inspect
import logging
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import httpx

from mistralrs_agent.errors import ConfigError, ToolFailed
from mistralrs_agent.search.fetch import tls_context
from mistralrs_agent.search.provider import DdgsProvider, SearchHit, SearchProvider

log = logging.getLogger(__name__)

TIMEOUT_S = 10.0
SearchFunction = Callable[[str], Sequence[Mapping[str, str]] | Awaitable[Sequence[Mapping[str, str]]]]
"""Query → results with `url` and, where known, `title`, `description`, `content`."""


class SearxngProvider:
    """A SearXNG instance; its settings must allow the `json` format."""

    def __init__(self, url: str) -> None:
        self._url = f"{url.rstrip('/')}/search"

    async def search(self, query: str, max_results: int) -> list[SearchHit]:
        found = await _ask("searxng", "GET", self._url, params={"q": query, "format": "json"})
        return _hits("searxng", found.get("results"), "content")[:max_results]


class BraveProvider:
    """The search API of Brave."""

    def __init__(self, key: str, url: str = "https://api.search.brave.com/res/v1/web/search") -> None:
        self._headers = {"X-Subscription-Token": key, "Accept": "application/json"}
        self._url = url

    async def search(self, query: str, max_results: int) -> list[SearchHit]:
        params = {"q": query, "count": str(min(max_results, 20))}
        found = await _ask("brave", "GET", self._url, params=params, headers=self._headers)
        return _hits("brave", (found.get("web") or {}).get("results"), "description")


class TavilyProvider:
    """The search API of Tavily."""

    def __init__(self, key: str, url: str = "https://api.tavily.com/search") -> None:
        self._headers = {"Authorization": f"Bearer {key}"}
        self._url = url

    async def search(self, query: str, max_results: int) -> list[SearchHit]:
        body = {"query": query, "max_results": min(max_results, 20)}
        found = await _ask("tavily", "POST", self._url, json=body, headers=self._headers)
        return _hits("tavily", found.get("results"), "content")


class CallbackProvider:
    """A function of whoever embeds the agent; what it gives as `content` needs no fetch."""

    def __init__(self, function: SearchFunction) -> None:
        self._function = function

    async def search(self, query: str, max_results: int) -> list[SearchHit]:
        try:
            answer = self._function(query)
            found = await answer if inspect.isawaitable(answer) else answer
        except Exception as error:
            log.exception("the search callback failed")
            raise ToolFailed(f"web search failed: {type(error).__name__} in the search callback") from error
        return _hits("callback", found, "description", "content")[:max_results]


class FallOver:
    """Several engines: the next one is asked when one fails or, as blocked ones do, finds nothing."""

    def __init__(self, providers: Mapping[str, SearchProvider]) -> None:
        """`providers` by name, in the order in which they are asked."""
        self._providers = dict(providers)

    async def search(self, query: str, max_results: int) -> list[SearchHit]:
        failures: list[str] = []
        for name, provider in self._providers.items():
            try:
                if hits := await provider.search(query, max_results):
                    return hits
            except ToolFailed as error:
                log.warning("search engine %s: %s", name, error)
                failures.append(f"{name}: {error}")
        if len(failures) == len(self._providers):
            raise ToolFailed("; ".join(failures))
        return []


def provider_named(line: str) -> SearchProvider:
    """`ddgs`, `searxng=URL`, `brave` (key in BRAVE_API_KEY) or `tavily` (key in TAVILY_API_KEY).

    Raises: ConfigError.
    """
    name, _, value = line.partition("=")
    match name:
        case "ddgs":
            return DdgsProvider()
        case "searxng":
            if not value.startswith(("http://", "https://")):
                raise ConfigError(f"search provider {line!r} needs an address: searxng=http://localhost:8888")
            return SearxngProvider(value)
        case "brave":
            return BraveProvider(_key(name, "BRAVE_API_KEY"))
        case "tavily":
            return TavilyProvider(_key(name, "TAVILY_API_KEY"))
        case _:
            raise ConfigError(f"search provider {line!r} is not one of ddgs, searxng=URL, brave, tavily")


def providers_named(lines: Sequence[str]) -> SearchProvider:
    """One engine, or several behind each other. Raises: ConfigError."""
    return (
        provider_named(lines[0])
        if len(lines) == 1
        else FallOver({_shown(line): provider_named(line) for line in lines})
    )


def _shown(line: str) -> str:
    """An engine's name for messages: the address without what may be secret in it."""
    name, _, address = line.partition("=")
    url = urlsplit(address)
    shown = url._replace(netloc=url.netloc.rpartition("@")[2], query="", fragment="").geturl()
    return f"{name}={shown}" if address else name


def _key(name: str, variable: str) -> str:
    if key := os.environ.get(variable):
        return key
    raise ConfigError(f"search provider {name!r} needs a key in the environment variable {variable}")


async def _ask(name: str, method: str, url: str, **request: Any) -> dict[str, Any]:
    """Raises: ToolFailed; what an engine answers besides its status is not repeated, nor is its key."""
    try:
        async with httpx.AsyncClient(timeout=TIMEOUT_S, verify=tls_context()) as client:
            response = await client.request(method, url, **request)
    except httpx.HTTPError as error:
        raise ToolFailed(f"web search failed: {name} cannot be reached") from error
    if response.is_error:
        reason = f"{response.status_code} {response.reason_phrase}".strip()
        raise ToolFailed(f"web search failed: {name} answered HTTP {reason}")
    try:
        found = response.json()
    except ValueError as error:
        raise ToolFailed(f"web search failed: {name} did not answer in JSON") from error
    if not isinstance(found, dict):
        raise ToolFailed(f"web search failed: {name} did not answer with an object")
    return found


def _hits(name: str, results: Any, description: str, content: str = "") -> list[SearchHit]:
    """Raises: ToolFailed when the results are no list of objects."""
    if results is None:
        return []
    if not isinstance(results, Sequence) or not all(isinstance(result, Mapping) for result in results):
        raise ToolFailed(f"web search failed: {name} answered in an unknown form")
    return [
        SearchHit(
            title=str(result.get("title") or ""),
            url=str(result["url"]),
            description=str(result.get(description) or ""),
            content=str(result.get(content) or ""),
        )
        for result in results
        if result.get("url")
    ]
