"""Server-sent events over one HTTP response: frames, keep-alive comments, errors, and a client that hangs up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing, suppress
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from mistralrs_agent.server.error_table import error_reply

DONE = "data: [DONE]\n\n"
KEEP_ALIVE = ": keep-alive\n\n"
_BUFFERED_FRAMES = 64


def frame(data: Mapping[str, Any], event: str | None = None) -> str:
    """One event. JSON never holds a bare line break, so one `data:` line is enough."""
    head = f"event: {event}\n" if event else ""
    return f"{head}data: {json.dumps(data, ensure_ascii=False, separators=(',', ':'))}\n\n"


class _End:
    """Put into the queue after the last frame; holds what ended the stream early, if anything did."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error


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
        """Raises: what the generator raised before its first frame."""
        queue: asyncio.Queue[str | _End] = asyncio.Queue(_BUFFERED_FRAMES)
        producer = asyncio.create_task(self._produce(queue))
        sender = asyncio.create_task(self._send(queue, send))
        hangup = asyncio.create_task(until_hangup(receive))
        try:
            await asyncio.wait({sender, hangup}, return_when=asyncio.FIRST_COMPLETED)
            if sender.done():
                sender.result()
        finally:
            for task in (producer, sender, hangup):
                task.cancel()
            await asyncio.gather(producer, sender, hangup, return_exceptions=True)

    async def _produce(self, queue: asyncio.Queue[str | _End]) -> None:
        """Run the generator in one task from beginning to end; only here can it be cancelled or closed."""
        error: Exception | None = None
        try:
            async with aclosing(self._frames) as frames:
                async for text in frames:
                    await queue.put(text)
        except Exception as caught:  # noqa: BLE001 - handed to `_send`, which raises or tells the client
            error = caught
        await queue.put(_End(error))

    async def _send(self, queue: asyncio.Queue[str | _End], send: Send) -> None:
        started = False
        while True:
            item: str | _End = KEEP_ALIVE
            with suppress(TimeoutError):
                async with asyncio.timeout(self._keep_alive_s):
                    item = await queue.get()
            if isinstance(item, _End) and item.error is not None and not started:
                raise item.error
            if not started:
                await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                started = True
            if isinstance(item, _End):
                last = self._error_frames(item.error) if item.error is not None else ""
                await send({"type": "http.response.body", "body": last.encode(), "more_body": False})
                return
            await send({"type": "http.response.body", "body": item.encode(), "more_body": True})


def openai_error_frames(error: Exception) -> str:
    """The end of a broken stream."""
    return frame(error_reply(error).body) + DONE


async def until_hangup(receive: Receive) -> None:
    """Wait until the client is gone. The request's body must have been read."""
    while (await receive())["type"] != "http.disconnect":
        pass
