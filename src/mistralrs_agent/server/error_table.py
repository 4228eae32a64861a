"""Exception → what a client reads: the one table of statuses, types and codes, in OpenAI's shape."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from engine import (
    AdapterError,
    ContextOverflow,
    EngineError,
    EngineOverloaded,
    InvalidRequest,
    ModelLoadError,
    WorkerDied,
)
from mistralrs_agent.errors import RequestError, UserError
from mistralrs_agent.server.record import current_record

_log = logging.getLogger(__name__)

_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
_RETRY_SOON = {"retry-after": "1"}
_CODES = {401: "invalid_api_key", 404: "not_found", 405: "method_not_allowed", 413: "request_too_large"}


@dataclass(frozen=True, slots=True)
class ErrorReply:
    """One error, ready for any wire."""

    status: int
    message: str
    param: str | None = None
    code: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    def note(self) -> None:
        """Put it on the record of the request it ends."""
        if (record := current_record.get()) is not None:
            record.error = self.code or self.kind

    @property
    def kind(self) -> str:
        return _TYPES.get(self.status, "invalid_request_error" if self.status < 500 else "server_error")

    @property
    def body(self) -> dict[str, Any]:
        return {"error": {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}}

    def response(self) -> JSONResponse:
        self.note()
        return JSONResponse(self.body, self.status, headers=dict(self.headers))


_ADAPTER_STATUS = {
    "invalid_lora_name": 400,
    "adapter_file_forbidden": 403,
    "lora_adapter_not_found": 404,
    "adapter_file_not_found": 404,
    "lora_adapter_file_too_large": 413,
    "invalid_lora_adapter": 422,
}
"""Status by the code of an `AdapterError`; 409 for all that clash with what is loaded or allowed."""

_TABLE: tuple[tuple[type[Exception], int, str | None], ...] = (
    (ContextOverflow, 400, "context_length_exceeded"),
    (InvalidRequest, 400, None),
    (EngineOverloaded, 429, "engine_overloaded"),
    (WorkerDied, 503, "worker_died"),
    (ModelLoadError, 503, "model_not_loaded"),
    (EngineError, 500, None),
    (UserError, 400, None),
)
"""Status and code of everything raised on purpose; the first class that fits counts."""


def error_reply(error: BaseException) -> ErrorReply:
    """What a client is told. The text of an unforeseen exception goes to the log, never to the client."""
    if isinstance(error, RequestError):
        return ErrorReply(error.status, str(error), error.param, error.code)
    if isinstance(error, RequestValidationError | ValidationError):
        return _validation_reply(error.errors())
    if isinstance(error, HTTPException):
        return _http_reply(error)
    if isinstance(error, AdapterError):
        return ErrorReply(_ADAPTER_STATUS.get(error.code, 409), str(error), code=error.code)
    for kind, status, code in _TABLE:
        if isinstance(error, kind):
            param = error.param if isinstance(error, InvalidRequest) else None
            if status >= 500:
                _log.error("%s: %s", type(error).__name__, error)
            return ErrorReply(status, str(error), param, code, _RETRY_SOON if status in (429, 503) else {})
    _log.error("Unforeseen error while serving a request", exc_info=error)
    return ErrorReply(500, "The server failed on this request; its log has the details.", code="internal_error")


def install(app: FastAPI) -> None:
    """Answer every exception a route raises on purpose from the table; `RequestLog` catches the rest."""

    async def handle(_: Request, error: Exception) -> JSONResponse:
        return error_reply(error).response()

    for kind in (UserError, EngineError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, handle)


def _http_reply(error: HTTPException) -> ErrorReply:
    message = str(error.detail)
    if message == HTTPStatus(error.status_code).phrase:
        message = {404: "No such route.", 405: "This route does not take that method."}.get(error.status_code, message)
    return ErrorReply(error.status_code, message, code=_CODES.get(error.status_code), headers=error.headers or {})


_SCHEMA_ERRORS = ("missing", "_type", "_parsing", "_tag_not_found")
"""How pydantic's error types end where the shape is wrong, not the value."""


def _validation_reply(errors: Sequence[Any]) -> ErrorReply:
    """The first error as one sentence. 422 for a wrong shape (missing field, wrong type), 400 for a wrong value."""
    error = _most_telling(errors)
    kind, context = str(error["type"]), error.get("ctx") or {}
    if kind == "json_invalid":
        return ErrorReply(400, f"The body is not valid JSON: {context['error']} at character {error['loc'][-1]}.")
    steps = [str(step) for step in error["loc"] if step not in ("body", "query", "path")]
    param = ".".join(step for step in steps if not _is_union_branch(step)) or None
    status = 422 if kind.endswith(_SCHEMA_ERRORS) else 400
    if kind == "missing":
        return ErrorReply(status, f"Missing {param or 'JSON body'}.", param, "missing_field")
    if kind == "extra_forbidden":
        return ErrorReply(400, f"Unknown field {param}.", param, "unknown_field")
    message = str(error["msg"]).removeprefix("Input ")
    return ErrorReply(status, f"Invalid {param or 'body'}: {message}{_given(error)}.", param, "invalid_value")


def _most_telling(errors: Sequence[Any]) -> Any:
    """Of a union's complaints, the one that got deepest; else the first."""
    top = errors[0]["loc"][:2]
    return max((e for e in errors if e["loc"][:2] == top), key=lambda e: len(e["loc"]))


def _is_union_branch(step: str) -> bool:
    """Pydantic puts the tried type into a location: `str`, `list[...]`, a class name, a discriminator value."""
    return step in ("str", "int", "float", "bool", "constrained-str") or "[" in step or step[:1].isupper()


def _given(error: Any) -> str:
    value = error.get("input")
    if error["type"] == "invalid" or not isinstance(value, str | int | float | bool):
        return ""
    text = repr(value)
    return f", got {text if len(text) <= 80 else text[:77] + '...'}"
