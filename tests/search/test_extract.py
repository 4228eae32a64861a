from __future__ import annotations

import pytest

from mistralrs_agent.errors import ToolFailed
from mistralrs_agent.search.extract import extract
from mistralrs_agent.search.fetch import Fetched

SENTENCE = "The lighthouse keeper counted one hundred and twelve steps on the way up to the lamp. "


def fetched(body: str | bytes, content_type: str = "text/html", charset: str | None = "utf-8") -> Fetched:
    return Fetched("http://a.example/x", content_type, charset, body if isinstance(body, bytes) else body.encode())


def one_page_pdf(text: str) -> bytes:
    """A PDF with one line of text, written by hand."""
    stream = f"BT /F1 12 Tf 72 700 Td ({text}) Tj ET".encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R "
        b"/Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Title (A small paper) >>",
    ]
    pdf, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(pdf))
        pdf += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(pdf)
    pdf += b"xref\n0 6\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return pdf + b"trailer << /Size 6 /Root 1 0 R /Info 5 0 R >>\nstartxref\n%d\n%%%%EOF\n" % start


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


def test_plain_text_and_json_stay_as_they_are():
    assert extract(fetched('{"a": 1}', "application/json")).text == '{"a": 1}'


@pytest.mark.parametrize("body", ["", "   ", "<html><body><script>x()</script></body></html>"])
def test_a_page_without_text_is_said(body):
    with pytest.raises(ToolFailed, match="no readable text"):
        extract(fetched(body))
