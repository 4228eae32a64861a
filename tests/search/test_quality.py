"""Searching finds the answers: real pages and the whole path, from the engine to the text for the model.

`python_docs/pages.tar.xz` holds 24 unchanged pages of the Python 3.11 documentation, most of them long, © Python
Software Foundation, under the PSF licence (https://docs.python.org/3.11/license.html). The questions are ours:
`questions.tsv` as people ask, `questions_terse.tsv` without the names of the things they are about. They are about all
of the documentation, which `mistralrs bench search` can take from Debian's `python3-doc`.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from mistralrs_agent.cli import main
from mistralrs_agent.errors import UserError
from mistralrs_agent.search.benchmark import Question, SearchMeasurement, measure_search, read_questions
from mistralrs_agent.search.engines import SearxngProvider
from mistralrs_agent.search.page import Page
from mistralrs_agent.search.site import serving
from mistralrs_agent.search.web import PageReader, SearchSettings, SearchWishes, open_search

DOCS = Path(__file__).parent / "python_docs"
PARAPHRASED = (
    "I made a list of three empty lists",
    "Stop with an error if two lists",
    "Why do hashes of strings differ",
    "Stop a repetition from giving back",
    "Give up waiting on something",
)
"""Beginnings of questions that share few words with their answers."""


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


async def measure(base: str, embedding_model: str | None, questions: Sequence[Question]) -> SearchMeasurement:
    settings = SearchSettings(embedding_model=embedding_model, allow_private=True)
    search, _ = open_search(settings, SearxngProvider(base))
    return await measure_search(search, base, questions)


@pytest.fixture(scope="module")
def asked(pages: Path) -> list[Question]:
    """Those about the pages here."""
    names = ("questions.tsv", "questions_terse.tsv")
    return [question for name in names for question in read_questions(DOCS / name) if (pages / question.page).exists()]


async def test_embeddings_find_answers_that_words_alone_do_not(site: str, asked: list[Question]):
    """Of questions whose words the answers do not share; a few, because the real embedding model reads the passages."""
    chosen = [question for question in asked if question.words.startswith(PARAPHRASED)]
    assert len(chosen) == len(PARAPHRASED)
    by_words, by_both = await measure(site, None, chosen), await measure(site, "minilm", chosen)
    assert by_both.answered["medium"] >= by_words.answered["medium"] + 3, by_both.missed


async def test_the_engine_and_words_alone_find_what_they_should(site: str, asked: list[Question]):
    found = await measure(site, None, asked)
    assert found.questions >= 50
    assert found.found >= 0.9 * found.questions, found.missed
    assert found.answered["low"] <= found.answered["medium"] <= found.answered["high"]
    assert 0.6 * found.questions <= found.answered["medium"] < found.questions, found.missed


def test_the_command_measures_pages_of_ones_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    questions = tmp_path / "questions.tsv"
    questions.write_text(
        "bees.html\tWhat do bees make out of nectar?\tHoney is made\n"
        "bees.html\tHow many bees live in a hive?\tno page says this\n"
    )
    pages = tmp_path / "pages"
    pages.mkdir()
    for name, words in (
        ("bees", "Bees live in a hive, many thousands of them. Honey is made from the nectar that bees collect."),
        ("wasps", "Wasps eat other insects. They build a nest out of paper, and make nothing that could be stored."),
    ):
        (pages / f"{name}.html").write_text(f"<html><title>{name}</title><body><article><p>{words}</p></article>")
    arguments = ("--pages", str(pages), "--questions", str(questions))
    with pytest.raises(SystemExit) as left:
        main(("bench", "search", *arguments, "--json"))
    assert not left.value.code
    results = json.loads(capsys.readouterr().out)
    assert list(results) == ["minilm", "words"]
    for result in results.values():
        assert (result["questions"], result["found"]) == (2, 2)
        assert result["in_text"] == {"low": 2, "medium": 2, "high": 2}
        assert result["answered"] == {"low": 1, "medium": 1, "high": 1}
        assert result["missed"][0]["answer"] == "no page says this"
        assert 0 < result["p50_ms"] <= result["p95_ms"] and result["memory_mib"] >= 0
    with pytest.raises(SystemExit):
        main(("bench", "search", *arguments))
    table = capsys.readouterr().out.splitlines()
    with pytest.raises(SystemExit) as left:
        main(("bench", "search"))
    assert left.value.code == 2
    assert table[0] == "2 questions; the engine names the page of 2"
    assert table[1].split()[:4] == ["ranking", "context", "page", "answer"]
    assert table[2].split()[:4] == ["minilm", "low", "100%", "50%"]


def test_broken_questions_and_folders_without_pages_are_refused(tmp_path: Path):
    file = tmp_path / "questions.tsv"
    for text, said in (("", "no questions"), ("a page\n", "line 1"), ("a\tb\t\n", "line 1")):
        file.write_text(text)
        with pytest.raises(UserError, match=said):
            read_questions(file)
    with pytest.raises(UserError, match=r"no \.html files"), serving(tmp_path):
        pass
