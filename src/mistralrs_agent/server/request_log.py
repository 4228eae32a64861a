"""Outermost around every request: an id, one log line, and a JSON 500 for what nothing else caught."""

from __future__ import annotations

import logging
import re
import time
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mistralrs_agent.server.error_table import error_reply
from mistralrs_agent.server.settings import ServerSettings

access_log = logging.getLogger("mistralrs_agent.access")

_GOOD_ID = re.compile(r"[\x21-\x7e]{1,128}")
_HOUSEKEEPING = ("/", "/health")
CLIENT_CLOSED = 499
"""What the log says of a request whose client did not wait for the answer."""


class RequestLog:
    """Echoes a usable `x-request-id` or makes `req_<hex>`."""

    def __init__(self, app: ASGIApp, settings: ServerSettings) -> None:
        self.app = app
        self.settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _GOOD_ID.fullmatch(given) else f"req_{uuid.uuid4().hex}"
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
        except Exception as error:
            reply = error_reply(error)
            if status != CLIENT_CLOSED:  # the answer had begun: let the connection break
                raise
            await reply.response()(scope, receive, send_noting)
        finally:
            if scope["path"] not in _HOUSEKEEPING or self.settings.access_log_health:
                ms = (time.monotonic() - started_at) * 1000
                access_log.info("%s %s %d %.0f ms %s", scope["method"], scope["path"], status, ms, request_id)
