"""The real `ddgs` package: its engines, parsers and HTTP client, with every host name led to loopback.

The pages are reconstructions in the layout that the package's parsers read (see `engine_pages/README.md`).
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from ddgs.http_client import HttpClient

from mistralrs_agent.errors import ToolFailed
from mistralrs_agent.search.engines import FallOver
from mistralrs_agent.search.provider import DdgsProvider, SearchHit
from tests.search.conftest import LoopbackProvider, LoopbackWeb

PAGES = Path(__file__).parent / "engine_pages"
NORTHPOINT = "https://coast.example/northpoint"
ADDRESSES = {
    "duckduckgo": "/html.duckduckgo.com/html/",
    "brave": "/search.brave.com/search",
    "mojeek": "/www.mojeek.com/search",
    "startpage": "/www.startpage.com/sp/search",
    "yahoo": "/search.yahoo.com/search",
}
"""Of web engines, on loopback."""
ENCYCLOPEDIAS = {
    "/en.wikipedia.org/w/api.php/opensearch": "wikipedia.json",
    "/en.wikipedia.org/w/api.php/query": "wikipedia_extract.json",
    "/grokipedia.com/api/typeahead": "grokipedia.json",
}


@pytest.fixture
def engines(web: LoopbackWeb, monkeypatch: pytest.MonkeyPatch) -> LoopbackWeb:
    """All hosts are directories of the loopback web; every web engine answers 403 until told otherwise."""
    request = HttpClient.request

    def on_loopback(client: HttpClient, method: str, url: str, **rest: Any) -> Any:
        parts = urlsplit(url)
        action = parse_qs(parts.query).get("action", [""])[0]
        path = re.sub(r";.*", "", parts.path) + (f"/{action}" if action else "")
        return request(client, method, f"{web.base}/{parts.netloc}{path}?{parts.query}", **rest)

    monkeypatch.setattr(HttpClient, "request", on_loopback)
    for path in ADDRESSES.values():
        web.pages[path] = (403, {"Content-Type": "text/html"}, b"<html><body>Forbidden</body></html>")
    for path in ENCYCLOPEDIAS:
        web.add(path, '["lighthouse", [], [], []]' if "opensearch" in path else "{}", "application/json")
    web.add("/www.startpage.com/", (PAGES / "startpage_home.html").read_text())
    return web


def answers(web: LoopbackWeb, engine: str, page: str = "", status: int = 200) -> None:
    body = (PAGES / (page or f"{engine}.html")).read_bytes()
    web.pages[ADDRESSES[engine]] = (status, {"Content-Type": "text/html; charset=utf-8"}, body)


def finds_nothing(web: LoopbackWeb, *names: str) -> None:
    for name in names:
        web.add(ADDRESSES[name], "<html><body><p>No results for your words.</p></body></html>")


@pytest.mark.parametrize(
    ("engine", "found"),
    [
        (
            "duckduckgo",
            {
                f"{NORTHPOINT}?view=full+page": (
                    "Northpoint Lighthouse — 112 steps to the lamp",
                    "The lighthouse keeper climbs one hundred and twelve steps every evening…",
                ),
                "https://towers.example/list": (
                    "Tall towers of the coast, a list",
                    "Heights and steps of forty towers.",
                ),
            },
        ),
        (
            "brave",
            {NORTHPOINT: ("Northpoint Lighthouse", "March 3, 2025 - One hundred and twelve steps lead to the lamp.")},
        ),
        (
            "mojeek",
            {
                NORTHPOINT: ("Northpoint Lighthouse", "The lighthouse has one hundred and twelve steps ..."),
                "https://islands.example/": ("Islands & their lights", "Fog signals, lamps and keepers."),
            },
        ),
        ("startpage", {NORTHPOINT: ("Northpoint Lighthouse", "Count the steps: one hundred and twelve of them.")}),
        (
            "yahoo",
            {
                f"{NORTHPOINT}?view=full+page": (
                    "Northpoint Lighthouse",
                    "One hundred and twelve steps, says the keeper.",
                ),
                "https://towers.example/list": ("Towers", "Forty towers."),
            },
        ),
    ],
)
async def test_the_results_of_an_engines_page_are_taken_over_and_its_advertisements_are_not(engines, engine, found):
    answers(engines, engine)
    hits = await DdgsProvider().search("lighthouse steps", 10)
    assert {hit.url: (hit.title, hit.description) for hit in hits} == found
    assert all(isinstance(hit, SearchHit) for hit in hits)


async def test_encyclopedias_come_first_and_what_several_engines_found_comes_once(engines):
    for path, name in ENCYCLOPEDIAS.items():
        engines.add(path, (PAGES / name).read_bytes(), "application/json")
    for name in ADDRESSES:
        answers(engines, name)
    hits = await DdgsProvider().search("lighthouse steps", 10)
    assert hits[0] == SearchHit(
        "Northpoint Lighthouse",
        "https://en.wikipedia.org/wiki/Northpoint_Lighthouse",
        "Northpoint Lighthouse is a made-up tower with one hundred and twelve steps.",
    )
    urls = [hit.url for hit in hits]
    assert "https://grokipedia.com/page/Northpoint_Lighthouse" in urls
    assert urls.count(NORTHPOINT) == 1
    assert len(await DdgsProvider().search("lighthouse steps", 2)) == 2


async def test_one_engine_that_answers_is_enough_and_the_log_names_the_others(engines, caplog):
    answers(engines, "duckduckgo", "duckduckgo_anomaly.html", status=202)
    answers(engines, "startpage", "startpage_captcha.html")
    answers(engines, "mojeek")
    assert NORTHPOINT in [hit.url for hit in await DdgsProvider().search("lighthouse steps", 10)]
    assert "search engine brave answered HTTP 403" in caplog.text


async def test_finding_nothing_is_not_a_failure(engines):
    finds_nothing(engines, *ADDRESSES)
    assert await DdgsProvider().search("lighthouse", 5) == []


@pytest.mark.parametrize(
    ("engine", "page", "status", "said"),
    [
        ("duckduckgo", "duckduckgo_anomaly.html", 202, "duckduckgo wants to know whether a human is asking"),
        ("startpage", "startpage_captcha.html", 200, "startpage wants to know whether a human is asking"),
        ("mojeek", "mojeek.html", 429, "mojeek answered HTTP 429"),
        ("brave", "brave.html", 503, "brave answered HTTP 503"),
    ],
)
async def test_an_engine_that_refuses_is_a_failure_that_says_so(engines, engine, page, status, said):
    finds_nothing(engines, *ADDRESSES)
    answers(engines, engine, page, status)
    with pytest.raises(ToolFailed, match=f"^web search failed: {said}$"):
        await DdgsProvider().search("lighthouse", 5)


async def test_every_engine_that_refuses_is_named(engines):
    answers(engines, "duckduckgo", "duckduckgo_anomaly.html", status=202)
    with pytest.raises(ToolFailed) as failure:
        await DdgsProvider().search("lighthouse", 5)
    for name in ADDRESSES:
        assert re.search(rf"{name} (answered HTTP 403|wants to know)", str(failure.value))


async def test_a_page_in_another_layout_is_said(engines):
    finds_nothing(engines, *ADDRESSES)
    engines.add("/grokipedia.com/api/typeahead", "<html>moved</html>")
    with pytest.raises(ToolFailed, match=r"grokipedia answered in an unknown form \(JSONDecodeError\)"):
        await DdgsProvider().search("lighthouse", 5)


async def test_the_next_provider_is_asked_when_public_engines_refuse(engines, provider: LoopbackProvider, caplog):
    engines.article("/owls", "Owls", "Owls fly at night.")
    hits = await FallOver({"ddgs": DdgsProvider(), "own": provider}).search("owls", 5)
    assert [hit.url for hit in hits] == [engines.base + "/owls"]
    assert "search engine ddgs: web search failed: brave answered HTTP 403" in caplog.text


async def test_engines_that_cannot_be_reached_are_a_failure_that_says_so(engines):
    async with await asyncio.start_server(lambda *_: None, "127.0.0.1", 0) as server:
        engines.port = server.sockets[0].getsockname()[1]  # where nothing will listen
    with pytest.raises(ToolFailed, match=r"no search engine could be reached; is this machine online\?"):
        await DdgsProvider().search("lighthouse", 5)


async def test_engines_that_hang_are_given_up(engines):
    given_up, closed = asyncio.Event(), asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await given_up.wait()
        writer.close()
        await writer.wait_closed()
        closed.set()

    async with await asyncio.start_server(hang, "127.0.0.1", 0) as server:
        engines.port = server.sockets[0].getsockname()[1]
        with pytest.raises(ToolFailed, match=r"did not answer within 0\.2 s"):
            await DdgsProvider(timeout_s=0.2).search("lighthouse", 5)
        given_up.set()
        await asyncio.wait_for(closed.wait(), 10)


async def test_a_hanging_engine_does_not_keep_the_others_from_answering(engines):
    """The encyclopedias hang; a web engine is asked after them."""
    answers(engines, "mojeek")
    engines.hanging.update(ENCYCLOPEDIAS)
    try:
        hits = await DdgsProvider(engine_timeout_s=2).search("lighthouse steps", 10)
    finally:
        engines.released.set()
    assert NORTHPOINT in [hit.url for hit in hits]
