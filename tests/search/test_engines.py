"""Search engines over their HTTP APIs, in the form in which they answer, and several behind each other."""

from __future__ import annotations

import json
import logging

import pytest

from mistralrs_agent.errors import ConfigError, ToolFailed
from mistralrs_agent.search.engines import (
    BraveProvider,
    CallbackProvider,
    FallOver,
    SearxngProvider,
    TavilyProvider,
    provider_named,
    providers_named,
)
from mistralrs_agent.search.provider import DdgsProvider, SearchHit
from mistralrs_agent.search.web import SearchSettings, SearchWishes, open_search

LEXICAL = SearchSettings(allow_private=True, embedding_model=None)
OWL = {"title": "Owls", "url": "https://owls.example/a"}
HIT = SearchHit("Owls", "https://owls.example/a", "About owls.")
ANSWERS = {
    "searxng": {"query": "owls", "results": [{**OWL, "content": "About owls.", "engine": "x"}, {"title": "no url"}]},
    "brave": {"type": "search", "web": {"results": [{**OWL, "description": "About owls.", "age": "1 day"}]}},
    "tavily": {"query": "owls", "results": [{**OWL, "content": "About owls.", "score": 0.9}], "answer": None},
}


def engine(name: str, base: str):
    match name:
        case "searxng":
            return SearxngProvider(f"{base}/")
        case "brave":
            return BraveProvider("key-1", f"{base}/brave")
        case _:
            return TavilyProvider("key-1", f"{base}/tavily")


@pytest.mark.parametrize("name", ANSWERS)
async def test_results_are_taken_over(name, web, monkeypatch):
    monkeypatch.setattr(web, "search", lambda query: ANSWERS["searxng"] if query == "owls" else [])
    web.add(f"/{name}", json.dumps(ANSWERS[name]), "application/json")
    assert await engine(name, web.base).search("owls", 5) == [HIT]


@pytest.mark.parametrize("name", ["brave", "tavily"])
@pytest.mark.parametrize("body", ["", "[]", '{"results": 3, "web": {"results": [1]}}'])
async def test_an_answer_in_another_form_is_a_failure(name, body, web):
    web.add(f"/{name}", body, "application/json")
    with pytest.raises(ToolFailed, match=name):
        await engine(name, web.base).search("owls", 5)


@pytest.mark.parametrize("name", ["brave", "tavily"])
async def test_a_refusal_is_said_without_the_key(name, web):
    web.pages[f"/{name}"] = (429, {"Content-Type": "text/plain"}, b"slow down key-1")
    with pytest.raises(ToolFailed, match="HTTP 429") as failure:
        await engine(name, web.base).search("owls", 5)
    assert "key-1" not in str(failure.value)


async def test_an_engine_that_is_not_there_is_said():
    with pytest.raises(ToolFailed, match="cannot be reached"):
        await SearxngProvider("http://127.0.0.1:9").search("owls", 5)


class Fixed:
    def __init__(self, *found: SearchHit, fails: str = "") -> None:
        self.found, self.fails, self.asked = list(found), fails, 0

    async def search(self, query: str, max_results: int) -> list[SearchHit]:
        self.asked += 1
        if self.fails:
            raise ToolFailed(self.fails)
        return self.found


async def test_the_next_engine_is_asked_when_one_fails_or_finds_nothing(caplog):
    last = Fixed(HIT)
    with caplog.at_level(logging.WARNING):
        found = await FallOver({"a": Fixed(fails="blocked"), "b": Fixed(), "c": last}).search("owls", 5)
    assert found == [HIT]
    assert "search engine a: blocked" in caplog.text
    first = Fixed(HIT)
    await FallOver({"a": first, "b": last}).search("owls", 5)
    assert (first.asked, last.asked) == (1, 1)


async def test_when_all_fail_every_reason_is_said_and_when_one_only_finds_nothing_it_is_nothing():
    with pytest.raises(ToolFailed, match="a: blocked; b: down"):
        await FallOver({"a": Fixed(fails="blocked"), "b": Fixed(fails="down")}).search("owls", 5)
    assert await FallOver({"a": Fixed(fails="blocked"), "b": Fixed()}).search("owls", 5) == []


async def test_a_callback_may_bring_the_text_itself_and_its_failure_is_not_an_empty_answer(web):
    async def found(query: str):
        return [{"title": "Owls", "url": "http://nowhere.invalid/", "description": "d", "content": f"{query} fly"}]

    search, _ = open_search(LEXICAL, CallbackProvider(found))
    (source,) = (await search.search("owls")).output
    assert source.content == "owls fly"
    assert web.asked == []

    def breaks(query: str):
        raise KeyError(query)

    with pytest.raises(ToolFailed, match="KeyError in the search callback"):
        await CallbackProvider(breaks).search("owls", 5)


def test_engines_are_named_on_the_command_line(monkeypatch):
    monkeypatch.setenv("BRAVE_API_KEY", "k")
    monkeypatch.delenv("TAVILY_API_KEY", raising=False)
    assert isinstance(providers_named(("ddgs",)), DdgsProvider)
    assert isinstance(providers_named(("brave", "searxng=http://localhost:1")), FallOver)
    for line, said in (("tavily", "TAVILY_API_KEY"), ("searxng", "needs an address"), ("google", "not one of")):
        with pytest.raises(ConfigError, match=said):
            provider_named(line)


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://www.owls.org/a", True),
        ("https://deep.owls.org./a", True),
        ("https://notowls.org/", False),
        ("https://barn.owls.org/", False),
        ("https://owls.org.evil.example/", False),
        ("nonsense", False),
    ],
)
def test_domain_filters(url, allowed):
    wishes = SearchWishes(allowed_domains=("www.owls.org.",), blocked_domains=("BARN.owls.org",))
    assert wishes.allows(url) is allowed
    assert SearchWishes().allows(url)


async def test_pages_outside_the_filters_are_neither_searched_nor_read_nor_reached_by_redirect(web, provider):
    web.article("/owls", "Owls", "Owls fly at night. " * 20)
    search, pages = open_search(LEXICAL, provider)
    elsewhere = SearchWishes(blocked_domains=("127.0.0.1",))
    assert (await search.search("owls", wishes=elsewhere)).output == ()
    assert [path for path, _ in web.asked] == ["/search?q=owls"]
    for url in (web.base + "/owls", f"http://localhost:{web.port}/to"):
        web.redirect("/to", web.base + "/owls")
        with pytest.raises(ToolFailed, match="outside the domains"):
            await pages.read(url, elsewhere)


async def test_the_size_of_the_context_is_a_budget(web, provider):
    for n in range(12):
        web.article(
            f"/owl{n}", f"Owl {n}", *[f"Owls of kind {n}, passage {p}: " + "they fly. " * 60 for p in range(16)]
        )
    search, _ = open_search(SearchSettings(allow_private=True, embedding_model=None, max_results=12), provider)
    sizes = {}
    for size in ("low", "medium", "high"):
        answer = await search.search("owls kind", wishes=SearchWishes(context_size=size))
        sizes[size] = sum(len(source.content) for source in answer.output)
    assert sizes["low"] <= 4096 * 4 < sizes["low"] * 2
    assert sizes["low"] < sizes["medium"] <= 8192 * 4
    assert sizes["medium"] <= sizes["high"] <= 16384 * 4
