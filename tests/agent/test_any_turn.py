"""Random turns: whatever the model, the tools, the person and the client do, histories stay valid and nothing leaks."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain, repeat
from pathlib import Path
from typing import Any

from agent_doubles import EchoTool, ask, assert_valid, client_tool, make_agent
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import ContextOverflow, EngineError, EngineOverloaded, Message, ToolCall
from engine.chat.scripted import SCRIPTED_INFO, ScriptedModel, call, text, thinking
from engine.chat.template import ChatTemplate
from mistralrs_agent.agent.agent import Agent, AgentSettings
from mistralrs_agent.agent.events import ApprovalRequested, Decision, Finished, Permission, StopDetail
from mistralrs_agent.agent.turn import Turn
from mistralrs_agent.errors import RequestError, ToolFailed
from mistralrs_agent.tools.base import Tool
from mistralrs_agent.tools.dispatch import Answer, Dispatcher
from mistralrs_agent.tools.interpreters import Interpreters
from mistralrs_agent.tools.python import python_tools
from mistralrs_agent.tools.shell import ShellTool
from sandbox import SandboxPolicy, Session

WORDS = st.sampled_from([text("Some words. "), thinking("Hm. "), text("\n"), text("long " * 120)])
CALLS = st.sampled_from(
    [
        *[call("echo", {"word": word}) for word in ("fine", "fail", "bug", "hang", "long " * 300)],
        *(call("echo", {"wrong": 1}), call("echo", "{broken"), call("nobody", {}), call("", "")),
        *[call("ask_client", {})] * 2,
    ]
)
CODE = st.sampled_from(
    [
        *[
            call("mistralrs_execute_python", {"code": code})
            for code in (
                "x = 1",
                "1 / 0",
                "print('y' * 10**6)",
                "open('f', 'w').write('f')",
                "while True: pass",
                "import subprocess; subprocess.Popen(['sleep', '1000'])",
                "import os; os._exit(1)",
            )
        ],
        call("mistralrs_shell", {"commands": ["sleep 1000 &", "mktemp"]}),
        call("mistralrs_reset_python_session", {}),
        call("ask_client", {}),
    ]
)
EDITS = st.sampled_from([None, {"word": "edited"}, {"wrong": 1}])
ANSWERS = st.none() | st.builds(
    Decision,
    approve=st.sampled_from([True, True, False]),
    remember=st.sampled_from([False, False, True]),
    remember_text=st.sampled_from(["", "f*"]),
    arguments=EDITS,
)
"""None: nobody answers in time."""


@dataclass(frozen=True)
class Plan:
    """What happens in one turn."""

    replies: list[Any]
    """What the model says; then, or in the last round, a plain answer, or an error when it `breaks`."""
    breaks: bool
    leaves: tuple[str, int] | None
    """The reader `closes` the stream after so many events, or is `cancelled` after so many steps of the event loop."""
    server: Permission
    request: Permission | None
    answer: Decision | None
    max_rounds: int
    dispatch: bool
    """Calls to the client's tools go to the dispatch URL."""
    client: str
    """The client `answers` its calls, says something `new` instead, or `repeats` all it has seen."""


def plans(calls: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Plan]]:
    reply = st.builds(lambda words, calls: [*words, *calls], st.lists(WORDS, max_size=2), st.lists(calls, max_size=4))
    plan = st.builds(
        Plan,
        replies=st.lists(reply, max_size=5),
        breaks=st.sampled_from([False, False, False, True]),
        leaves=st.none()
        | st.tuples(st.just("closes"), st.integers(1, 30))
        | st.tuples(st.just("cancelled"), st.integers(1, 60)),
        server=st.sampled_from([*[Permission.AUTO] * 5, *[Permission.ASK] * 3, Permission.DENY]),
        request=st.sampled_from([*[None] * 6, *Permission]),
        answer=ANSWERS,
        max_rounds=st.sampled_from([5, 3, 2, 1, 0]),
        dispatch=st.booleans(),
        client=st.sampled_from(["answers", "answers", "new", "repeats"]),
    )
    return st.lists(plan, min_size=1, max_size=4)


class Errands(Dispatcher):
    """Stands where the owner's URL stands; fails every second time."""

    done = 0

    async def call(self, name, arguments, context):
        await asyncio.sleep(0)
        Errands.done += 1
        if Errands.done % 2:
            raise ToolFailed("the tool's server answered HTTP 500")
        return Answer(content="done")


class Watched(ScriptedModel):
    """Every conversation it is asked to go on is valid; one that is too long is refused, as the engine does."""

    async def chat(self, request):
        assert_sound(request.messages)
        if (size := self.count_tokens(request)) >= self.info.context_tokens:
            raise ContextOverflow(size, self.info.context_tokens - 1)
        async with aclosing(super().chat(request)) as events:
            async for event in events:
                yield event


def misbehave(arguments, _):
    match arguments["word"]:
        case "fail":
            raise ToolFailed("on purpose")
        case "bug":
            raise KeyError("on purpose")
        case "hang":
            return asyncio.Event().wait()
    return asyncio.sleep(0)


def walk(
    calls: st.SearchStrategy[Any],
    make_tools: Callable[[], Sequence[Tool]],
    *,
    examples: int,
    tool_timeout_s: float,
    folder: Path,
) -> int:
    """Play random turns; returns how many rounds that were. `folder` holds this process's temporary files."""
    rounds = 0

    @settings(max_examples=examples, deadline=None, derandomize=True, database=None)  # the same turns in every run
    @given(plans=plans(calls), context_tokens=st.sampled_from([1024, 8192]))
    def play_all(plans: list[Plan], context_tokens: int) -> None:
        nonlocal rounds
        rounds += asyncio.run(play(plans, context_tokens, tool_timeout_s, make_tools()))

    files_before, kept_before = held(folder)
    play_all()
    files, kept = held(folder)
    assert files <= files_before
    assert kept <= kept_before
    return rounds


def held(folder: Path) -> tuple[int, set[str]]:
    """How many files this process has open; its child processes and temporary files."""
    gc.collect()
    children = (task / "children" for task in Path("/proc/self/task").iterdir())
    kept = {child for found in children for child in found.read_text().split()} | set(os.listdir(folder))
    return len(os.listdir("/proc/self/fd")), kept


def test_the_history_is_valid_after_every_round_and_nothing_is_left_behind(tmp_path):
    rounds = walk(
        CALLS, lambda: [EchoTool(before=misbehave)], examples=400, tool_timeout_s=0.001, folder=tmp_path
    )  # only what hangs needs any time
    assert rounds >= 1000


def test_real_interpreters_and_shells_leave_no_process_and_no_file_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    policy = SandboxPolicy(timeout_s=0.2)

    def make_tools() -> list[Tool]:
        interpreters = Interpreters(policy)
        return [*python_tools(interpreters, "Isolated"), ShellTool(interpreters, "Isolated", 0.2)]

    async def start_what_stays() -> None:
        async with await Session.open(policy) as session:
            await session.run("")

    asyncio.run(start_what_stays())
    assert walk(CODE, make_tools, examples=30, tool_timeout_s=60, folder=tmp_path) >= 50


async def play(plans: list[Plan], context_tokens: int, tool_timeout_s: float, tools: Sequence[Tool]) -> int:
    """Returns how many rounds were played."""
    model = Watched([], info=replace(SCRIPTED_INFO, context_tokens=context_tokens))
    agent = make_agent(model, tools)
    waiting: tuple[ToolCall, ...] = ()
    for plan in plans:
        end = EngineOverloaded("full") if plan.breaks else text("Done.")
        model._replies = chain(plan.replies, repeat([end]))
        agent = Agent(model, agent.toolbox, settings_of(plan, tool_timeout_s), agent.sessions)
        before = agent.sessions.history("s") or ()
        turn = ask(
            *said(plan, before, waiting),
            session_id="s",
            client_tools=(client_tool(),),
            permission=plan.request,
            code_execution=agent.code_execution,
            shell=agent.shell,
        )
        try:
            finished = await take(agent, turn, plan)
        except EngineError:
            assert (agent.sessions.history("s") or ()) == before
            continue
        history = agent.sessions.history("s") or ()
        if history != before:  # else the reader left before the turn began
            waiting = finished.client_calls if finished else ()
        assert_sound(history, [c.id for c in waiting])
        if finished:
            assert (finished.stop_detail is StopDetail.CLIENT_TOOLS) == bool(finished.client_calls)
            assert finished.client_calls or history[-1].role == "assistant"
        assert model.running == 0
        assert not agent.approvals._waiting
    await agent.close()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    return len(model.requests)


def settings_of(plan: Plan, tool_timeout_s: float) -> AgentSettings:
    return AgentSettings(
        permission=plan.server,
        max_rounds=plan.max_rounds,
        code_execution=True,
        shell=True,
        approval_timeout_s=300.0 if plan.answer else 0.0,
        tool_timeout_s=tool_timeout_s,
        dispatcher=Errands("http://nowhere.invalid/") if plan.dispatch else None,
    )


def said(plan: Plan, history: Sequence[Message], waiting: Sequence[ToolCall]) -> list[Message | str]:
    """What the client sends in this turn."""
    if plan.client == "answers" and waiting:
        return [Message("tool", "done", tool_call_id=c.id, name=c.name) for c in waiting]
    if plan.client == "repeats":
        return [*(m for m in history if m.role == "user" or (m.role == "assistant" and not m.tool_calls)), "next"]
    return ["next"]


async def take(agent: Agent, turn: Turn, plan: Plan) -> Finished | None:
    """Read the turn's events until its end, or until the reader leaves."""
    how, when = plan.leaves or ("stays", 0)
    reading = asyncio.create_task(read(agent, turn, plan.answer, when if how == "closes" else None))
    if how == "cancelled":
        for _ in range(when):
            await asyncio.sleep(0)
        reading.cancel()
    try:
        async with asyncio.timeout(20):
            return await reading
    except asyncio.CancelledError:
        return None


async def read(agent: Agent, turn: Turn, answer: Decision | None, closes_after: int | None) -> Finished | None:
    count = 0
    async with aclosing(agent.run(turn)) as events:
        async for event in events:
            count += 1
            if isinstance(event, ApprovalRequested) and answer:
                try:
                    agent.approvals.decide(event.approval_id, answer)
                except RequestError:  # the tool does not take the edited arguments
                    agent.approvals.decide(event.approval_id, replace(answer, arguments=None))
            if isinstance(event, Finished):
                return event
            if count == closes_after:
                return None
    raise AssertionError("the turn ended without Finished")


def assert_sound(messages: Sequence[Message], waiting_at_client: Iterable[str] = ()) -> None:
    """Calls and results belong together, and the templates of strict families take the conversation."""
    assert_valid(messages, waiting_at_client)
    bodies = [message.to_json() for message in messages]
    assert [Message.from_json(json.loads(json.dumps(body))).to_json() for body in bodies] == bodies
    if messages and not list(waiting_at_client):
        for template in strict_templates():
            template.render(messages)


@cache
def strict_templates() -> tuple[ChatTemplate, ...]:
    """Those that refuse roles which do not take turns, calls that are no JSON, or thoughts beside calls."""
    folder = Path(__file__).parents[1] / "engine" / "chat" / "data" / "templates"
    names = ("mistralai-Mistral-Nemo-Instruct-2407", "GLM-4.6", "openai-gpt-oss-120b", "Apertus-8B-Instruct")
    tokens = {"bos_token": "<s>", "eos_token": "</s>"}
    return tuple(ChatTemplate((folder / f"{name}.jinja").read_text(), tokens) for name in names)
