"""Tools that someone else runs: each call goes to a URL of the server's owner (`--tool-dispatch-url`).

POST, JSON: {"name", "arguments", "call_id", "session_id", "attempt"}. `Idempotency-Key` is the call id, so that a
receiver can tell a repeated call from a new one. With a secret, `X-Mistralrs-Signature` is `sha256=` and the hex
HMAC-SHA256 of `X-Mistralrs-Timestamp`, a dot and the body. The answer is {"content": TEXT}, or any other text, taken as
it is. Beside `content` there may be `files`, each {"name", "text"} or {"name", "data_base64"}: they become files of the
session, as those that code makes.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Annotated, Any, Self

import httpx
from pydantic import BaseModel, BeforeValidator, Field, ValidationError, model_validator

from engine import ToolSpec
from mistralrs_agent.errors import ToolFailed
from mistralrs_agent.search.fetch import tls_context
from mistralrs_agent.storage.files import FileStore
from mistralrs_agent.tools.base import Card, ToolContext, ToolKind, ToolMetadata, ToolResult, ToolSource
from mistralrs_agent.tools.session_files import files_data, keep_made
from mistralrs_agent.tools.text import shortened

log = logging.getLogger(__name__)

ATTEMPTS = 3
MAX_ANSWER_BYTES = 32 << 20
MAX_FILES = 64
"""Of one answer."""
_TRY_AGAIN = (408, 425, 429, 502, 503, 504)


def _decoded(data: object) -> object:
    return base64.b64decode(data, validate=True) if isinstance(data, str) else data


class AnswerFile(BaseModel):
    """A file that the tool made."""

    name: Annotated[str, Field(min_length=1, max_length=1024)]
    text: str | None = None
    data_base64: Annotated[bytes | None, BeforeValidator(_decoded), Field(repr=False)] = None

    @model_validator(mode="after")
    def _has_one_body(self) -> Self:
        if (self.text is None) == (self.data_base64 is None):
            raise ValueError("needs text or data_base64, one of them")
        return self

    def body(self) -> bytes:
        return self.data_base64 if self.data_base64 is not None else (self.text or "").encode(errors="replace")


class Answer(BaseModel):
    """What came of a call."""

    content: str
    files: Annotated[list[AnswerFile], Field(max_length=MAX_FILES)] = []

    @classmethod
    def read(cls, text: str) -> Self:
        """Raises: ToolFailed for files in a shape that is none."""
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            found = None
        if not (isinstance(found, dict) and isinstance(found.get("content"), str)):
            return cls(content=text)
        try:
            return cls.model_validate(found)
        except ValidationError as error:
            fault = error.errors()[0]
            place = ".".join(map(str, fault["loc"]))
            raise ToolFailed(f"the tool's server answered with a wrong {place}: {fault['msg']}") from error


@dataclass(frozen=True, slots=True)
class Dispatcher:
    """Where calls go."""

    url: str
    secret: str | None = field(default=None, repr=False)
    """Calls are signed with it."""
    timeout_s: float = 30.0
    """Longest wait for one attempt."""
    back_off_s: float = 0.5
    """Before the second attempt; twice as long before the third."""

    async def call(self, name: str, arguments: Mapping[str, Any], context: ToolContext) -> Answer:
        """What the tool's server says. Faults that may pass are tried again, `ATTEMPTS` times in all.

        Raises: ToolFailed.
        """
        fault = ""
        async with httpx.AsyncClient(trust_env=False, verify=tls_context()) as client:
            for attempt in range(1, ATTEMPTS + 1):
                fields = {"name": name, "arguments": dict(arguments), "call_id": context.call_id}
                fields |= {"session_id": context.session_id, "attempt": attempt}
                try:
                    async with asyncio.timeout(self.timeout_s):
                        status, answer = await self._post(client, context.call_id, json.dumps(fields).encode())
                except TimeoutError:
                    fault = f"did not answer within {self.timeout_s:g} s"
                except httpx.TransportError as error:
                    fault = f"cannot be reached ({type(error).__name__})"
                else:
                    if status < 300:
                        return await asyncio.to_thread(Answer.read, answer)
                    fault = f"answered HTTP {status}"
                    if status not in _TRY_AGAIN:
                        raise ToolFailed(f"the tool's server {fault}: {shortened(answer, 500)}")
                log.warning("tool %s, call %s, attempt %d: the server %s", name, context.call_id, attempt, fault)
                if attempt < ATTEMPTS:
                    await asyncio.sleep(self.back_off_s * 2 ** (attempt - 1))
        raise ToolFailed(f"the tool's server {fault}, after {ATTEMPTS} attempts")

    async def _post(self, client: httpx.AsyncClient, call_id: str, body: bytes) -> tuple[int, str]:
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"mistralrs/{version('mistralrs-agent')}",
            "Idempotency-Key": call_id,
            **self._signature(body),
        }
        received = bytearray()
        async with client.stream("POST", self.url, content=body, headers=headers, timeout=None) as response:
            async for piece in response.aiter_bytes():
                received += piece
                if len(received) > MAX_ANSWER_BYTES:
                    raise ToolFailed(f"the tool's answer is larger than {MAX_ANSWER_BYTES >> 20} MiB")
        return response.status_code, received.decode("utf-8", errors="replace")

    def _signature(self, body: bytes) -> dict[str, str]:
        if self.secret is None:
            return {}
        stamp = str(int(time.time()))
        digest = hmac.new(self.secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
        return {"X-Mistralrs-Timestamp": stamp, "X-Mistralrs-Signature": f"sha256={digest}"}


class DispatchTool:
    """A tool that the client described and the dispatch URL runs."""

    def __init__(self, spec: ToolSpec, dispatcher: Dispatcher, store: FileStore) -> None:
        """`store`: where files go that come back."""
        self.spec = spec
        self.metadata = ToolMetadata(ToolSource.EXTERNAL, ToolKind.EXTERNAL, spec.name)
        self._dispatcher = dispatcher
        self._store = store

    def call_card(self, arguments: Mapping[str, Any]) -> Card:
        return Card(self.spec.name, json.dumps(arguments, ensure_ascii=False), "json")

    async def run(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        answer = await self._dispatcher.call(self.spec.name, arguments, context)
        made = [(file.name, file.body()) for file in answer.files]
        source = {"tool": self.spec.name, "round": context.round, "turn": context.turn}
        files = await asyncio.to_thread(keep_made, self._store, context.session_id, made, source) if made else ()
        content = answer.content
        if files:
            content += f"\n\nFiles: {', '.join(file.path for file in files)}"
        return ToolResult(
            content,
            Card("Done", content),
            data={"tool_type": "custom", "files": files_data(files)} if files else {"tool_type": "custom"},
            files=files,
        )

    async def end_session(self, session_id: str) -> None:
        """Nothing is kept for a session."""
