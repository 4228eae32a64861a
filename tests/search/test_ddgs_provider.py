"""The real `ddgs` package, pointed at a page on loopback in the shape of its engine's result page."""

from __future__ import annotations

import asyncio

import pytest
from ddgs.engines import ENGINES
from ddgs.engines.duckduckgo import Duckduckgo

from mistralrs_agent.errors import ToolFailed
from mistralrs_agent.search.provider import DdgsProvider, SearchHit

RESULT = """
<div class="result results_links results_links_deep web-result "> <div class="links_main links_deep result__body">
<h2 class="result__title"> <a rel="nofollow" class="result__a" href="{url}">{title}</a> </h2>
<div class="result__extras"> <div class="result__extras__url"> <span class="result__icon">
<a rel="nofollow" href="{url}">
<img class="result__icon__img" width="16" height="16" alt="" src="//icons.example/a.ico" name="i15" /> </a> </span>
<a class="result__url" href="{url}"> {url} </a> <span>&nbsp; &nbsp; 2025-08-26T00:00:00.0000000</span> </div> </div>
<a class="result__snippet" href="{url}">{body}</a> <div class="clear"></div> </div> </div>
"""


@pytest.fixture
def engine(web, monkeypatch):
    """Only this engine, only on loopback."""
    monkeypatch.setitem(ENGINES, "text", {"duckduckgo": Duckduckgo})
    monkeypatch.setattr(Duckduckgo, "search_url", web.base + "/html/")
    return web


async def test_results_of_a_page_are_taken_over(engine):
    entries = [("https://a.example/", "A lighthouse", "About lamps"), ("https://b.example/", "B lighthouse", "Stairs")]
    written = [*entries, ("https://duckduckgo.com/y.js?ad=1", "Buy a lighthouse", "Ad")]
    results = "".join(
        RESULT.format(url=url, title=title.replace("A ", "A&#x20;"), body=f"<b>{body}</b>&hellip;")
        for url, title, body in written
    )
    engine.add("/html/", f"<html><body>{results}</body></html>")
    hits = await DdgsProvider().search("lighthouse", 10)
    assert sorted((hit.url, hit.title) for hit in hits) == [(url, title) for url, title, _ in entries]
    assert all(isinstance(hit, SearchHit) for hit in hits)
    assert sorted(hit.description for hit in hits) == ["About lamps…", "Stairs…"]
    assert len(await DdgsProvider().search("lighthouse", 1)) == 1


async def test_finding_nothing_is_not_a_failure(engine):
    engine.add("/html/", "<html><body>No results.</body></html>")
    assert await DdgsProvider().search("lighthouse", 5) == []


async def test_an_engine_that_cannot_be_reached_is_a_failure_that_says_so(engine, monkeypatch):
    async with await asyncio.start_server(lambda *_: None, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
    monkeypatch.setattr(Duckduckgo, "search_url", f"http://127.0.0.1:{port}/")
    with pytest.raises(ToolFailed, match=r"no search engine could be reached \(\w*Error\); is this machine online\?"):
        await DdgsProvider().search("lighthouse", 5)


async def test_the_page_that_asks_for_a_human_is_an_empty_answer(engine):
    question = "<form id='challenge-form'><div class='anomaly-modal__title'>Select all squares with a duck</div></form>"
    engine.pages["/html/"] = (202, {"Content-Type": "text/html"}, question.encode())
    assert await DdgsProvider().search("lighthouse", 5) == []


async def test_engines_that_hang_are_given_up(engine, monkeypatch):
    given_up, closed = asyncio.Event(), asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await given_up.wait()
        writer.close()
        await writer.wait_closed()
        closed.set()

    async with await asyncio.start_server(hang, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        monkeypatch.setattr(Duckduckgo, "search_url", f"http://127.0.0.1:{port}/")
        with pytest.raises(ToolFailed, match=r"did not answer within 0\.2 s"):
            await DdgsProvider(timeout_s=0.2).search("lighthouse", 5)
        given_up.set()
        await asyncio.wait_for(closed.wait(), 10)
