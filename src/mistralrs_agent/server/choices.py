"""Several independent answers to one conversation (`n` above 1), straight from the model: an agent turn has one."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace
from typing import TypeVar

from engine import ChatModel, ChatRequest, Message, ReplyEvent
from mistralrs_agent.agent.agent import Agent
from mistralrs_agent.agent.turn import Turn
from mistralrs_agent.errors import RequestError

T = TypeVar("T")


def several_choices(agent: Agent, model: ChatModel, turn: Turn) -> AsyncGenerator[ReplyEvent, None]:
    """`model` is the agent's, perhaps watched.

    Raises: RequestError when the turn needs the agent loop, or is wrong in itself."""
    if turn.session_id is not None:
        raise RequestError("A session has one answer per turn: n must be 1.", param="n")
    if agent.tools_of(turn):
        raise RequestError("With tools of the server there is one answer per turn: n must be 1.", param="n")
    agent.run(replace(turn, sampling=replace(turn.sampling, n=1)))  # for its checks; never started
    messages = list(turn.messages)
    if agent.settings.system_prompt and all(m.role not in ("system", "developer") for m in messages):
        messages.insert(0, Message("system", agent.settings.system_prompt))
    request = ChatRequest(
        messages=messages,
        sampling=turn.sampling,
        tools=turn.client_tools,
        tool_choice=turn.tool_choice,
        parallel_tool_calls=turn.parallel_tool_calls,
        constraint=turn.constraint,
        enable_thinking=turn.enable_thinking,
        template_kwargs=turn.template_kwargs,
        truncate=turn.truncate,
        cache_salt=turn.cache_salt,
        adapter=turn.adapter,
    )
    return closed_after(model.chat(request))


async def closed_after(events: AsyncIterator[T]) -> AsyncGenerator[T, None]:
    """The same events; whoever stops reading closes `events` too, which stops the model."""
    try:
        async for event in events:
            yield event
    finally:
        if isinstance(events, AsyncGenerator):
            await events.aclose()
