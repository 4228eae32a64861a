from __future__ import annotations

import asyncio
import contextlib
import gzip
import ssl
import tracemalloc
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509  # the MCP SDK brings it
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from mistralrs_agent.errors import ToolFailed
from mistralrs_agent.search.fetch import IMAGE, Fetcher, FetchLimits, is_public, resolve


def resolver(**hosts: str):
    async def look_up(host: str, port: int) -> list[str]:
        if (name := host.partition(".")[0]) not in hosts:
            raise OSError("Name or service not known")
        return hosts[name].split(",")

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
        *("::127.0.0.1", "64:ff9b:1::a00:1", "fec0::1", "3fff::1", "100::1", "192.0.0.8", "192.88.99.1", "0.1.2.3"),
        *("2606:4700::5efe:7f00:1", "2001:0:4136:e378:8000:63bf:80ff:fffe", "64:ff9b::a9fe:a9fe"),
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
        "http://0/",
        "http://0.0.0.0/",
        "http://[::]/",
        "http://[64:ff9b::7f00:1]/",
        "http://good.example@127.0.0.1/",
        "http://127.0.0.1#@good.example/",
    ],
)
async def test_private_addresses_are_refused_however_they_are_written(url):
    with pytest.raises(ToolFailed, match="private network"):
        await Fetcher().fetch(url)


@pytest.mark.parametrize("host", ["0177.0.0.1", "127.0.0.1.", "①②⑦.⓪.⓪.①", "[fe80::1%25eth0]", "127.0.0.1%00.example"])
async def test_addresses_that_are_written_as_no_client_should_are_not_reached(host, web):
    with pytest.raises(ToolFailed, match="cannot f"):
        await Fetcher(allow_private=True, resolver=resolver()).fetch(f"http://{host}:{web.port}/")
    assert web.asked == []


@pytest.mark.parametrize("addresses", ["127.0.0.1", "8.8.8.8,10.0.0.1"])
async def test_a_name_that_resolves_to_a_private_address_is_refused(addresses, web):
    fetcher = Fetcher(resolver=resolver(evil=addresses))
    with pytest.raises(ToolFailed, match=r"evil\.example is an address of a private network"):
        await fetcher.fetch(f"http://evil.example:{web.port}/")
    assert web.asked == []


@pytest.fixture
def public_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """127.0.0.1, where the tests' web is, counts as public; nothing else changes."""
    monkeypatch.setattr(
        "mistralrs_agent.search.fetch.is_public", lambda address: address == "127.0.0.1" or is_public(address)
    )


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.2:{port}/secret",
        "http://[::1]:{port}/secret",
        "http://[::ffff:127.0.0.2]:{port}/secret",
        "http://[64:ff9b::7f00:2]:{port}/secret",
        "http://0.0.0.0:{port}/secret",
        "http://169.254.169.254/latest/meta-data",
        "//127.0.0.2:{port}/secret",
        "http://inside.example:{port}/secret",
    ],
)
@pytest.mark.usefixtures("public_loopback")
async def test_a_redirect_to_a_private_address_is_refused_also_a_second_one(target, web):
    async def look_up(host: str, port: int) -> list[str]:
        return ["10.0.0.7"] if host == "inside.example" else list(await resolve(host, port))

    web.redirect("/go", "/further")
    web.redirect("/further", target.format(port=web.port))
    with pytest.raises(ToolFailed, match=r"is an address of a private network"):
        await Fetcher(resolver=look_up).fetch(web.base + "/go")
    assert [path for path, _ in web.asked] == ["/go", "/further"]


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1:70/_x"])
@pytest.mark.usefixtures("public_loopback")
async def test_a_redirect_leads_to_http_and_https_only(target, web):
    web.redirect("/go", target)
    with pytest.raises(ToolFailed, match="not an http or https address"):
        await Fetcher().fetch(web.base + "/go")


@pytest.mark.usefixtures("public_loopback")
async def test_a_name_that_changes_its_address_after_the_check_is_not_looked_up_again(web):
    """DNS rebinding: the first answer is public, every later one private."""
    answers = iter(["127.0.0.1"])

    async def look_up(host: str, port: int) -> list[str]:
        return [next(answers, "10.0.0.7")]

    web.add("/", "hello", "text/plain")
    fetcher = Fetcher(resolver=look_up)
    assert (await fetcher.fetch(f"http://turning.example:{web.port}/")).body == b"hello"
    with pytest.raises(ToolFailed, match=r"turning\.example is an address of a private network"):
        await fetcher.fetch(f"http://turning.example:{web.port}/")


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


@pytest.mark.parametrize("encoding", ["br", "zstd", "deflate", "gzip, gzip"])
async def test_packings_that_nobody_asked_for_are_refused(encoding, web):
    web.pages["/"] = (200, {"Content-Type": "text/plain", "Content-Encoding": encoding}, gzip.compress(b"x"))
    with pytest.raises(ToolFailed, match="only gzip was asked for"):
        await Fetcher(allow_private=True).fetch(web.base + "/")


async def test_a_packed_page_is_unpacked_and_a_badly_packed_one_is_said(web):
    headers = {"Content-Type": "text/plain", "Content-Encoding": "gzip"}
    web.pages["/good"] = (200, headers, gzip.compress(b"hello" * 10_000))
    web.pages["/bad"] = (200, headers, b"hello")
    fetcher = Fetcher(allow_private=True)
    assert (await fetcher.fetch(web.base + "/good")).body == b"hello" * 10_000
    with pytest.raises(ToolFailed, match="not packed as its server says"):
        await fetcher.fetch(web.base + "/bad")


async def test_a_bomb_is_not_unpacked_further_than_the_limit(web):
    """128 MiB of zeros in 128 KiB."""
    packer = zlib.compressobj(9, wbits=zlib.MAX_WBITS | 16)
    bomb = b"".join(packer.compress(bytes(2**20)) for _ in range(128)) + packer.flush()
    web.pages["/"] = (200, {"Content-Type": "text/plain", "Content-Encoding": "gzip"}, bomb)
    tracemalloc.start()
    try:
        with pytest.raises(ToolFailed, match="larger than 1024 KiB"):
            await Fetcher(allow_private=True, limits=FetchLimits(max_bytes=2**20)).fetch(web.base + "/")
        assert tracemalloc.get_traced_memory()[1] < 32 * 2**20
    finally:
        tracemalloc.stop()


async def test_pictures_come_through_the_same_door_and_nothing_else_does(web):
    web.add("/a.png", b"\x89PNG", "image/png")
    web.add("/a.svg", "<svg/>", "image/svg+xml")
    web.add("/page", "text")
    fetcher = Fetcher(allow_private=True)
    assert (await fetcher.fetch(web.base + "/a.png", IMAGE)).body == b"\x89PNG"
    for path in ("/a.svg", "/page"):
        with pytest.raises(ToolFailed, match="not an image"):
            await fetcher.fetch(web.base + path, IMAGE)
    with pytest.raises(ToolFailed, match="private network"):
        await Fetcher().fetch(web.base + "/a.png", IMAGE)


async def test_a_certificate_must_be_of_the_pages_own_name_and_not_of_the_address(monkeypatch, tmp_path):
    trusted, served = certificate_for("site.example", tmp_path)
    monkeypatch.setattr("mistralrs_agent.search.fetch.tls_context", lambda: trusted)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi")
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=served) as server:
        port = server.sockets[0].getsockname()[1]
        fetcher = Fetcher(allow_private=True, resolver=resolver(site="127.0.0.1", other="127.0.0.1"))
        assert (await fetcher.fetch(f"https://site.example:{port}/")).body == b"hi"
        with pytest.raises(ToolFailed, match=r"certificate is not valid for 'other\.example'"):
            await fetcher.fetch(f"https://other.example:{port}/")


def certificate_for(name: str, folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Contexts of a client that trusts it and of a server that has it."""
    key = ec.generate_private_key(ec.SECP256R1())
    whose = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    written = (
        x509.CertificateBuilder(whose, whose, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
        .public_bytes(Encoding.PEM)
    )
    file = folder / "certificate.pem"
    file.write_bytes(written + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    return ssl.create_default_context(cadata=written.decode()), server


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
