"""The readable text of a fetched page: main text of HTML, pages of a PDF, anything else as it is."""

from __future__ import annotations

import io
import logging
from dataclasses import dataclass

from mistralrs_agent.errors import ToolFailed
from mistralrs_agent.search.fetch import Fetched

MAX_PDF_PAGES = 200
_HTML = ("text/html", "application/xhtml+xml")
# Both report every oddity of the wild web; what matters is whether text came out.
logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
logging.getLogger("pypdf").setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class Page:
    """A page as text."""

    url: str
    title: str
    text: str


def extract(fetched: Fetched) -> Page:
    """Turn a body into text. Takes up to seconds of CPU: run it in a thread.

    Raises: ToolFailed when there is no text in it.
    """
    if fetched.content_type == "application/pdf":
        page = _from_pdf(fetched)
    elif fetched.content_type in _HTML:
        page = _from_html(fetched)
    else:
        page = Page(fetched.url, "", fetched.body.decode(fetched.charset or "utf-8", errors="replace"))
    if not page.text.strip():
        raise ToolFailed(f"{fetched.url} has no readable text")
    return page


def _from_html(fetched: Fetched) -> Page:
    from trafilatura import bare_extraction, html2txt  # slow to import; only when a page is read  # noqa: PLC0415
    from trafilatura.settings import Document  # noqa: PLC0415

    html = fetched.body.decode(fetched.charset, errors="replace") if fetched.charset else fetched.body
    found = bare_extraction(html, url=fetched.url, include_comments=False, favor_recall=True, with_metadata=True)
    title, text = (found.title, found.text) if isinstance(found, Document) else (None, None)
    return Page(fetched.url, title or "", text or html2txt(html))


def _from_pdf(fetched: Fetched) -> Page:
    from pypdf import PdfReader  # slow to import; only when a PDF is read  # noqa: PLC0415
    from pypdf.errors import PyPdfError  # noqa: PLC0415

    try:
        reader = PdfReader(io.BytesIO(fetched.body))
        text = "\n\n".join(page.extract_text() for page in reader.pages[:MAX_PDF_PAGES])
        title = reader.metadata.title if reader.metadata else None
    except (PyPdfError, ValueError, KeyError, RecursionError) as error:
        raise ToolFailed(f"{fetched.url} is a PDF that cannot be read: {error}") from error
    return Page(fetched.url, title or "", text)
