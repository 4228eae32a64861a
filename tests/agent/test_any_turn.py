"""Random turns: whatever the model, the tools, the person and the client do, the history stays valid."""

from __future__ import annotations

import asyncio
import os
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from agent_doubles import EchoTool, ask, assert_valid, client_tool, make_agent
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import EngineOverloaded, Message
from engine.chat.scripted import ScriptedModel, call, text, thinking
from mistralrs_agent.agent.agent import Agent, AgentSettings
from mistralrs_agent.agent.events import ApprovalRequested, Decision, Finished, Permission, StopDetail
from mistralrs_agent.agent.turn import Turn
from mistralrs_agent.errors import ToolFailed

WORDS = st.sampled_from([text("Some words. "), thinking("Hm. "), text("\n")])
CALLS = st.sampled_from(
    [
        call("echo", {"word": "fine"}),
        call("echo", {"word": "fail"}),
        call("echo", {"word": "bug"}),
        call("echo", {"wrong": 1}),
        call("echo", "{broken"),
        call("nobody", {}),
        call("ask_client", {}),
    ]
)
REPLIES = st.builds(lambda words, calls: [*words, *calls], st.lists(WORDS, max_size=2), st.lists(CALLS, max_size=3))


@dataclass(frozen=True)
class Plan:
    """What happens in one turn."""

    replies: list[Any]
    """What the model says; then, or in the last round, a plain answer, or an error when it `breaks`."""
    breaks: bool
    leaves_after: int | None
    """The reader closes the stream after so many events."""
    permission: Permission
    decision: Decision
    answers_client_calls: bool
    """Else the client says something new instead."""


PLANS = st.builds(
    Plan,
    replies=st.lists(REPLIES, max_size=5),
    breaks=st.sampled_from([False, False, False, True]),
    leaves_after=st.none() | st.integers(1, 30),
    permission=st.sampled_from(Permission),
    decision=st.builds(Decision, approve=st.booleans(), remember=st.booleans()),
    answers_client_calls=st.booleans(),
)


def misbehave(arguments, _):
    match arguments["word"]:
        case "fail":
            raise ToolFailed("on purpose")
        case "bug":
            raise KeyError("on purpose")
    return asyncio.sleep(0)


def test_the_history_is_valid_after_every_turn_and_nothing_keeps_running():
    rounds = 0

    @settings(max_examples=450, deadline=None, derandomize=True)  # the same turns, so the same rounds, in every run
    @given(plans=st.lists(PLANS, min_size=1, max_size=4))
    def walk(plans):
        nonlocal rounds
        rounds += asyncio.run(play(plans))

    open_files = len(os.listdir("/proc/self/fd"))
    walk()
    assert rounds >= 1000, rounds
    assert len(os.listdir("/proc/self/fd")) <= open_files


async def play(plans: list[Plan]) -> int:
    """Returns how many rounds were played."""
    model = ScriptedModel(reply for plan in plans for reply in plan.replies)
    agent = make_agent(model, [EchoTool(before=misbehave)], AgentSettings(max_rounds=3))
    waiting: tuple[Any, ...] = ()
    for plan in plans:
        end = EngineOverloaded("full") if plan.breaks else text("Done.")
        model._replies = iter([*plan.replies, [end]])
        results = [Message("tool", "done", tool_call_id=c.id, name=c.name) for c in waiting]
        said = results if results and plan.answers_client_calls else ["next"]
        turn = ask(*said, session_id="s", client_tools=(client_tool(),), permission=plan.permission)
        before = agent.sessions.history("s")
        try:
            finished = await take(agent, turn, plan)
        except EngineOverloaded:
            assert agent.sessions.history("s") == before
            continue
        history = agent.sessions.history("s")
        if history != before:  # else the reader left before the turn began
            waiting = finished.client_calls if finished else ()
        assert_valid(history or (), [c.id for c in waiting])
        if finished:
            assert (finished.stop_detail is StopDetail.CLIENT_TOOLS) == bool(finished.client_calls)
        assert model.running == 0
        assert agent.approvals.pending() == ()
    await agent.close()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    return len(model.requests)


async def take(agent: Agent, turn: Turn, plan: Plan) -> Finished | None:
    """Read the turn's events until its end, or until the reader leaves."""
    count = 0
    async with asyncio.timeout(20), aclosing(agent.run(turn)) as events:
        async for event in events:
            count += 1
            if isinstance(event, ApprovalRequested):
                agent.approvals.decide(event.approval_id, plan.decision)
            if isinstance(event, Finished):
                return event
            if count == plan.leaves_after:
                return None
    raise AssertionError("the turn ended without Finished")
