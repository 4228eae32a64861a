"""`POST /v1/completions`: continue raw text or token ids."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace

from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse

from engine import ChatModel, Constraint, Delta, SamplingParams
from mistralrs_agent.server.json_route import JsonRoute
from mistralrs_agent.server.sse import EventStream, openai_error_frames
from mistralrs_agent.server.state import ServedHere
from mistralrs_agent.server.whole import while_connected
from mistralrs_agent.server.wire.completion_reply import CompletionHead, completion_body, completion_frames
from mistralrs_agent.server.wire.completions import CompletionRequest
from mistralrs_agent.server.wire.constraint import reply_constraint

router = APIRouter(route_class=JsonRoute)


@router.post("/v1/completions")
async def create_completion(body: CompletionRequest, served: ServedHere, request: Request) -> Response:
    """Continue one or several prompts, whole or as server-sent events."""
    adapter = await served.adapter_of(body.model, body.adapter_name)
    model = served.telemetry.model
    sampling = body.sampling(model.info.sampling_defaults)
    constraint = reply_constraint(body.response_format, body.grammar)
    deltas = _continue_all(model, body, sampling, constraint, adapter)
    head = CompletionHead(model.info.id, _echoes(model, body, sampling.n), body.suffix or "", body.include_usage)
    if body.stream:
        frames = completion_frames(deltas, head)
        return EventStream(frames, keep_alive_s=served.settings.keep_alive_s, error_frames=openai_error_frames)
    return JSONResponse(await while_connected(request, completion_body(deltas, head)))


def _echoes(model: ChatModel, body: CompletionRequest, n: int) -> list[str]:
    if not body.echo:
        return [""] * (len(body.prompts) * n)
    prompts = [prompt if isinstance(prompt, str) else model.detokenize(prompt) for prompt in body.prompts]
    return [prompt for prompt in prompts for _ in range(n)]


def _continue_all(
    model: ChatModel,
    body: CompletionRequest,
    sampling: SamplingParams,
    constraint: Constraint | None,
    adapter: str | None,
) -> AsyncGenerator[Delta, None]:
    """All prompts at once; choice `c` of prompt `p` has index `p * n + c`."""
    truncate, salt = bool(body.truncate_sequence), body.cache_salt or ""
    replies = [
        model.complete(prompt, sampling, constraint, truncate=truncate, cache_salt=salt, adapter=adapter)
        for prompt in body.prompts
    ]
    return replies[0] if len(replies) == 1 else _merged(replies, sampling.n)


async def _merged(replies: Sequence[AsyncGenerator[Delta, None]], n: int) -> AsyncGenerator[Delta, None]:
    """What all of them say, as it comes. The first failure ends them all."""
    queue: asyncio.Queue[Delta | Exception | None] = asyncio.Queue()

    async def run(first_index: int, reply: AsyncGenerator[Delta, None]) -> None:
        end: Exception | None = None
        try:
            async with aclosing(reply) as deltas:
                async for delta in deltas:
                    queue.put_nowait(replace(delta, index=first_index + delta.index))
        except Exception as error:  # noqa: BLE001 - raised again by the reader
            end = error
        queue.put_nowait(end)

    tasks = [asyncio.create_task(run(position * n, reply)) for position, reply in enumerate(replies)]
    running = len(tasks)
    try:
        while running:
            item = await queue.get()
            if isinstance(item, Exception):
                raise item
            if item is None:
                running -= 1
            else:
                yield item
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
