"""A conversation with a running server, for `mistralrs tui URL`: the same events as a local one, over its chat API."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any, Self
from uuid import uuid4

import httpx

from engine import FinishReason, TextDelta, ThinkingDelta, Usage
from mistralrs_agent.agent.conversation import ConversationInfo
from mistralrs_agent.agent.events import (
    Decision,
    Event,
    Finished,
    Permission,
    RoundStarted,
    StopDetail,
    TurnStarted,
)
from mistralrs_agent.errors import RequestError, UserError
from mistralrs_agent.event_codec import read_agent_event, read_file_body
from mistralrs_agent.storage.files import InputFile, StoredFile

_CONNECT_TIMEOUT_S = 10.0
_SILENCE_S = 120.0
"""The server sends something at least every few seconds; after this long it is gone."""


class RemoteConversation:
    """Implements `Conversation`. The server keeps the history under our session id; closing a turn cancels it there."""

    def __init__(self, http: httpx.AsyncClient, info: Mapping[str, Any]) -> None:
        """Use `connect`."""
        self._http = http
        self._switches: dict[str, Any] = {"enable_code_execution": True} if info["code_execution"] else {}
        if info["web_search"]:
            self._switches["web_search_options"] = {}
        if info.get("shell"):
            self._switches["enable_shell"] = True
        self._floor = self._permission = Permission(info["permission"])
        self._session_id = str(uuid4())
        self._info = ConversationInfo(
            model_id=info["model_id"],
            detail=info["detail"],
            notice=info["notice"],
            context_tokens=info["context_tokens"],
            tools=tuple(info["tools"]),
            sandbox=info["sandbox"],
            sandbox_table=info.get("sandbox_table", ""),
            endpoint=str(http.base_url),
        )

    @classmethod
    async def connect(cls, url: str, api_key: str | None = None) -> Self:
        """Reach the server at `url`, such as `http://localhost:1234` or `localhost:1234`.

        Raises: UserError when there is none, or it is not one of ours.
        """
        headers = {"authorization": f"Bearer {api_key}"} if api_key else {}
        timeout = httpx.Timeout(_SILENCE_S, connect=_CONNECT_TIMEOUT_S)
        try:
            base = httpx.URL(url if "://" in url else f"http://{url}")
            http = httpx.AsyncClient(base_url=base, headers=headers, timeout=timeout)
        except httpx.InvalidURL as error:
            raise UserError(f"{url!r} is not an address: {error}.") from error
        try:
            async with _reaching(http):
                response = await http.get("/v1/agent/info")
                await _check(response)
            return cls(http, response.json())
        except (KeyError, ValueError, UserError) as error:
            await http.aclose()
            if isinstance(error, UserError):
                raise
            raise UserError(f"{url} does not answer like a mistralrs server.") from error

    @property
    def info(self) -> ConversationInfo:
        return self._info

    @property
    def permission(self) -> Permission:
        return self._permission

    async def set_permission(self, permission: Permission) -> None:
        if permission.stricter(self._floor) is not permission:
            raise UserError(f"Permission {permission.value!r} is not allowed: the server's is {self._floor.value!r}.")
        self._permission = permission

    async def send(
        self, text: str, *, force_tool: str | None = None, files: Sequence[InputFile] = ()
    ) -> AsyncGenerator[Event, None]:
        content = [*map(_file_part, files), {"type": "text", "text": text}]
        body: dict[str, Any] = {
            "messages": [{"role": "user", "content": content}],
            "stream": True,
            "stream_options": {"include_usage": True},
            "session_id": self._session_id,
            "agent_permission": self._permission.value,
            **self._switches,
        }
        if force_tool is not None:
            body["tool_choice"] = {"type": "function", "function": {"name": force_tool}}
        turn = _TurnReader(self._session_id)
        async with (
            _reaching(self._http),
            self._http.stream("POST", "/v1/chat/completions", json=body) as response,
        ):
            await _check(response)
            yield TurnStarted(self._session_id)
            async with aclosing(_frames(response)) as frames:
                async for name, data in frames:
                    for event in turn.read(name, data):
                        yield event
        yield turn.finished()

    async def decide(self, approval_id: str, decision: Decision) -> None:
        body = {
            "decision": "approve" if decision.approve else "deny",
            "message": decision.message,
            "remember_for_session": decision.remember,
            "remember_text": decision.remember_text or None,
            "arguments": decision.arguments,
        }
        async with _reaching(self._http):
            await _check(await self._http.post(f"/v1/agent/approvals/{approval_id}", json=body))

    async def files(self) -> Sequence[StoredFile]:
        async with _reaching(self._http):
            response = await self._http.get("/v1/files", params={"session_id": self._session_id})
            await _check(response)
        return [read_file_body(body) for body in reversed(response.json()["data"])]

    async def file_contents(self, file: StoredFile) -> bytes:
        async with _reaching(self._http):
            response = await self._http.get(f"/v1/files/{file.id}/content")
            await _check(response)
        return response.content

    async def reset(self) -> None:
        forgotten, self._session_id = self._session_id, str(uuid4())
        async with _reaching(self._http):
            await _check(await self._http.delete(f"/v1/sessions/{forgotten}"))

    async def close(self) -> None:
        with suppress(UserError):  # a server that is gone has forgotten us already
            await self.reset()
        await self._http.aclose()


class _TurnReader:
    """Frames of one streamed answer → the events of the turn."""

    def __init__(self, session_id: str) -> None:
        self._session_id = session_id
        self._round = -1
        self._text = ""
        self._usage = Usage()
        self._context_tokens = 0
        self._end: Mapping[str, Any] | None = None

    def read(self, name: str, data: Mapping[str, Any]) -> list[Event]:
        """Raises: RequestError when the server says that the turn failed."""
        if error := data.get("error"):
            raise RequestError(error["message"], status=500, param=error["param"], code=error["code"])
        if name:
            event = read_agent_event(name, data)
            started = self._round_of(data.get("round", self._round))
            return [*started, event] if event is not None else started
        if usage := data.get("usage"):
            self._usage = _usage(usage)
        self._context_tokens = data.get("context_tokens", self._context_tokens)
        return [event for choice in data["choices"] for event in self._choice(choice, data)]

    def finished(self) -> Finished:
        """Raises: UserError when the stream broke off."""
        if self._end is None:
            raise UserError("The server ended the answer in the middle.")
        detail = self._end.get("stop_detail")
        return Finished(
            reason=FinishReason(self._end["finish_reason"]),
            session_id=self._session_id,
            text=self._text,
            usage=self._usage,
            rounds=self._round + 1,
            stop_detail=StopDetail(detail) if detail else None,
            context_tokens=self._context_tokens,
        )

    def _choice(self, choice: Mapping[str, Any], chunk: Mapping[str, Any]) -> list[Event]:
        events = self._round_of(chunk.get("round", 0))
        if thinking := choice["delta"].get("reasoning_content"):
            events.append(ThinkingDelta(thinking))
        if text := choice["delta"].get("content"):
            self._text += text
            events.append(TextDelta(text))
        if choice["finish_reason"]:
            self._end = choice
        return events

    def _round_of(self, number: int) -> list[Event]:
        """Announce rounds as they come."""
        if number <= self._round:
            return []
        self._round, self._text = number, ""
        return [RoundStarted(number)]


async def _frames(response: httpx.Response) -> AsyncGenerator[tuple[str, Mapping[str, Any]], None]:
    """Event name (empty for plain chunks) and data, up to `[DONE]`."""
    name = ""
    async for line in response.aiter_lines():
        field, _, value = line.partition(": ")
        if field == "event":
            name = value
        elif field == "data" and value != "[DONE]":
            yield name, json.loads(value)
            name = ""


def _file_part(file: InputFile) -> dict[str, Any]:
    data = base64.b64encode(file.body).decode()
    if file.mime_type:
        data = f"data:{file.mime_type};base64,{data}"
    return {"type": "file", "file": {"filename": file.name, "file_data": data}}


@asynccontextmanager
async def _reaching(http: httpx.AsyncClient) -> AsyncGenerator[None]:
    """Say plainly that the server cannot be reached."""
    try:
        yield
    except httpx.TransportError as error:
        raise UserError(f"Cannot reach {http.base_url}: {str(error) or type(error).__name__}") from error


async def _check(response: httpx.Response) -> None:
    """Raises: RequestError with the server's own words."""
    if response.is_success:
        return
    try:
        error = json.loads(await response.aread())["error"]
        message, param, code = error["message"], error["param"], error["code"]
    except (ValueError, KeyError, TypeError):
        message, param, code = f"{response.url} answered {response.status_code}.", None, None
    raise RequestError(message, status=response.status_code, param=param, code=code)


def _usage(body: Mapping[str, Any]) -> Usage:
    return Usage(
        prompt_tokens=body["prompt_tokens"],
        cached_tokens=body["prompt_tokens_details"]["cached_tokens"],
        completion_tokens=body["completion_tokens"],
        prefill_s=body["total_prompt_time_sec"],
        decode_s=body["total_completion_time_sec"],
    )
