"""Pages that hang or swell their parser cost a process of their own, never the server."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest

from mistralrs_agent.errors import ToolFailed
from mistralrs_agent.search.extractor import Extractor
from mistralrs_agent.search.page import Fetched

ENDLESS = Fetched("http://a.example/endless", "text/html", "utf-8", b"<html><body>" + b"<a>" * 2_500_000)
"""Takes the parser minutes."""
SMALL = Fetched("http://a.example/small", "text/html", "utf-8", b"<html><title>S</title><body><p>A small page.")


@pytest.fixture
def extractor() -> Iterator[Extractor]:
    extractor = Extractor()
    yield extractor
    extractor.close()
    assert extractor.process_ids() == []


async def test_pages_are_read_by_processes_that_are_kept(extractor: Extractor):
    pages = await asyncio.gather(*(extractor.extract(SMALL) for _ in range(6)))
    assert {(page.url, page.title, page.text) for page in pages} == {(SMALL.url, "S", "A small page.")}
    processes = extractor.process_ids()
    assert 1 <= len(processes) <= 2
    assert os.getpid() not in processes
    await extractor.extract(SMALL)
    assert set(processes) <= set(extractor.process_ids())


async def test_processes_of_a_large_server_are_kept_too(extractor: Extractor):
    ballast = b"x" * (300 * 2**20)
    await extractor.extract(SMALL)
    processes = extractor.process_ids()
    await extractor.extract(SMALL)
    assert set(processes) <= set(extractor.process_ids())
    assert ballast


async def test_a_page_without_text_is_said_by_the_process(extractor: Extractor):
    with pytest.raises(ToolFailed, match="no readable text"):
        await extractor.extract(Fetched("http://a.example/", "text/html", None, b""))
    assert len(extractor.process_ids()) == 1


async def test_a_page_that_takes_for_ever_is_given_up_and_others_do_not_wait_for_it():
    extractor = Extractor(page_seconds=2)
    hanging = asyncio.create_task(extractor.extract(ENDLESS))
    assert (await extractor.extract(SMALL)).text == "A small page."
    assert not hanging.done()
    with pytest.raises(ToolFailed, match="endless cannot be read: getting its text takes more than 2 s"):
        await hanging
    extractor.close()


async def test_a_process_that_is_killed_fails_its_page_only(extractor: Extractor):
    hanging = asyncio.create_task(extractor.extract(ENDLESS))
    while not extractor.process_ids():  # noqa: ASYNC110 - nothing else tells
        await asyncio.sleep(0)
    os.kill(extractor.process_ids()[0], signal.SIGKILL)
    with pytest.raises(ToolFailed, match=r"getting its text ended its process \(-9\)"):
        await hanging
    assert (await extractor.extract(SMALL)).text == "A small page."


async def test_closing_ends_what_is_being_read():
    extractor = Extractor()
    hanging = asyncio.create_task(extractor.extract(ENDLESS))
    while not extractor.process_ids():  # noqa: ASYNC110 - nothing else tells
        await asyncio.sleep(0)
    await asyncio.to_thread(extractor.close)
    with pytest.raises(ToolFailed, match="ended its process"):
        await hanging
    assert extractor.process_ids() == []


def test_an_extractor_serves_several_event_loops(extractor: Extractor):
    assert [asyncio.run(extractor.extract(SMALL)).text for _ in range(2)] == ["A small page."] * 2
