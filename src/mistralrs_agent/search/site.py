"""A folder of web pages on loopback, with a search engine over them: a small web to try and to measure searching on.

The engine answers as SearXNG does, so that the same code asks it that asks a real one. It knows whole pages only, by
the words on them.
"""

from __future__ import annotations

import json
import mimetypes
import re
import threading
from collections.abc import Generator
from contextlib import contextmanager
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlsplit

from mistralrs_agent.errors import UserError
from mistralrs_agent.search.rerank import Chunk, Words

EXCERPT_CHARS = 200


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
        self._texts = {path: _text(body.decode("utf-8", errors="replace")) for path, body in pages.items()}
        self._titles = {path: _title(body.decode("utf-8", errors="replace")) for path, body in pages.items()}
        self._paths = list(pages)
        self._words = Words([Chunk(n, 0, self._titles[p], self._texts[p]) for n, p in enumerate(self._paths)])

    def answer(self, query: str, base: str) -> bytes:
        found = [self._paths[chunk.page] for chunk in self._words.ranked(query)[:20]]
        results = [
            {"url": f"{base}/{quote(path)}", "title": self._titles[path], "content": self._texts[path][:EXCERPT_CHARS]}
            for path in found
        ]
        return json.dumps({"query": query, "results": results}).encode()


def _text(html: str) -> str:
    body = re.sub(r"(?is)<(script|style|head)\b.*?</\1>", " ", html)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def _title(html: str) -> str:
    found = re.search(r"(?is)<title>(.*?)</title>", html)
    return " ".join(unescape(found[1]).split()) if found else ""
