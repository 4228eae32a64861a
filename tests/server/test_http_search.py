"""`web_search_options` over HTTP."""

from __future__ import annotations

import json

import pytest
from server_doubles import http_client, make_agent, scripted

from engine.chat.scripted import call, text
from mistralrs_agent.search.engines import CallbackProvider
from mistralrs_agent.search.web import SearchSettings, open_search
from mistralrs_agent.tools.read_page import ReadPageTool
from mistralrs_agent.tools.web_search import WebSearchTool

CHAT = "/v1/chat/completions"
PAGES = [
    {"title": "Good", "url": "http://a.good.example/", "content": "owls are good"},
    {"title": "Bad", "url": "http://bad.example/", "content": "owls are bad"},
]
SCRIPT = [[call("mistralrs_search_the_web", {"query": "owls"})], [text("ok")]]


def searching(script):
    search, pages = open_search(SearchSettings(embedding_model=None), CallbackProvider(lambda _: PAGES))
    return make_agent(script, tools=[WebSearchTool(search), ReadPageTool(pages)], web_search=True)


async def test_filters_location_and_descriptions_reach_the_tools_of_this_request_only():
    agent = searching(SCRIPT * 2)
    options = {
        "search_context_size": "low",
        "filters": {"allowed_domains": ["good.example"]},
        "user_location": {"type": "approximate", "approximate": {"city": "Turku", "country": "FI"}},
        "extract_description": "Reads a page.",
    }
    async with http_client(agent) as client:
        for wished in (options, {}):
            await client.post(CHAT, json={"messages": "owls?", "web_search_options": wished})
    first, second = scripted(agent).requests[1], scripted(agent).requests[3]
    assert json.loads(first.messages[-1].content)["sources"] == ["a.good.example"]
    assert len(json.loads(second.messages[-1].content)["sources"]) == 2
    assert "Turku, FI" in first.tools[0].description and "Turku" not in second.tools[0].description
    assert first.tools[1].description == "Reads a page." != second.tools[1].description


async def test_without_access_to_the_web_the_tools_are_left_out():
    agent = searching([[text("no")]])
    async with http_client(agent) as client:
        options = {"external_web_access": False}
        answer = await client.post(CHAT, json={"messages": "owls?", "web_search_options": options})
    assert answer.status_code == 200
    assert scripted(agent).requests[0].tools == ()


@pytest.mark.parametrize(
    "options",
    [
        {"search_context_size": "huge"},
        {"filters": {"allowed_domains": ["x.example"] * 101}},
        {"user_location": {"type": "exact"}},
        {"image_settings": {}},
    ],
)
async def test_wishes_that_cannot_be_honoured_are_refused(options):
    async with http_client(searching([])) as client:
        answer = await client.post(CHAT, json={"messages": "owls?", "web_search_options": options})
    assert answer.status_code in (400, 422)
