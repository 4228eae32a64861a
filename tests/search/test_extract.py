from __future__ import annotations

import io
import itertools

import pytest
from one_page_pdf import one_page_pdf
from pypdf import PdfWriter

from mistralrs_agent.errors import ToolFailed
from mistralrs_agent.search.extract import MAX_TITLE_CHARS, extract
from mistralrs_agent.search.page import Fetched

SENTENCE = "The lighthouse keeper counted one hundred and twelve steps on the way up to the lamp. "


def fetched(body: str | bytes, content_type: str = "text/html", charset: str | None = "utf-8") -> Fetched:
    return Fetched("http://a.example/x", content_type, charset, body if isinstance(body, bytes) else body.encode())


def test_the_main_text_of_a_page_is_kept_and_its_menu_is_not():
    html = (
        "<html><head><title>Lighthouses</title></head><body><nav><a>Sign up for our newsletter</a></nav>"
        f"<article><h1>Lighthouses</h1><p>{SENTENCE * 3}</p></article><footer>Cookie settings</footer></body></html>"
    )
    page = extract(fetched(html))
    assert page.title == "Lighthouses"
    assert "one hundred and twelve steps" in page.text
    assert "newsletter" not in page.text
    assert "Cookie" not in page.text


def test_sections_named_like_page_furniture_and_sentences_with_links_are_kept():
    page = extract(
        fetched(
            f"<html><body><main><p>{SENTENCE * 3}</p>"
            f"<section id='share-variables'><h2>Sharing variables</h2><p>Use a module. {SENTENCE}</p></section>"
            "<ul><li><p><a href='/680'>PEP 680</a>: <a href='/t'>tomllib</a>, support for reading files in the "
            "<a href='/toml'>TOML</a> format, is new here.</p></li></ul></main></body></html>"
        )
    )
    assert "Use a module." in page.text
    assert "PEP 680: tomllib, support for reading files in the TOML format, is new here." in page.text


def test_a_page_that_is_no_article_still_gives_its_text():
    assert (
        "Opening hours: 9 to 5" in extract(fetched("<html><body><div>Opening hours: 9 to 5</div></body></html>")).text
    )


def test_the_charset_of_the_header_is_used():
    body = f"<html><body><p>Käse aus Köln. {SENTENCE * 3}</p></body></html>".encode("latin-1")
    assert "Käse aus Köln" in extract(fetched(body, charset="latin-1")).text


def test_a_pdf_gives_the_text_of_its_pages():
    page = extract(fetched(one_page_pdf("The treaty was signed in 1648."), "application/pdf", None))
    assert (page.title, page.text.strip()) == ("A small paper", "The treaty was signed in 1648.")


@pytest.mark.parametrize("body", [b"%PDF-1.4 broken", b"", one_page_pdf("x")[:200]])
def test_a_broken_pdf_is_said(body):
    with pytest.raises(ToolFailed, match=r"http://a\.example/x"):
        extract(fetched(body, "application/pdf", None))


def test_an_encrypted_pdf_is_said_and_one_without_a_password_is_read():
    for password, said in (("secret", "needs a password"), ("", "")):
        writer, packed = PdfWriter(clone_from=io.BytesIO(one_page_pdf("The treaty was signed in 1648."))), io.BytesIO()
        writer.encrypt(password, algorithm="AES-256")
        writer.write(packed)
        document = fetched(packed.getvalue(), "application/pdf", None)
        if said:
            with pytest.raises(ToolFailed, match=said):
                extract(document)
        else:
            assert "signed in 1648" in extract(document).text


def test_a_pdf_of_too_many_pages_says_what_is_left_out(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("mistralrs_agent.search.extract.MAX_PDF_PAGES", 2)
    writer, packed = PdfWriter(), io.BytesIO()
    for _ in range(3):
        writer.append(io.BytesIO(one_page_pdf("The treaty was signed.")))
    writer.write(packed)
    text = extract(fetched(packed.getvalue(), "application/pdf", None)).text
    assert text.count("The treaty was signed.") == 2
    assert text.endswith("(Pages 3 to 3 are left out.)")


def test_a_pdf_under_another_name_is_read_as_one():
    assert "signed in 1648" in extract(fetched(one_page_pdf("signed in 1648"), "text/html", None)).text


@pytest.mark.parametrize("content_type", ["text/html", "text/plain", "application/json"])
def test_binary_data_that_is_called_text_is_refused(content_type: str):
    with pytest.raises(ToolFailed, match=f"not text, though its server calls it {content_type}"):
        extract(fetched(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" * 50, content_type, None))


@pytest.mark.parametrize(
    ("charset", "written_as", "in_page"),
    [
        (None, "utf-8", ""),
        (None, "latin-1", '<meta charset="iso-8859-1">'),
        (None, "cp1251", '<meta http-equiv="Content-Type" content="text/html; charset=windows-1251">'),
        ("iso-8859-1", "utf-8", ""),
        ("utf-8", "latin-1", '<meta charset="utf-8">'),
        ("us-ascii", "cp1252", ""),
        ("utf-9", "utf-8", ""),
        ("hex", "utf-8", ""),
        ("zip", "latin-1", ""),
        (None, "utf-16", ""),
        (None, "utf-8-sig", ""),
        ("iso-2022-jp", "iso-2022-jp", ""),
        ("gb18030", "gb18030", ""),
    ],
)
def test_characters_are_right_whatever_server_and_page_say(charset: str | None, written_as: str, in_page: str):
    words = {
        "cp1251": "Смотритель маяка поднимается по лестнице каждый вечер и зажигает лампу",
        "iso-2022-jp": "灯台守は毎晩百十二段の階段を上ってランプを灯します",
        "gb18030": "灯塔看守人每天晚上爬一百一十二级台阶点亮灯",
    }.get(written_as, "Der Wärter steigt jeden Abend über hundertzwölf Stufen hinauf zur Lampe, wo es kühl wird")
    html = f"<html><head>{in_page}<title>T</title></head><body><p>{words}. {words}.</p></body></html>"
    assert words in extract(fetched(html.encode(written_as), charset=charset)).text


def test_xhtml_with_its_own_declaration_is_read():
    declared = (
        '<?xml version="1.0" encoding="iso-8859-1"?><html xmlns="http://www.w3.org/1999/xhtml"><body><p>Käse aus Köln'
    )
    page = extract(fetched(f"{declared}</p></body></html>".encode("latin-1"), "application/xhtml+xml", None))
    assert page.text.strip() == "Käse aus Köln"


def test_entities_that_multiply_are_not_expanded():
    entities = "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in itertools.pairwise("abcdefghijkl"))
    bomb = f'<!DOCTYPE html [<!ENTITY a "aaaaaaaaaa">{entities}]><html><body><p>Tea. &l;</p></body></html>'
    assert len(extract(fetched(bomb, "application/xhtml+xml")).text) < 1000


def test_the_text_of_a_page_is_at_most_a_million_letters():
    assert len(extract(fetched("word " * 300_000, "text/plain")).text) == 1_000_000


def test_plain_text_and_json_stay_as_they_are():
    assert extract(fetched('{"a": 1}', "application/json")).text == '{"a": 1}'


@pytest.mark.parametrize("body", ["", "   ", "<html><body><script>x()</script></body></html>"])
def test_a_page_without_text_is_said(body):
    with pytest.raises(ToolFailed, match="no readable text"):
        extract(fetched(body))


def test_no_page_can_have_a_title_as_long_as_a_book():
    head = f'<meta property="og:title" content="A\nlong  {"tale " * 100_000}"><title>T</title>'
    body = "The lighthouse keeper wrote in his journal every night of the year. " * 5
    html = f"<html><head>{head}</head><body><p>{body}</p></body></html>"
    title = extract(Fetched("http://example.org/", "text/html", None, html.encode())).title
    assert title.startswith("A long tale tale") and len(title) == MAX_TITLE_CHARS
