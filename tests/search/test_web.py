"""The whole path of a search over a loopback web: provider, fetch, text, real embeddings."""

from __future__ import annotations

import functools
import json
import re

import pytest

from engine import Message, SamplingParams
from engine.chat.scripted import ScriptedModel, call, text
from mistralrs_agent.agent.agent import Agent, AgentSettings
from mistralrs_agent.agent.events import CallReady, ToolFinished
from mistralrs_agent.agent.sessions import Sessions
from mistralrs_agent.agent.turn import Turn
from mistralrs_agent.errors import ToolFailed
from mistralrs_agent.search import rerank
from mistralrs_agent.search import web as web_module
from mistralrs_agent.search.page import Fetched, Page
from mistralrs_agent.search.provider import SearchHit
from mistralrs_agent.search.rerank import CHUNK_WORDS, KEPT_BY_BM25, Reranker, split
from mistralrs_agent.search.web import Findings, PageReader, SearchSettings, open_search
from mistralrs_agent.search.words import Words
from mistralrs_agent.storage.sessions import SessionStore
from mistralrs_agent.tools.read_page import ReadPageTool
from mistralrs_agent.tools.toolbox import Toolbox
from mistralrs_agent.tools.web_search import WebSearchTool

LOCAL = SearchSettings(allow_private=True)
LEXICAL = SearchSettings(allow_private=True, embedding_model=None)
FILLER = "The town has a market every Saturday and the old bridge was repaired with local stone. " * 5


@pytest.fixture(autouse=True)
def loaded_once(monkeypatch):
    """The real model, read from disk once for all tests of this file."""
    monkeypatch.setattr(rerank, "_load_model", _load_once)


_load_once = functools.cache(rerank._load_model)


@pytest.fixture
def towns(web):
    web.article("/harbour", "Harbour town", FILLER, "Its mayor, elected last spring, is Ada Lindqvist.", FILLER)
    web.article("/cheese", "Cheese", "The town is known for cheese. " * 10)
    web.article("/weather", "Weather in town", "It rains in the town on most days of November. " * 8)
    return web


class Broken:
    async def search(self, query: str, max_results: int) -> list[SearchHit]:
        raise ToolFailed("web search failed: 202 Ratelimit")


class Nothing:
    async def search(self, query: str, max_results: int) -> list[SearchHit]:
        return []


async def test_the_passage_that_answers_comes_first_though_it_shares_no_word(towns, provider):
    search, _ = open_search(LOCAL, provider)
    await search.prepare()
    answer = await search.search("Who is the head of government of the town?")
    assert answer.output[0].url == towns.base + "/harbour"
    assert "Ada Lindqvist" in answer.output[0].content
    assert answer.output[0].title == "Harbour town"
    assert answer.to_json()["sources"] == [f"127.0.0.1:{towns.port}"]
    assert {source.url for source in answer.output} == {towns.base + p for p in ("/harbour", "/cheese", "/weather")}


async def test_the_budget_keeps_the_best_passages_only(towns, provider):
    search, _ = open_search(LOCAL, provider)
    answer = await search.search("Who is the mayor?", max_chars=2000)
    assert "Ada Lindqvist" in answer.output[0].content
    assert sum(len(source.content) for source in answer.output) <= 2000


async def test_a_query_that_is_a_url_reads_that_page(towns, provider):
    search, _ = open_search(LEXICAL, provider)
    answer = await search.search(towns.base + "/cheese")
    assert [source.url for source in answer.output] == [towns.base + "/cheese"]
    assert towns.asked == [("/cheese", f"127.0.0.1:{towns.port}")]


async def test_a_page_that_cannot_be_read_leaves_its_excerpt(web, provider):
    web.article("/good", "Good", "All about lighthouses. " * 20)
    web.add("/film", "lighthouses", "video/mp4")
    search, _ = open_search(LEXICAL, provider)
    contents = {source.url: source.content for source in (await search.search("lighthouses")).output}
    assert contents[web.base + "/film"] == "an excerpt"
    assert "All about lighthouses." in contents[web.base + "/good"]


async def test_private_pages_are_not_read_unless_allowed(towns, provider):
    search, pages = open_search(SearchSettings(embedding_model=None), provider)
    with pytest.raises(ToolFailed, match="private network"):
        await pages.read(towns.base + "/cheese")
    assert {source.content for source in (await search.search("town")).output} == {"an excerpt"}


async def test_without_an_embedding_model_words_decide_and_the_log_says_so(towns, provider, caplog, tmp_path):
    settings = SearchSettings(allow_private=True, embedding_model=str(tmp_path))
    search, _ = open_search(settings, provider)
    answer = await search.search("town mayor elected")
    assert "Ada Lindqvist" in answer.output[0].content
    assert "ranked by word statistics alone" in caplog.text
    caplog.clear()
    await search.search("town mayor elected")
    assert "word statistics" not in caplog.text


def test_passages_hold_whole_pages_within_their_length():
    page = Page("http://a", "A", "\n".join([" ".join(f"w{n}" for n in range(400)), "short line", "another"]))
    chunks = split(3, page)
    assert " ".join(" ".join(chunk.text for chunk in chunks).split()) == " ".join(page.text.split())
    assert all(len(chunk.text.split()) <= CHUNK_WORDS for chunk in chunks)
    assert [chunk.position for chunk in chunks] == list(range(len(chunks)))
    assert {chunk.page for chunk in chunks} == {3}


def test_bm25_prefers_rare_words_and_short_passages():
    texts = ("a big cat", "a big zebra " + "and more " * 40, "a big zebra", "a big dog")
    assert Words(texts).ranked("big zebra")[:2] == [2, 1]
    assert Words([]).ranked("zebra") == []


def test_words_are_compared_without_endings_and_identifiers_by_their_parts():
    texts = ("nothing here", "sets the add_mutually_exclusive_group", "stopped running")
    assert Words(texts).ranked("exclusive groups")[0] == 1
    assert Words(texts).ranked("does it stop or run?")[0] == 2


def test_words_of_a_question_do_not_count_unless_there_are_no_others():
    texts = ("how do I, and why would you", "the harbour", "nothing")
    assert Words(texts).ranked("how would I do harbours?")[0] == 1
    assert Words(texts).ranked("why would you?")[0] == 0


async def test_many_passages_are_narrowed_before_the_embeddings():
    pages = [Page(f"http://{n}", "", f"note {n} about stones") for n in range(2 * KEPT_BY_BM25)]
    pages.append(Page("http://needle", "", "the comet returned in 1986"))
    ranked = await Reranker("minilm").rank("when did the comet return", pages)
    assert len(ranked) == 2 * KEPT_BY_BM25 + 1
    assert ranked[0].text == "the comet returned in 1986"


async def test_passages_that_stand_together_are_joined_and_gaps_are_marked():
    page = Page("http://a", "A", "\n".join(f"paragraph {n} " + f"stone{n} " * 80 for n in range(4)))
    chunks = split(0, page)
    taken = Findings([SearchHit("A", page.url, "")], [page], [chunks[3], chunks[0], chunks[1]])
    assert (
        re.sub(r"( stone\d)+ ?", "", taken.within(10_000).output[0].content)
        == "paragraph 0\nparagraph 1\n…\nparagraph 3"
    )


def web_agent(model: ScriptedModel, search, pages) -> Agent:
    toolbox = Toolbox([WebSearchTool(search), ReadPageTool(pages)])
    sessions = Sessions(SessionStore(), toolbox.end_session)
    return Agent(model, toolbox, AgentSettings(web_search=True), sessions)


async def run(agent: Agent, question: str):
    turn = Turn((Message("user", question),), SamplingParams(), web_search=True)
    return [event async for event in agent.run(turn)]


async def test_the_model_searches_reads_a_page_and_gets_text(towns, provider):
    model = ScriptedModel(
        [
            [call("mistralrs_search_the_web", {"query": "mayor of the town"})],
            [call("mistralrs_website_content_extractor", {"url": towns.base + "/cheese"})],
            [text("It is Ada Lindqvist.")],
        ]
    )
    events = await run(web_agent(model, *open_search(LOCAL, provider)), "Who is mayor?")
    searched, read = (json.loads(m.content) for m in model.requests[2].messages if m.role == "tool")
    assert "Ada Lindqvist" in searched["output"][0]["content"]
    assert "known for cheese" in read["output"]
    ready = [e for e in events if isinstance(e, CallReady)]
    assert [e.tool.label for e in ready] == ["Web search", "Web page extraction"]
    assert ready[0].data == {"tool_type": "web_search", "query": "mayor of the town"}
    done = [e.result for e in events if isinstance(e, ToolFinished)]
    assert done[0].data["results_count"] == 3
    assert "Harbour town" in done[0].card.body
    assert len(done[0].content) <= model.info.context_tokens


async def test_a_failing_provider_and_an_empty_answer_are_seen_by_model_and_user():
    for broken, status, said in ((Broken(), "failed", "202 Ratelimit"), (Nothing(), "success", "Nothing was found")):
        model = ScriptedModel([[call("mistralrs_search_the_web", {"query": "x"})], [text("sorry")]])
        events = await run(web_agent(model, *open_search(LEXICAL, broken)), "search")
        content = json.loads(model.requests[1].messages[-1].content)
        assert content["status"] == status
        assert said in str(content)
        (done,) = (e.result for e in events if isinstance(e, ToolFinished))
        assert done.ok == (status == "success")
        assert (said in done.card.body) or (done.card.title == "Nothing found")


async def test_a_page_on_a_private_address_is_refused_to_the_model():
    model = ScriptedModel(
        [[call("mistralrs_website_content_extractor", {"url": "http://169.254.169.254/latest"})], [text("no")]]
    )
    await run(web_agent(model, *open_search(SearchSettings())), "read it")
    assert "private network" in json.loads(model.requests[1].messages[-1].content)["error"]


class Changing:
    """A page that is another at each of the times given, and what turns it into text."""

    def __init__(self, *texts: str) -> None:
        self.texts = iter(texts)
        self.extracted: list[str] = []

    async def fetch(self, url: str) -> Fetched:
        return Fetched(url, "text/plain", None, next(self.texts).encode())

    async def extract(self, fetched: Fetched) -> Page:
        self.extracted.append(fetched.body.decode())
        return Page(fetched.url, "", self.extracted[-1])


async def test_a_page_becomes_text_anew_only_when_it_has_changed():
    page = Changing("one", "one", "two", "one")
    reader = PageReader(page, page)
    assert [(await reader.read("http://a/")).text for _ in range(4)] == ["one", "one", "two", "one"]
    assert page.extracted == ["one", "two"]


async def test_of_the_text_of_pages_the_part_used_last_stays(monkeypatch):
    monkeypatch.setattr(web_module, "KEPT_CHARS", 6)
    page = Changing("one", "two", "one", "six", "one", "two")
    reader = PageReader(page, page)
    for _ in range(6):
        await reader.read("http://a/")
    assert page.extracted == ["one", "two", "six", "two"]
