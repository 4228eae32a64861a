"""Server-sent events over one HTTP response: frames, keep-alive comments, errors, and a client that hangs up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from mistralrs_agent.server.error_table import error_reply
from mistralrs_agent.server.record import current_record

DONE = "data: [DONE]\n\n"
KEEP_ALIVE = ": keep-alive\n\n"
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def frame(data: Mapping[str, Any], event: str | None = None) -> str:
    """One event. JSON never holds a bare line break, so one `data:` line is enough."""
    head = f"event: {event}\n" if event else ""
    return f"{head}data: {_encode(data)}\n\n"


class EventStream(Response):
    """Streams `frames`. When the client goes away, the generator is closed at once.

    The status line waits for the first frame, so that a request refused by the engine is still a plain HTTP error;
    if nothing happens for `keep_alive_s`, the stream starts with a comment. An error after the start becomes the
    frames that `error_frames` makes of it.
    """

    media_type = "text/event-stream"

    def __init__(
        self, frames: AsyncGenerator[str, None], *, keep_alive_s: float, error_frames: Callable[[Exception], str]
    ) -> None:
        self._frames = frames
        self._keep_alive_s = keep_alive_s
        self._error_frames = error_frames
        self.status_code = 200
        self.background = None
        self.init_headers({"cache-control": "no-cache", "x-accel-buffering": "no"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises: what the generator raised before anything was sent."""
        body = _Body(send, self.raw_headers)
        pump = asyncio.create_task(self._pump(body))
        hangup = asyncio.create_task(until_hangup(receive))
        keeper = asyncio.create_task(body.keep_alive(self._keep_alive_s))
        try:
            await asyncio.wait({pump, hangup}, return_when=asyncio.FIRST_COMPLETED)
            if pump.done():
                pump.result()
            elif (record := current_record.get()) is not None:
                record.error = "client_closed"
        finally:
            for task in (pump, hangup, keeper):
                task.cancel()
            await asyncio.gather(pump, hangup, keeper, return_exceptions=True)

    async def _pump(self, body: _Body) -> None:
        """Run the generator in one task from beginning to end; only here can it be cancelled or closed."""
        try:
            async with aclosing(self._frames) as frames:
                async for text in frames:
                    await body.send(text)
        except Exception as error:
            if not body.started:
                raise
            await body.send(self._error_frames(error), more=False)
        else:
            await body.send("", more=False)


class _Body:
    """The body of one streamed response; the first piece sends the head before it."""

    def __init__(self, send: Send, headers: list[tuple[bytes, bytes]]) -> None:
        self.started = False
        self._send = send
        self._headers = headers
        self._lock = asyncio.Lock()
        self._now = asyncio.get_running_loop().time
        self._sent_at = self._now()

    async def send(self, text: str, *, more: bool = True) -> None:
        async with self._lock:
            await self._send_now(text, more=more)

    async def keep_alive(self, seconds: float) -> None:
        """Whenever nothing was sent for so long, send a comment. One sleep a period, whatever is sent meanwhile."""
        while True:
            await asyncio.sleep(self._sent_at + seconds - self._now())
            async with self._lock:
                if self._now() - self._sent_at >= seconds:
                    await self._send_now(KEEP_ALIVE, more=True)

    async def _send_now(self, text: str, *, more: bool) -> None:
        self._sent_at = self._now()
        if not self.started:
            self.started = True
            await self._send({"type": "http.response.start", "status": 200, "headers": self._headers})
        await self._send({"type": "http.response.body", "body": text.encode(), "more_body": more})


def openai_error_frames(error: Exception) -> str:
    """The end of a broken stream."""
    reply = error_reply(error)
    reply.note()
    return frame(reply.body) + DONE


async def until_hangup(receive: Receive) -> None:
    """Wait until the client is gone. The request's body must have been read."""
    while (await receive())["type"] != "http.disconnect":
        pass
