"""A small web on loopback, with a search engine, to search for real."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from mistralrs_agent.errors import ToolFailed
from mistralrs_agent.search.provider import SearchHit


@dataclass
class LoopbackWeb:
    """Pages by path; `/search?q=` lists those that share a word with the query."""

    port: int = 0
    pages: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Path and Host header of each request."""
    hanging: set[str] = field(default_factory=set)
    """Paths that are not answered until `released`."""
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def add(self, path: str, body: str | bytes, content_type: str = "text/html; charset=utf-8") -> str:
        content = body.encode() if isinstance(body, str) else body
        self.pages[path] = (200, {"Content-Type": content_type}, content)
        return self.base + path

    def redirect(self, path: str, target: str) -> str:
        self.pages[path] = (302, {"Location": target}, b"")
        return self.base + path

    def article(self, path: str, title: str, *paragraphs: str) -> str:
        body = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
        menu = "<nav><a href='/'>Home</a><a href='/login'>Log in to continue</a></nav>"
        html = f"<html><head><title>{title}</title></head><body>{menu}<article><h1>{title}</h1>{body}</article></body>"
        return self.add(path, html)

    def search(self, query: str) -> list[dict[str, str]]:
        words = set(re.findall(r"\w+", query.lower()))
        found = []
        for path, (status, _, body) in self.pages.items():
            text = body.decode(errors="replace")
            if status == 200 and words & set(re.findall(r"\w+", text.lower())):
                title = re.search(r"<title>(.*?)</title>", text)
                found.append({"title": title[1] if title else path, "url": self.base + path, "text": "an excerpt"})
        return found


@pytest.fixture
def web() -> Iterator[LoopbackWeb]:
    site = LoopbackWeb()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            site.asked.append((self.path, self.headers["Host"]))
            if parts.path in site.hanging:
                site.released.wait()
            status, headers, body = site.pages.get(parts.path, (404, {"Content-Type": "text/plain"}, b"not here"))
            if parts.path == "/search":
                found = site.search(parse_qs(parts.query)["q"][0])
                status, headers, body = 200, {"Content-Type": "application/json"}, json.dumps(found).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body)), "Connection": "close"}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def log_message(self, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *args: object) -> None:
            """A client that stops reading a page that is too large is expected."""

    with Server(("127.0.0.1", 0), Handler) as server:
        site.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield site
        server.shutdown()
        thread.join()


class LoopbackProvider:
    """Asks the search engine of the loopback web over HTTP."""

    def __init__(self, base: str) -> None:
        self.base = base

    async def search(self, query: str, max_results: int) -> list[SearchHit]:
        try:
            async with httpx.AsyncClient() as client:
                found = (await client.get(f"{self.base}/search", params={"q": query})).raise_for_status().json()
        except httpx.HTTPError as error:
            raise ToolFailed(f"web search failed: {error}") from error
        return [SearchHit(hit["title"], hit["url"], hit["text"]) for hit in found[:max_results]]


@pytest.fixture
def provider(web: LoopbackWeb) -> LoopbackProvider:
    return LoopbackProvider(web.base)
