"""Who may talk to this server, and how much at once. Each guard answers a refused request itself, as JSON.

A local agent runs code, so no web page may drive it unless its origin is listed: `OriginGuard` refuses foreign pages,
also those that point their own host name at this machine (DNS rebinding), and `JsonBodies` refuses the body types a
page can send without asking first.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
import socket
from abc import ABC, abstractmethod
from urllib.parse import urlsplit

from fastapi import HTTPException
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mistralrs_agent.server.error_table import ErrorReply
from mistralrs_agent.server.settings import ServerSettings

USER = "user"
"""Where the state of a request says whose key it came with; empty for `api_key` and without keys."""
_OPEN_PATHS = ("/", "/health")
_UPLOADS = re.compile(r"/v1/files|/v1/skills(/[^/]+/versions)?")


class Guard(ABC):
    """Base: looks at the head of a request, answers it if refused, else passes it on."""

    def __init__(self, app: ASGIApp, settings: ServerSettings) -> None:
        self.app = app
        self.settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self.refusal(scope, Headers(scope=scope)) if scope["type"] == "http" else None
        await (refusal.response() if refusal else self.app)(scope, receive, send)

    @abstractmethod
    def refusal(self, scope: Scope, headers: Headers) -> ErrorReply | None:
        """What to answer instead of passing the request on; None to pass it on."""


class OriginGuard(Guard):
    """Browsers name the page a request comes from; only listed origins and this server's own pages pass."""

    def refusal(self, scope: Scope, headers: Headers) -> ErrorReply | None:
        origin = headers.get("origin")
        if origin is None or {"*", origin} & set(self.settings.cors_origins):
            return None
        page = urlsplit(origin)
        if page.netloc == headers.get("host") and _is_this_machine(page.hostname or ""):
            return None
        return ErrorReply(
            403, f"Web pages from {origin!r} may not use this server; allow them with --cors-origin.", code="origin"
        )


def _is_this_machine(name: str) -> bool:
    """An address, or a name that nobody else can register for us."""
    if name == "localhost" or name.endswith(".localhost") or name == socket.gethostname().lower():
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class ApiKeyGuard(Guard):
    """`Authorization: Bearer KEY` or `x-api-key: KEY`, where there are keys; notes whose key it is."""

    def refusal(self, scope: Scope, headers: Headers) -> ErrorReply | None:
        users = dict(self.settings.user_keys)
        if self.settings.api_key is not None:
            users[self.settings.api_key] = ""
        if not users or scope["path"] in _OPEN_PATHS:
            return None
        scheme, _, token = headers.get("authorization", "").partition(" ")
        given = token if scheme.lower() == "bearer" else headers.get("x-api-key", "")
        found = [user for key, user in users.items() if hmac.compare_digest(given.encode(), key.encode())]
        if found:
            scope.setdefault("state", {})[USER] = found[0]
            return None
        message = "Wrong API key." if given else "Missing API key: send 'Authorization: Bearer KEY'."
        return ErrorReply(401, message, code="invalid_api_key", headers={"www-authenticate": "Bearer"})


class JsonBodies(Guard):
    """Bodies must say that they are JSON, uploads that they are forms: those `OriginGuard` alone protects."""

    def refusal(self, scope: Scope, headers: Headers) -> ErrorReply | None:
        if scope["method"] not in ("POST", "PUT", "PATCH"):
            return None
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        wanted = "multipart/form-data" if _UPLOADS.fullmatch(scope["path"]) else "application/json"
        if kind == wanted:
            return None
        return ErrorReply(415, f"Send 'Content-Type: {wanted}', not {kind!r}.", code="unsupported_media_type")


class BodyLimit:
    """Refuses a body above the limit: by its declared length at once, else as soon as it has grown too long."""

    def __init__(self, app: ASGIApp, settings: ServerSettings) -> None:
        self.app = app
        self.settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        is_upload = _UPLOADS.fullmatch(scope["path"])
        limit = self.settings.max_upload_bytes if is_upload else self.settings.max_body_bytes
        refusal = f"The body is larger than the limit of {limit} bytes."
        declared = Headers(scope=scope).get("content-length", "")
        if declared.isdecimal() and int(declared) > limit:
            await ErrorReply(413, refusal, code="request_too_large").response()(scope, receive, send)
            return
        received = 0

        async def receive_counting() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                raise HTTPException(413, refusal)
            return message

        await self.app(scope, receive_counting, send)
