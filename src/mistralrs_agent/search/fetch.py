"""The one place that fetches what a model, a search engine or a client names, without becoming their deputy inside the
local network.

Protects against: addresses that are not public, checked after name resolution, with the connection made to the very
address that was checked, again at each redirect; bodies without end, packed ones too; slow servers; types that were not
asked for. Does not protect against: what a public page says.
"""

from __future__ import annotations

import asyncio
import functools
import ipaddress
import socket
import ssl
import zlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version

import httpx

from mistralrs_agent.errors import ToolFailed
from mistralrs_agent.search.page import Fetched

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""Host and port → IP addresses in text form. Raises OSError."""

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_ISATAP = (0x00005EFE, 0x02005EFE)
_MORE_PRIVATE = [
    ipaddress.ip_network(network)
    for network in ("192.0.0.0/24", "192.88.99.0/24", "64:ff9b:1::/48", "3fff::/20", "5f00::/16", "fec0::/10")
]
"""Not public whatever this Python's tables say: protocol assignments, relays, local translation, documentation, segment
routing, site-local."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What may come back."""

    name: str
    types: tuple[str, ...]
    """Content types; those with a slash at the end stand for all below."""
    suffixes: tuple[str, ...] = ()

    def includes(self, content_type: str) -> bool:
        below = tuple(kind for kind in self.types if kind.endswith("/"))
        return content_type in self.types or content_type.startswith(below) or content_type.endswith(self.suffixes)


TEXT = Kind(
    "text",
    ("text/", "application/xhtml+xml", "application/json", "application/xml", "application/pdf"),
    suffixes=("+json", "+xml"),
)
IMAGE = Kind("an image", ("image/png", "image/jpeg", "image/gif", "image/webp"))
"""Not SVG: that is a document, which may name further addresses."""


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """What a fetch may use up."""

    max_bytes: int = 8 * 1024 * 1024
    """Of the decoded body."""
    total_s: float = 10.0
    connect_s: float = 5.0
    redirects: int = 3


@functools.cache
def tls_context() -> ssl.SSLContext:
    """Reads the trusted certificates once: every client of its own would take 35 ms for it."""
    return httpx.create_ssl_context()


async def resolve(host: str, port: int) -> Sequence[str]:
    """The system's resolver."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public internet: not private, loopback, link-local, shared, multicast,
    reserved, nor an IPv6 form that carries such an IPv4 address.
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        at_the_end = ip in _NAT64 or int(ip) >> 32 & 0xFFFFFFFF in _ISATAP
        last = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if at_the_end else None
        carried = ip.ipv4_mapped or ip.sixtofour or (ip.teredo and ip.teredo[1]) or last
        if carried:
            return is_public(str(carried))
    if any(ip in network for network in _MORE_PRIVATE):
        return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


class Fetcher:
    """Gets pages and media within limits.

    `allow_private` is for tests and for a deliberate search of one's own network.
    """

    def __init__(
        self, *, limits: FetchLimits | None = None, allow_private: bool = False, resolver: Resolver = resolve
    ) -> None:
        self._limits = limits or FetchLimits()
        self._allow_private = allow_private
        self._resolver = resolver

    async def fetch(self, url: str, kind: Kind = TEXT) -> Fetched:
        """Get what is at an address if it is of that kind.

        Raises: ToolFailed that says why not.
        """
        try:
            async with asyncio.timeout(self._limits.total_s), self._client() as client:
                return await self._follow(client, url, kind)
        except TimeoutError:
            raise ToolFailed(f"{url} did not answer within {self._limits.total_s:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ToolFailed(f"cannot fetch {url}: {error or type(error).__name__}") from error

    def _client(self) -> httpx.AsyncClient:
        """No proxy from the environment: it would connect to addresses of its own choice."""
        return httpx.AsyncClient(
            verify=tls_context(),
            trust_env=False,
            timeout=httpx.Timeout(self._limits.total_s, connect=self._limits.connect_s),
            headers={
                "User-Agent": f"mistralrs/{version('mistralrs-agent')}",
                "Accept": "text/html,*/*;q=0.8",
                "Accept-Encoding": "gzip",
            },
        )

    async def _follow(self, client: httpx.AsyncClient, url: str, kind: Kind) -> Fetched:
        current = httpx.URL(url)
        for _ in range(self._limits.redirects + 1):
            response = await self._connect(client, current)
            try:
                if not response.has_redirect_location:
                    return await self._read(response, str(current), kind)
                current = current.join(response.headers["Location"])
            finally:
                await response.aclose()
        raise ToolFailed(f"{url} redirects more than {self._limits.redirects} times")

    async def _connect(self, client: httpx.AsyncClient, url: httpx.URL) -> httpx.Response:
        """Send the request to an address that was checked; Host and TLS name stay those of the URL."""
        if url.scheme not in ("http", "https") or not url.host:
            raise ToolFailed(f"{str(url)!r} is not an http or https address")
        failure: httpx.TransportError | None = None
        for address in await self._addresses(url):
            request = client.build_request(
                "GET",
                url.copy_with(host=address),
                headers={"Host": url.netloc.decode("ascii")},
                extensions={"sni_hostname": url.raw_host.decode("ascii")},
            )
            try:
                return await client.send(request, stream=True)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                failure = error
        raise failure or ToolFailed(f"{url.host} has no address")

    async def _addresses(self, url: httpx.URL) -> Sequence[str]:
        port = url.port or (443 if url.scheme == "https" else 80)
        try:
            addresses = await self._resolver(url.host, port)
        except (OSError, UnicodeError) as error:
            raise ToolFailed(f"cannot find the address of {url.host}: {error}") from error
        if not self._allow_private and not all(map(is_public, addresses)):
            raise ToolFailed(f"{url.host} is an address of a private network: fetching it is not allowed")
        return addresses

    async def _read(self, response: httpx.Response, url: str, kind: Kind) -> Fetched:
        if response.is_error:
            raise ToolFailed(f"{url} answered HTTP {response.status_code} {response.reason_phrase}".rstrip())
        content_type = response.headers.get("Content-Type", "text/html").split(";")[0].strip().lower()
        if not kind.includes(content_type):
            raise ToolFailed(f"{url} is {content_type}, not {kind.name}")
        return Fetched(url, content_type, response.charset_encoding, await self._body(response, url))

    async def _body(self, response: httpx.Response, url: str) -> bytes:
        """Unpacked here and not by the client, which would unpack a whole bomb before anyone counts."""
        encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
        if encoding not in ("gzip", "identity"):
            raise ToolFailed(f"{url} is packed as {encoding!r}, only gzip was asked for")
        unpack = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress if encoding == "gzip" else None
        body, most = bytearray(), self._limits.max_bytes
        try:
            async for piece in response.aiter_raw():
                body += unpack(piece, most + 1 - len(body)) if unpack else piece
                if len(body) > most:
                    raise ToolFailed(f"{url} is larger than {most // 1024} KiB")
        except zlib.error as error:
            raise ToolFailed(f"{url} is not packed as its server says: {error}") from error
        return bytes(body)
