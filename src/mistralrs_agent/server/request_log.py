"""Outermost around every request: an id, one log line, and a JSON 500 for what nothing else caught."""

from __future__ import annotations

import asyncio
import logging
import re
import time
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mistralrs_agent.server.error_table import ErrorReply, error_reply
from mistralrs_agent.server.settings import ServerSettings

access_log = logging.getLogger("mistralrs_agent.access")

_GOOD_ID = re.compile(r"[\x21-\x7e]{1,128}")
_HOUSEKEEPING = ("/", "/health")
_GRACE_IS_OVER = ("Task cancelled, timeout graceful shutdown exceeded",)
"""What uvicorn says to requests that outlast a shutdown."""
CLIENT_CLOSED = 499
"""What the log says of a request whose client did not wait for the answer."""


class RequestLog:
    """Echoes a usable `x-request-id` or makes `req_<hex>`."""

    def __init__(self, app: ASGIApp, settings: ServerSettings) -> None:
        self.app = app
        self.settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = self._answer if scope["type"] == "http" else self.app
        await answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = _request_id(scope)
        status = CLIENT_CLOSED
        started_at = time.monotonic()

        async def send_noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if self.settings.request_id_header:
                    MutableHeaders(scope=message)["x-request-id"] = request_id
            await send(message)

        try:
            await self.app(scope, receive, send_noting)
        except ClientDisconnect:
            pass
        except asyncio.CancelledError as error:
            if error.args != _GRACE_IS_OVER:
                raise
            if status == CLIENT_CLOSED:  # else the answer had begun: uvicorn breaks the connection
                reply = ErrorReply(503, "The server is shutting down.", code="shutting_down")
                await reply.response()(scope, receive, send_noting)
        except Exception as error:
            reply = error_reply(error)
            if status != CLIENT_CLOSED:  # the answer had begun: let the connection break
                raise
            await reply.response()(scope, receive, send_noting)
        finally:
            self._log(scope, status, time.monotonic() - started_at, request_id)

    def _log(self, scope: Scope, status: int, seconds: float, request_id: str) -> None:
        if scope["path"] not in _HOUSEKEEPING or self.settings.access_log_health:
            access_log.info("%s %s %d %.0f ms %s", scope["method"], scope["path"], status, seconds * 1000, request_id)


def _request_id(scope: Scope) -> str:
    given = Headers(scope=scope).get("x-request-id", "")
    return given if _GOOD_ID.fullmatch(given) else f"req_{uuid.uuid4().hex}"
