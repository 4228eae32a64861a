"""The readable text of a fetched page: main text of HTML, pages of a PDF, anything else as it is."""

from __future__ import annotations

import io
import logging
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from mistralrs_agent.errors import ToolFailed
from mistralrs_agent.search.charset import decoded
from mistralrs_agent.search.page import Fetched, Page

if TYPE_CHECKING:
    from lxml.html import HtmlElement
    from pypdf import PdfReader

MAX_PDF_PAGES = 200
PDF_SECONDS = 5.0
"""After this no further page of a PDF is begun."""
MAX_CHARS = 1_000_000
MAX_TITLE_CHARS = 300
_HTML = ("text/html", "application/xhtml+xml")
# Both report every oddity of the wild web; what matters is whether text came out.
logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
logging.getLogger("pypdf").setLevel(logging.CRITICAL)


def extract(fetched: Fetched) -> Page:
    """Turn a body into text of at most `MAX_CHARS`.

    Hostile pages can make it take any time and memory: `Extractor` bounds both.
    Raises: ToolFailed when there is no text in it.
    """
    if fetched.body.startswith(b"%PDF-") or fetched.content_type == "application/pdf":
        title, text = _from_pdf(fetched)
    else:
        text = decoded(fetched.body, fetched.charset)
        if "\0" in text[:4096]:
            raise ToolFailed(f"{fetched.url} is not text, though its server calls it {fetched.content_type}")
        title, text = _from_html(text, fetched.url) if fetched.content_type in _HTML else ("", text)
    if not text.strip():
        raise ToolFailed(f"{fetched.url} has no readable text")
    return Page(fetched.url, title, text[:MAX_CHARS])


def _from_html(html: str, url: str) -> tuple[str, str]:
    from trafilatura import bare_extraction, html2txt  # slow to import; only when a page is read  # noqa: PLC0415
    from trafilatura.metadata import extract_title  # noqa: PLC0415
    from trafilatura.settings import Document  # noqa: PLC0415
    from trafilatura.utils import load_html  # noqa: PLC0415

    tree = load_html(html)
    if tree is None:
        return "", ""
    # All metadata, author and date and the rest, would take as long as the text.
    title = next(iter(tree.xpath("//meta[@property='og:title']/@content")), "") or extract_title(tree) or ""
    _hide_false_signs(tree)
    found = bare_extraction(tree, url=url, include_comments=False, favor_recall=True)
    text = found.text if isinstance(found, Document) else None
    title = " ".join(title.split())[:MAX_TITLE_CHARS].rstrip("¶#")  # marks that link to the heading itself
    return title, text or html2txt(html)


def _hide_false_signs(tree: HtmlElement) -> None:
    """Change in place what would be taken for page furniture and is not.

    A section on "sharing variables" has an id that looks like that of share buttons; a sentence with a few links looks
    like a menu.
    """
    for element in tree.iter("section", "dt", "span", "h1", "h2", "h3", "h4"):
        element.attrib.pop("id", None)
    for paragraph in tree.iter("p"):
        links = list(paragraph.iter("a"))
        if links and 2 * sum(len(link.text_content()) for link in links) < len(paragraph.text_content()):
            for link in links:
                link.drop_tag()


def _from_pdf(fetched: Fetched) -> tuple[str, str]:
    from pypdf import PdfReader  # slow to import; only when a PDF is read  # noqa: PLC0415
    from pypdf.errors import FileNotDecryptedError  # noqa: PLC0415

    try:
        reader = PdfReader(io.BytesIO(fetched.body))
        title = reader.metadata.title if reader.metadata else None
        return title or "", "\n\n".join(_pdf_pages(reader))
    except FileNotDecryptedError as error:
        raise ToolFailed(f"{fetched.url} is a PDF that needs a password") from error
    except Exception as error:  # pypdf raises nearly anything for what is wrong with a file
        raise ToolFailed(f"{fetched.url} is a PDF that cannot be read: {type(error).__name__}: {error}") from error


def _pdf_pages(reader: PdfReader) -> Iterator[str]:
    """The text of each page, as far as time and length allow."""
    until, chars = time.monotonic() + PDF_SECONDS, 0
    for number, page in enumerate(reader.pages, 1):
        if number > MAX_PDF_PAGES or chars > MAX_CHARS or time.monotonic() > until:
            yield f"(Pages {number} to {len(reader.pages)} are left out.)"
            return
        text = page.extract_text()
        chars += len(text)
        yield text
