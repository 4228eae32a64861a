"""Many requests at once through HTTP, by a client that costs little: it shares the machine with the server."""

from __future__ import annotations

import asyncio
import json
import re
import time
from typing import Any

from contenders.protocol import prompts


def through_http(port: int, requests: list[tuple[int, int]], seed: int, *, stream: bool) -> dict[str, Any]:
    """Send (prompt tokens, tokens to generate) requests together to `/v1/completions`; how long until all are done."""
    bodies = [
        json.dumps(
            {"model": "default", "prompt": ids, "max_tokens": generated, "temperature": 0, "ignore_eos": True}
            | ({"stream": True, "stream_options": {"include_usage": True}} if stream else {})
        ).encode()
        for ids, (_, generated) in zip(prompts(requests, seed), requests, strict=True)
    ]

    async def send_all() -> list[bytes]:
        return await asyncio.gather(*(_post(port, body) for body in bodies))

    start = time.perf_counter()
    replies = asyncio.run(send_all())
    seconds = time.perf_counter() - start
    return {"wall_s": seconds, "decoded": sum(_tokens(reply) for reply in replies)}


async def _post(port: int, body: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"POST /v1/completions HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
    writer.write(f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
    reply = await reader.read()
    writer.close()
    return reply


def _tokens(reply: bytes) -> int:
    """Generated tokens by the reply's own count. Raises: ValueError when it is not a finished reply."""
    counts = re.findall(rb'"completion_tokens": ?(\d+)', reply)
    if not reply.startswith(b"HTTP/1.1 200") or not counts:
        raise ValueError(f"no finished reply: {reply[:300]!r}")
    return int(counts[-1])
