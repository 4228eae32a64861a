"""Searching finds the answers: real pages and the whole path, from the engine to the text for the model.

`python_docs/pages.tar.xz` holds 65 unchanged pages of the Python 3.11 documentation, © Python Software Foundation,
under the PSF licence (https://docs.python.org/3.11/license.html); the questions are ours.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from mistralrs_agent.cli import main
from mistralrs_agent.errors import UserError
from mistralrs_agent.search.benchmark import SearchMeasurement, measure_search, read_questions
from mistralrs_agent.search.engines import SearxngProvider
from mistralrs_agent.search.page import Page
from mistralrs_agent.search.site import serving
from mistralrs_agent.search.web import PageReader, SearchSettings, SearchWishes, open_search

DOCS = Path(__file__).parent / "python_docs"


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages")
    with tarfile.open(DOCS / "pages.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder


@pytest.fixture(scope="module")
def site(pages: Path) -> Iterator[str]:
    """Each page is fetched and turned into text once, though the questions bring it up again and again."""
    known: dict[str, Page] = {}
    read = PageReader.read

    async def read_once(reader: PageReader, url: str, wishes: SearchWishes | None = None) -> Page:
        if url not in known:
            known[url] = await read(reader, url, wishes)
        return known[url]

    with serving(pages) as base, pytest.MonkeyPatch.context() as patch:
        patch.setattr(PageReader, "read", read_once)
        yield base


async def measure(base: str, embedding_model: str | None) -> SearchMeasurement:
    settings = SearchSettings(embedding_model=embedding_model, allow_private=True)
    search, _ = open_search(settings, SearxngProvider(base))
    return await measure_search(search, base, read_questions(DOCS / "questions.tsv"))


async def test_nine_of_ten_answers_reach_the_model_at_medium(site: str):
    found = await measure(site, "minilm")
    assert found.questions >= 50
    assert found.hit_rate >= 0.9, found.missed
    assert found.mean_chars <= 8192 * 4


async def test_word_statistics_alone_are_a_fair_second(site: str):
    found = await measure(site, None)
    assert 0.8 <= found.hit_rate <= 1, found.missed


def test_the_command_measures_pages_of_ones_own(pages: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    questions = tmp_path / "questions.tsv"
    questions.write_text(
        "library/tomllib.html\tCan Python write a TOML configuration file?\tdoes not support writing TOML\n"
        "library/tomllib.html\tWhich module compresses with LZMA?\tno page says this\n"
    )
    few = tmp_path / "few"
    (few / "library").mkdir(parents=True)
    for name in ("tomllib", "copy"):
        (few / f"library/{name}.html").write_bytes((pages / f"library/{name}.html").read_bytes())
    arguments = ("--pages", str(few), "--questions", str(questions))
    with pytest.raises(SystemExit) as left:
        main(("bench", "search", *arguments, "--json"))
    assert not left.value.code
    results = json.loads(capsys.readouterr().out)
    assert list(results) == ["minilm", "words"]
    for result in results.values():
        assert (result["questions"], result["answered"]) == (2, 1)
        assert result["missed"][0]["answer"] == "no page says this"
        assert result["p50_ms"] > 0 and result["peak_memory_mib"] > 0
    with pytest.raises(SystemExit):
        main(("bench", "search", *arguments))
    table = capsys.readouterr().out.splitlines()
    with pytest.raises(SystemExit) as left:
        main(("bench", "search"))
    assert left.value.code == 2
    assert table[0].split()[:2] == ["ranking", "answered"] and "1/2" in table[1]


def test_broken_questions_and_folders_without_pages_are_refused(tmp_path: Path):
    file = tmp_path / "questions.tsv"
    for text, said in (("", "no questions"), ("a page\n", "line 1"), ("a\tb\t\n", "line 1")):
        file.write_text(text)
        with pytest.raises(UserError, match=said):
            read_questions(file)
    with pytest.raises(UserError, match=r"no \.html files"), serving(tmp_path):
        pass
