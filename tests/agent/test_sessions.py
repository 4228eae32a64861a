from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import aclosing

import pytest
from agent_doubles import EchoTool, ask, client_tool, finish, make_agent, shape

from engine import Message
from engine.chat.scripted import ScriptedModel, call, text
from mistralrs_agent.agent.agent import AgentSettings
from mistralrs_agent.agent.events import RoundStarted
from mistralrs_agent.agent.sessions import Sessions
from mistralrs_agent.errors import ConfigError, RequestError
from mistralrs_agent.storage.sessions import SessionStore

USER, ASSISTANT = "user", "assistant"
TOOL_TURN = [[text("Trying. "), call("echo", {"word": "a"})], [text("It was a.")]]


async def test_a_session_id_and_only_the_new_message_continue_the_conversation():
    model = ScriptedModel([*TOOL_TURN, [text("You said go.")]])
    agent = make_agent(model, [EchoTool()])
    first = await finish(agent, ask("go"))
    second = await finish(agent, ask("What did I say?", session_id=first.session_id))
    assert second.session_id == first.session_id
    assert shape(model.requests[2].messages) == [
        (USER, "go"),
        (ASSISTANT, 'Trying.  echo({"word": "a"})'),
        ("tool", "a"),
        (ASSISTANT, "It was a."),
        (USER, "What did I say?"),
    ]


@pytest.mark.parametrize("shown", ["It was a.", "Trying. It was a.", " It was a.\n"])
async def test_history_sent_again_is_not_doubled_and_gets_its_tool_messages_back(shown):
    model = ScriptedModel([*TOOL_TURN, [text("ok")]])
    agent = make_agent(model, [EchoTool()])
    first = await finish(agent, ask(Message("system", "Be brief."), "go"))
    again = ask(
        Message("system", "Be brief."), "go", Message(ASSISTANT, shown), "and now?", session_id=first.session_id
    )
    await finish(agent, again)
    assert [m.role for m in model.requests[2].messages] == ["system", USER, ASSISTANT, "tool", ASSISTANT, USER]


@pytest.mark.parametrize("match_sessions", [True, False])
async def test_a_whole_conversation_goes_on_with_the_session_it_repeats_only_where_the_server_says_so(match_sessions):
    model = ScriptedModel([*TOOL_TURN, *TOOL_TURN, *([[text("ok")]] * 4)])
    agent = make_agent(model, [EchoTool()], AgentSettings(match_sessions=match_sessions))
    whole = [Message(USER, "go"), Message(ASSISTANT, "It was a."), Message(USER, "and now?")]
    first = await finish(agent, ask("go"))
    assert (await finish(agent, ask("go"))).session_id != first.session_id  # a beginning repeats nothing
    await agent.sessions.delete(first.session_id)
    second = await finish(agent, ask(*whole))
    assert [m.role for m in model.requests[-1].messages].count("tool") == match_sessions
    third = await finish(agent, ask(*whole, Message(ASSISTANT, "ok"), Message(USER, "more?")))
    assert (third.session_id == second.session_id) is match_sessions
    other = await finish(agent, ask(Message(USER, "go"), Message(ASSISTANT, "It was b."), Message(USER, "more?")))
    assert other.session_id not in (second.session_id, third.session_id)
    stranger = await finish(agent.within("ann/"), ask(*whole))
    assert stranger.session_id != second.session_id


async def test_results_of_a_client_find_the_session_that_waits_for_them():
    model = ScriptedModel([[call("echo", {"word": "a"}), call("ask_client", {})], [text("Both.")]])
    agent = make_agent(model, [EchoTool()], AgentSettings(match_sessions=True))
    first = await finish(agent, ask("go", client_tools=(client_tool(),)))
    (asked,) = first.client_calls
    told = [Message(USER, "go"), Message(ASSISTANT, tool_calls=(asked,)), Message("tool", "b", tool_call_id=asked.id)]
    second = await finish(agent, ask(*told, client_tools=(client_tool(),)))
    assert second.session_id == first.session_id
    assert [m.content for m in model.requests[1].messages if m.role == "tool"] == ["a", "b"]


async def test_a_client_with_its_own_version_of_the_past_is_believed():
    model = ScriptedModel([*TOOL_TURN, [text("ok")]])
    agent = make_agent(model, [EchoTool()])
    first = await finish(agent, ask("go"))
    edited = (Message(USER, "go"), Message(ASSISTANT, "It was b."), Message(USER, "sure?"))
    await finish(agent, ask(*edited, session_id=first.session_id))
    assert tuple(model.requests[2].messages) == edited


async def test_a_new_system_message_replaces_the_old_one():
    model = ScriptedModel([[text("a")], [text("b")]])
    agent = make_agent(model)
    await finish(agent, ask(Message("system", "Be brief."), "one", session_id="s"))
    await finish(agent, ask(Message("system", "Be long."), "two", session_id="s"))
    assert shape(model.requests[1].messages) == [("system", "Be long."), (USER, "one"), (ASSISTANT, "a"), (USER, "two")]


async def test_a_turn_cancelled_before_any_answer_does_not_confuse_history_sent_again():
    model = ScriptedModel([[text("ok")]])
    agent = make_agent(model)
    async with aclosing(agent.run(ask("one", session_id="s"))) as events:
        async for event in events:
            if isinstance(event, RoundStarted):
                break
    await finish(agent, ask("one", "two", session_id="s"))
    assert [m.content for m in model.requests[-1].messages if m.role == USER] == ["one", "two"]


async def test_turns_without_a_session_id_do_not_see_each_other():
    model = ScriptedModel([[text("a")], [text("b")]])
    agent = make_agent(model, [EchoTool()])
    first, second = await finish(agent, ask("one")), await finish(agent, ask("two"))
    assert first.session_id != second.session_id
    assert len(model.requests[1].messages) == 1


async def test_a_turn_with_neither_session_id_nor_tools_leaves_nothing_behind():
    store = SessionStore()
    finished = await finish(make_agent(ScriptedModel([[text("a")]]), store=store), ask("one"))
    assert (finished.text, finished.session_id) == ("a", "")
    assert store.ids() == ()


async def test_two_turns_of_one_session_take_turns():
    gate = asyncio.Event()
    model = ScriptedModel([[text("a"), gate], [text("b")]])
    agent = make_agent(model)
    first = asyncio.create_task(finish(agent, ask("one", session_id="s")))
    second = asyncio.create_task(finish(agent, ask("two", session_id="s")))
    other = asyncio.create_task(anext(agent.run(ask("three", session_id="t"))))
    await other
    assert model.running <= 1
    gate.set()
    await asyncio.wait_for(asyncio.gather(first, second), 10)
    assert [m.content for m in agent.sessions.history("s")] == ["one", "a", "two", "b"]


async def test_sessions_survive_a_restart(tmp_path):
    path = tmp_path / "state" / "sessions.db"
    store = SessionStore(path)
    await finish(make_agent(ScriptedModel(TOOL_TURN), [EchoTool()], store=store), ask("go", session_id="s"))
    store.close()
    model = ScriptedModel([[text("ok")]])
    await finish(make_agent(model, store=SessionStore(path)), ask("more", session_id="s"))
    assert len(model.requests[0].messages) == 5


def test_a_killed_process_leaves_every_saved_turn(tmp_path):
    path = tmp_path / "sessions.db"
    program = (
        "import os, signal\n"
        "from engine import Message\n"
        "from mistralrs_agent.storage.sessions import SessionStore\n"
        f"store = SessionStore({str(path)!r})\n"
        "for n in range(20): store.save(f's{n}', [Message('user', 'x' * 5000)])\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == -9
    store = SessionStore(path)
    assert len(store.ids()) == 20
    assert store.load("s19") == (Message("user", "x" * 5000),)


def test_the_store_keeps_the_sessions_used_last():
    store = SessionStore(keep=2)
    for session_id in ("a", "b", "a", "c"):
        store.save(session_id, [Message("user", session_id)])
    assert store.ids() == ("c", "a")
    store.delete("a")
    assert store.load("a") is None


def test_a_file_that_is_no_store_is_refused_in_one_line(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("not a database, just a long enough text " * 100)
    with pytest.raises(ConfigError, match=r"notes\.txt"):
        SessionStore(path)


async def test_idle_and_surplus_sessions_lose_their_tool_state_but_not_their_history():
    now, ended = 0.0, []

    async def end(session_id: str) -> None:
        ended.append(session_id)

    sessions = Sessions(SessionStore(), end, limit=2, idle_s=100, clock=lambda: now)
    for session_id in ("a", "b", "c"):
        async with sessions.open(session_id) as session:
            session.save([Message("user", session_id)])
        now += 1
    assert ended == ["a"]
    now += 99
    async with sessions.open("c"):
        await sessions.sweep()
    assert ended == ["a", "b"]
    assert sessions.history("a") == (Message("user", "a"),)
    await sessions.close()
    assert ended == ["a", "b", "c"]


async def test_idle_sessions_end_by_themselves():
    ended = asyncio.Event()

    async def end(session_id: str) -> None:
        ended.set()

    sessions = Sessions(SessionStore(), end, idle_s=0.01)
    async with sessions.open("a"):
        pass
    await asyncio.wait_for(ended.wait(), 5)
    await sessions.close()


async def test_deleting_a_session_forgets_history_and_tool_state():
    tool = EchoTool()
    agent = make_agent(ScriptedModel([[text("a")], [text("b")]]), [tool])
    await finish(agent, ask("one", session_id="s"))
    await agent.sessions.delete("s")
    assert agent.sessions.history("s") is None
    assert tool.ended_sessions == ["s"]
    await finish(agent, ask("two", session_id="s"))
    assert len(agent.sessions.history("s")) == 2


@pytest.mark.parametrize("session_id", ["", "x" * 257, "a\0b", "a\nb", "\ud800"])
async def test_an_id_that_no_store_could_keep_is_refused(session_id):
    with pytest.raises(RequestError, match="1 to 256 printable characters"):
        await finish(make_agent(ScriptedModel([])), ask("hi", session_id=session_id))
