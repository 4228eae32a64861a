"""Acceptance check A11 over HTTP: search on a loopback web, with everything between the request and the pages real."""

from __future__ import annotations

import json
import resource
from dataclasses import replace
from typing import Any

import httpx
import pytest
from one_page_pdf import one_page_pdf

from engine.chat.scripted import SCRIPTED_INFO, ScriptedModel, call, text
from mistralrs_agent.agent.agent import Agent, AgentSettings
from mistralrs_agent.agent.sessions import Sessions
from mistralrs_agent.search.engines import FallOver, SearxngProvider
from mistralrs_agent.search.provider import SearchHit, SearchProvider
from mistralrs_agent.search.web import SearchSettings, open_search
from mistralrs_agent.server.app import create_app
from mistralrs_agent.server.settings import ServerSettings
from mistralrs_agent.storage.sessions import SessionStore
from mistralrs_agent.tools.read_page import ReadPageTool
from mistralrs_agent.tools.toolbox import Toolbox
from mistralrs_agent.tools.web_search import WebSearchTool

SEARCH, READ = "mistralrs_search_the_web", "mistralrs_website_content_extractor"
LARGE = replace(SCRIPTED_INFO, context_tokens=200_000)
OWLS = "Owls hunt at night and hear very well. " * 30


async def ask(provider: SearchProvider, *calls: Any, private: bool = True, **options: Any) -> list[dict[str, Any]]:
    """What the model reads of its calls, and what the client is told; in one turn over HTTP."""
    settings = SearchSettings(embedding_model=None, allow_private=private)
    search, pages = open_search(settings, provider)
    toolbox = Toolbox([WebSearchTool(search), ReadPageTool(pages)])
    model = ScriptedModel([list(calls), [text("ok")]], info=LARGE)
    agent = Agent(model, toolbox, AgentSettings(web_search=True), Sessions(SessionStore(), toolbox.end_session))
    transport = httpx.ASGITransport(create_app(agent, ServerSettings()))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=60) as client:
        answer = await client.post("/v1/chat/completions", json={"messages": "owls?", "web_search_options": options})
    assert answer.json()["choices"][0]["message"]["content"] == "ok"
    read = [m.content for m in model.requests[1].messages if m.role == "tool"]
    assert sorted(record["result_content"] for record in answer.json()["agentic_tool_calls"]) == sorted(read)
    await agent.close()
    return [json.loads(content) for content in read]


def search(query: str = "owls") -> Any:
    return call(SEARCH, {"query": query})


def read(url: str) -> Any:
    return call(READ, {"url": url})


async def test_a11_domain_filters_hold_for_searching_and_for_reading(web, provider):
    here = web.article("/owls", "Owls", OWLS)
    there = here.replace("127.0.0.1", "localhost")
    allowed = {"filters": {"allowed_domains": ["localhost"]}}
    found, refused, fine = await ask(provider, search(), read(here), read(there), **allowed)
    assert "output" not in found and "Nothing was found" in found["note"]
    assert "outside the domains" in refused["error"]
    assert "hunt at night" in fine["output"]
    (found,) = await ask(provider, search(), filters={"blocked_domains": ["localhost"]})
    assert found["output"][0]["url"] == here


async def test_a11_low_medium_and_high_are_budgets_of_text(web, provider):
    for page in range(12):
        web.article(f"/{page}", f"Owls {page}", *[f"Owls, passage {page} {n}: " + OWLS for n in range(8)])
    sizes = []
    for size in ("low", "medium", "high"):
        (found,) = await ask(provider, search(), search_context_size=size)
        sizes.append(sum(len(source["content"]) for source in found["output"]))
    low, medium, high = sizes
    assert 4096 * 2 < low <= 4096 * 4 < medium <= 8192 * 4 < high <= 16384 * 4


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "0x7f000001", "169.254.169.254", "10.0.0.1"])
async def test_a11_private_addresses_are_refused_and_the_model_is_told(host, web, provider):
    web.article("/secret", "Secret", "The password is hunter2. " * 30)
    url = f"http://{host}:{web.port}/secret"
    refused, found = await ask(provider, read(url), search(url), private=False)
    for result in (refused, found):
        assert "private network" in result["error"] and "hunter2" not in json.dumps(result)
    assert web.asked == []


async def test_a11_a_page_of_50_mb_is_not_read_to_its_end_and_its_excerpt_stays(web):
    class One:
        async def search(self, query: str, max_results: int) -> list[SearchHit]:
            return [SearchHit("Big", web.base + "/big", "an excerpt about owls")]

    web.add("/big", b"<title>Big owls</title>" + b"<p>owls</p>" * (50_000_000 // 11))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused, found = await ask(One(), read(web.base + "/big"), search())
    assert "larger than" in refused["error"]
    assert [(source["url"], source["content"]) for source in found["output"]] == [
        (web.base + "/big", "an excerpt about owls")
    ]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 150_000  # KiB


async def test_a11_a_pdf_is_read_as_text(web, provider):
    web.add("/treaty.pdf", one_page_pdf("The treaty was signed in 1648."), "application/pdf")
    page, found = await ask(provider, read(web.base + "/treaty.pdf"), search(web.base + "/treaty.pdf"))
    assert "signed in 1648" in page["output"] and "signed in 1648" in found["output"][0]["content"]


async def test_a11_a_failing_engine_is_an_error_and_not_an_empty_list(web):
    web.pages["/blocked/search"] = (429, {"Content-Type": "text/plain"}, b"slow down")
    blocked = SearxngProvider(f"{web.base}/blocked")
    (failed,) = await ask(FallOver({"first": blocked, "second": SearxngProvider("http://127.0.0.1:9")}), search())
    assert failed["status"] == "failed"
    assert "first: " in failed["error"] and "HTTP 429" in failed["error"] and "second: " in failed["error"]
