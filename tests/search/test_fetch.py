from __future__ import annotations

import asyncio
import gzip

import pytest

from mistralrs_agent.errors import ToolFailed
from mistralrs_agent.search.fetch import Fetcher, FetchLimits, is_public


def resolver(**hosts: str):
    async def look_up(host: str, port: int) -> list[str]:
        return hosts[host.split(".", maxsplit=1)[0]].split(",")

    return look_up


async def never(host: str, port: int) -> list[str]:
    raise AssertionError(f"{host} was looked up")


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),
        *("224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "203.0.113.7"),
        *("::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1", "2001:db8::1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "::ffff:169.254.169.254"),
    ],
)
def test_addresses_that_are_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_addresses_that_are_public(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://169.254.169.254/latest/meta-data",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://localhost/",
        "http://user:secret@127.0.0.1/",
    ],
)
async def test_private_addresses_are_refused_however_they_are_written(url):
    with pytest.raises(ToolFailed, match="private network"):
        await Fetcher().fetch(url)


@pytest.mark.parametrize("addresses", ["127.0.0.1", "8.8.8.8,10.0.0.1"])
async def test_a_name_that_resolves_to_a_private_address_is_refused(addresses, web):
    fetcher = Fetcher(resolver=resolver(evil=addresses))
    with pytest.raises(ToolFailed, match=r"evil\.example is an address of a private network"):
        await fetcher.fetch(f"http://evil.example:{web.port}/")
    assert web.asked == []


async def test_a_redirect_to_a_private_address_is_refused(web, monkeypatch):
    monkeypatch.setattr("mistralrs_agent.search.fetch.is_public", lambda address: address != "127.0.0.2")
    web.redirect("/go", f"http://127.0.0.2:{web.port}/secret")
    with pytest.raises(ToolFailed, match=r"127\.0\.0\.2 is an address of a private network"):
        await Fetcher().fetch(web.base + "/go")
    assert [path for path, _ in web.asked] == ["/go"]


async def test_the_connection_goes_to_the_checked_address_under_the_pages_own_name(web):
    looked_up = []

    async def rebinding(host: str, port: int) -> list[str]:
        looked_up.append((host, port))
        return ["127.0.0.1"]

    web.add("/", "hello", "text/plain")
    fetched = await Fetcher(allow_private=True, resolver=rebinding).fetch(f"http://site.example:{web.port}/")
    assert fetched.body == b"hello"
    assert web.asked == [("/", f"site.example:{web.port}")]
    assert looked_up == [("site.example", web.port)]


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://example.com/", "/etc/passwd", "http://", ""])
async def test_only_http_and_https_are_fetched(url):
    with pytest.raises(ToolFailed):
        await Fetcher(resolver=never).fetch(url)


async def test_redirects_are_followed_three_times_and_no_more(web):
    web.add("/end", "here", "text/plain")
    web.redirect("/1", "/end")
    web.redirect("/2", "/1")
    web.redirect("/3", "/2")
    web.redirect("/4", "/3")
    fetcher = Fetcher(allow_private=True)
    fetched = await fetcher.fetch(web.base + "/3")
    assert (fetched.url, fetched.body) == (web.base + "/end", b"here")
    with pytest.raises(ToolFailed, match="redirects more than 3 times"):
        await fetcher.fetch(web.base + "/4")


async def test_a_page_that_is_too_large_is_refused_also_when_it_is_packed(web):
    fetcher = Fetcher(allow_private=True, limits=FetchLimits(max_bytes=100_000))
    web.add("/plain", b"x" * 200_000, "text/plain")
    web.pages["/packed"] = (
        200,
        {"Content-Type": "text/plain", "Content-Encoding": "gzip"},
        gzip.compress(b"x" * 10**6),
    )
    for path in ("/plain", "/packed"):
        with pytest.raises(ToolFailed, match="larger than 97 KiB"):
            await fetcher.fetch(web.base + path)


async def test_types_that_are_no_text_are_refused(web):
    web.add("/film", b"\0", "video/mp4")
    web.add("/data", "{}", "application/ld+json")
    fetcher = Fetcher(allow_private=True)
    with pytest.raises(ToolFailed, match="video/mp4, not text"):
        await fetcher.fetch(web.base + "/film")
    assert (await fetcher.fetch(web.base + "/data")).content_type == "application/ld+json"


async def test_an_error_status_is_said(web):
    with pytest.raises(ToolFailed, match="HTTP 404"):
        await Fetcher(allow_private=True).fetch(web.base + "/nothing")


async def test_a_server_that_never_answers_is_given_up():
    closed = asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()  # until the client closes
        writer.close()
        await writer.wait_closed()
        closed.set()

    async with await asyncio.start_server(hang, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        fetcher = Fetcher(allow_private=True, limits=FetchLimits(total_s=0.1))
        with pytest.raises(ToolFailed, match=r"did not answer within 0\.1 s"):
            await fetcher.fetch(f"http://127.0.0.1:{port}/")
        await asyncio.wait_for(closed.wait(), 10)


async def test_a_closed_port_and_an_unknown_name_are_said():
    async def nowhere(host: str, port: int) -> list[str]:
        raise OSError("Name or service not known")

    with pytest.raises(ToolFailed, match="Name or service not known"):
        await Fetcher(resolver=nowhere).fetch("http://nowhere.example/")
    async with await asyncio.start_server(lambda *_: None, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
    with pytest.raises(ToolFailed, match="cannot fetch"):
        await Fetcher(allow_private=True).fetch(f"http://127.0.0.1:{port}/")
