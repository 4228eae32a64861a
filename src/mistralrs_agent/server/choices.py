"""Several independent answers to one conversation (`n` above 1), straight from the model: an agent turn has one."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import replace

from engine import ChatModel, ReplyEvent
from mistralrs_agent.agent.agent import Agent
from mistralrs_agent.agent.turn import Turn
from mistralrs_agent.errors import RequestError


def several_choices(agent: Agent, model: ChatModel, turn: Turn) -> AsyncGenerator[ReplyEvent, None]:
    """`model` is the agent's, perhaps watched.

    Raises: RequestError when the turn needs the agent loop, or is wrong in itself.
    """
    if turn.session_id is not None:
        raise RequestError("A session has one answer per turn: n must be 1.", param="n")
    if agent.tools_of(turn):
        raise RequestError("With tools of the server there is one answer per turn: n must be 1.", param="n")
    if turn.files:
        raise RequestError("With files there is one answer per turn: n must be 1.", param="n")
    agent.run(replace(turn, sampling=replace(turn.sampling, n=1)))  # for its checks; never started
    return model.chat(turn.request(turn.messages, agent.settings.system_prompt, turn.client_tools, turn.tool_choice))
