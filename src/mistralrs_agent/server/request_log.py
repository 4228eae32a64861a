"""Outermost around every request: an id, a record, one log line, and a JSON 500 for what nothing else caught."""

from __future__ import annotations

import asyncio
import logging
import re
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.request_id import request_id
from mistralrs_agent.server.error_table import ErrorReply, error_reply
from mistralrs_agent.server.guards import USER
from mistralrs_agent.server.record import CLIENT_CLOSED, RequestRecord, RoutePatterns, current_record
from mistralrs_agent.server.settings import ServerSettings
from mistralrs_agent.server.telemetry import HOUSEKEEPING, Telemetry

access_log = logging.getLogger("mistralrs_agent.access")

_GOOD_ID = re.compile(r"[\x21-\x7e]{1,128}")
_GRACE_IS_OVER = ("Task cancelled, timeout graceful shutdown exceeded",)
"""What uvicorn says to requests that outlast a shutdown."""


class RequestLog:
    """Takes over a usable `x-request-id` or makes `req_<hex>`; all that the request causes is logged with it."""

    def __init__(self, app: ASGIApp, settings: ServerSettings, telemetry: Telemetry, patterns: RoutePatterns) -> None:
        self.app = app
        self.settings = settings
        self.telemetry = telemetry
        self.patterns = patterns

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = self._answer if scope["type"] == "http" else self.app
        await answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        record = RequestRecord.of(scope, _request_id(headers), self.patterns)
        request_id.set(record.id)
        current_record.set(record)
        self.telemetry.begin(record, headers)

        async def receive_counting() -> Message:
            message = await receive()
            record.body_bytes += len(message.get("body", b""))
            return message

        async def send_noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                record.status = message["status"]
                if self.settings.request_id_header:
                    MutableHeaders(scope=message)["x-request-id"] = record.id
            await send(message)

        try:
            await self._answer_or_apologise(scope, receive_counting, send_noting, record)
        finally:
            self.telemetry.end(record)
            self._log(record, user=scope.get("state", {}).get(USER, ""))

    async def _answer_or_apologise(self, scope: Scope, receive: Receive, send: Send, record: RequestRecord) -> None:
        """An answer that had begun when something went wrong is left to break the connection."""
        try:
            await self.app(scope, receive, send)
        except ClientDisconnect:
            pass
        except asyncio.CancelledError as error:
            if error.args != _GRACE_IS_OVER:
                raise
            if record.status == CLIENT_CLOSED:
                reply = ErrorReply(503, "The server is shutting down.", code="shutting_down")
                await reply.response()(scope, receive, send)
        except Exception as error:
            reply = error_reply(error)
            if record.status != CLIENT_CLOSED:
                raise
            await reply.response()(scope, receive, send)

    def _log(self, record: RequestRecord, user: str) -> None:
        if record.path in HOUSEKEEPING and not self.settings.access_log_health:
            return
        fields: dict[str, object] = {
            "method": record.method,
            "path": record.path,
            "route": record.route,
            "model": record.model,
            "status": record.status,
            "duration_ms": round(record.seconds * 1000, 1),
        }
        if user:
            fields["user"] = user
        if record.error:
            fields["error"] = record.error
        if record.span is not None:
            fields["trace_id"] = f"{record.span.get_span_context().trace_id:032x}"
        access_log.info(
            "%s %s %d %.0f ms%s",
            record.method,
            record.path,
            record.status,
            fields["duration_ms"],
            f" {record.error}" if record.error else "",
            extra={"fields": fields},
        )


def _request_id(headers: Headers) -> str:
    given = headers.get("x-request-id", "")
    return given if _GOOD_ID.fullmatch(given) else f"req_{uuid.uuid4().hex}"
