"""A folder of web pages on loopback, with a search engine over them: a small web to try and to measure searching on.

The engine answers as SearXNG does, so that the same code asks it that asks a real one. It ranks pages by the words of
their best passages, and knows nothing of meaning.
"""

from __future__ import annotations

import json
import mimetypes
import re
import threading
from collections import defaultdict
from collections.abc import Generator
from contextlib import contextmanager
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlsplit

from mistralrs_agent.errors import UserError
from mistralrs_agent.search.page import Page
from mistralrs_agent.search.rerank import split
from mistralrs_agent.search.words import Words

EXCERPT_CHARS = 200
RESULTS = 20


@contextmanager
def serving(folder: Path) -> Generator[str]:
    """Serve the HTML pages below `folder`; gives the address, where `/search?q=` is the engine.

    Raises: UserError when there are none.
    """
    pages = {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*.html"))}
    if not pages:
        raise UserError(f"no .html files below {str(folder)!r}")
    engine = _Engine(pages)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            address = urlsplit(self.path)
            if address.path == "/search":
                self._send("application/json", engine.answer(parse_qs(address.query)["q"][0], base))
            elif (page := pages.get(unquote(address.path[1:]))) is not None:
                self._send(mimetypes.guess_type(address.path)[0] or "text/html", page)
            else:
                self.send_error(404)

        def _send(self, content_type: str, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: the pages are asked for hundreds of times."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        base = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield base
        finally:
            server.shutdown()
            thread.join()


class _Engine:
    """Finds pages by their words."""

    def __init__(self, pages: dict[str, bytes]) -> None:
        htmls = {path: body.decode("utf-8", errors="replace") for path, body in pages.items()}
        self._pages = [Page(path, _title(html), _text(html)) for path, html in htmls.items()]
        self._passages = [passage for n, page in enumerate(self._pages) for passage in split(n, page)]
        self._words = Words([passage.titled for passage in self._passages])

    def answer(self, query: str, base: str) -> bytes:
        results = [
            {"url": f"{base}/{quote(page.url)}", "title": page.title, "content": page.text[:EXCERPT_CHARS]}
            for page in self._best(query)
        ]
        return json.dumps({"query": query, "results": results}).encode()

    def _best(self, query: str) -> list[Page]:
        """By the best passage of each, and a little by the next three."""
        passages: dict[int, list[float]] = defaultdict(list)
        for passage, score in zip(self._passages, self._words.scores(query), strict=True):
            passages[passage.page].append(score)
        scores = {page: (best := sorted(of, reverse=True))[0] + sum(best[1:4]) / 5 for page, of in passages.items()}
        return [self._pages[page] for page in sorted(scores, key=lambda page: -scores[page])[:RESULTS]]


def _text(html: str) -> str:
    body = re.sub(r"(?is)<(script|style|head)\b.*?</\1>", " ", html)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def _title(html: str) -> str:
    found = re.search(r"(?is)<title>(.*?)</title>", html)
    return " ".join(unescape(found[1]).split()) if found else ""
