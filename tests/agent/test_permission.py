from __future__ import annotations

import asyncio
import json
import logging
from contextlib import aclosing

import pytest
from agent_doubles import EchoTool, ask, assert_valid, collect, make_agent

from engine.chat.scripted import ScriptedModel, call, text
from mistralrs_agent.agent.agent import Agent, AgentSettings
from mistralrs_agent.agent.events import ApprovalRequested, ApprovalResolved, Decision, Event, Permission, ToolFinished
from mistralrs_agent.agent.rules import Rule
from mistralrs_agent.agent.turn import Turn
from mistralrs_agent.errors import ConfigError, RequestError

ASK = AgentSettings(permission=Permission.ASK)
TWICE = [[call("echo", {"word": "a"}), call("echo", {"word": "b"})], [text("ok")]]
ONCE = [[call("echo", {"word": "a"})], [text("ok")]]


async def answer_all(agent: Agent, turn: Turn, decision: Decision) -> list[Event]:
    events: list[Event] = []
    async with asyncio.timeout(10), aclosing(agent.run(turn)) as stream:
        async for event in stream:
            events.append(event)
            if isinstance(event, ApprovalRequested):
                assert agent.approvals.decide(event.approval_id, decision)
    return events


def asked(events: list[Event]) -> list[ApprovalRequested]:
    return [e for e in events if isinstance(e, ApprovalRequested)]


def results(events: list[Event]) -> list[str]:
    return [e.result.content for e in events if isinstance(e, ToolFinished)]


@pytest.mark.parametrize("server", Permission)
@pytest.mark.parametrize("request_permission", [*Permission, None])
async def test_the_stricter_of_server_and_request_holds(server, request_permission):
    tool = EchoTool()
    agent = make_agent(ScriptedModel(ONCE), [tool], AgentSettings(permission=server))
    events = await answer_all(agent, ask("go", permission=request_permission), Decision(approve=True))
    strictest = server.stricter(request_permission or Permission.AUTO)
    assert len(asked(events)) == (strictest is Permission.ASK)
    assert bool(tool.ran) == (strictest is not Permission.DENY)


async def test_a_denied_call_is_told_to_the_model_with_the_reason():
    tool, model = EchoTool(), ScriptedModel(ONCE)
    agent = make_agent(model, [tool], ASK)
    events = await answer_all(agent, ask("go"), Decision(approve=False, message="not on a Sunday"))
    assert tool.ran == []
    denied = {"status": "denied", "exception": "not on a Sunday"}
    assert json.loads(model.requests[1].messages[-1].content) == denied
    resolved = next(e for e in events if isinstance(e, ApprovalResolved))
    assert resolved.decision.message == "not on a Sunday"


async def test_the_question_says_what_will_run():
    agent = make_agent(ScriptedModel(ONCE), [EchoTool()], ASK)
    (request,) = asked(await answer_all(agent, ask("go", session_id="s"), Decision(approve=True)))
    assert request.approval_id.startswith("appr_")
    assert (request.session_id, request.round, request.arguments) == ("s", 0, {"word": "a"})
    assert request.card.title == "Say a"


async def test_questions_come_one_at_a_time_and_always_covers_the_rest_of_the_session():
    tool = EchoTool()
    agent = make_agent(ScriptedModel([*TWICE, *ONCE, *ONCE]), [tool], ASK)
    always = Decision(approve=True, remember=True)
    assert len(asked(await answer_all(agent, ask("go", session_id="s"), always))) == 1
    assert asked(await answer_all(agent, ask("go on", session_id="s"), always)) == []
    assert len(asked(await answer_all(agent, ask("another one", session_id="t"), always))) == 1
    assert sorted(tool.ran) == ["a", "a", "a", "b"]


async def test_never_holds_even_where_nothing_would_be_asked():
    tool = EchoTool()
    agent = make_agent(ScriptedModel([*ONCE, *ONCE]), [tool])
    never = Decision(approve=False, remember=True)
    await answer_all(agent, ask("go", session_id="s", permission=Permission.ASK), never)
    events = await answer_all(agent, ask("go on", session_id="s"), never)
    assert asked(events) == []
    assert json.loads(results(events)[0])["status"] == "denied"
    assert tool.ran == []


async def test_pending_questions_are_listed_until_they_are_answered():
    agent = make_agent(ScriptedModel(ONCE), [EchoTool()], ASK)
    async with asyncio.timeout(10), aclosing(agent.run(ask("go"))) as stream:
        async for event in stream:
            if isinstance(event, ApprovalRequested):
                break
        assert agent.approvals.pending() == (event,)
        assert agent.approvals.decide(event.approval_id, Decision(approve=True))
        assert [type(e) async for e in stream][-1].__name__ == "Finished"
    assert agent.approvals.pending() == ()
    assert not agent.approvals.decide(event.approval_id, Decision(approve=True))


async def test_no_answer_in_time_is_a_denial():
    tool = EchoTool()
    agent = make_agent(ScriptedModel(ONCE), [tool], AgentSettings(permission=Permission.ASK, approval_timeout_s=0.01))
    events = await collect(agent, ask("go"))
    assert "within 0.01 s" in results(events)[0]
    assert tool.ran == []


async def test_cancelling_while_a_question_is_open_withdraws_it():
    agent = make_agent(ScriptedModel(ONCE), [EchoTool()], ASK)
    async with asyncio.timeout(10), aclosing(agent.run(ask("go", session_id="s"))) as stream:
        async for event in stream:
            if isinstance(event, ApprovalRequested):
                break
    assert agent.approvals.pending() == ()
    stored = agent.sessions.history("s")
    assert_valid(stored)
    assert "cancelled" in stored[2].content


async def test_every_decision_leaves_an_audit_line(caplog):
    with caplog.at_level(logging.INFO, "mistralrs_agent.audit"):
        await collect(make_agent(ScriptedModel(ONCE), [EchoTool()]), ask("go", session_id="s"))
        refused = make_agent(ScriptedModel(ONCE), [EchoTool()], AgentSettings(permission=Permission.DENY))
        await collect(refused, ask("go", session_id="t"))
    lines = [r.getMessage() for r in caplog.records if r.name == "mistralrs_agent.audit"]
    assert [line.split(" call=")[0] for line in lines] == [
        "approved echo (custom) session=s",
        "denied echo (custom) session=t",
    ]


def word(said: str) -> list:
    return [[call("echo", {"word": said})], [text("ok")]]


async def test_a_rule_of_the_server_decides_for_its_tool_and_a_request_can_only_be_stricter():
    tools = [EchoTool(), EchoTool("other")]
    rules = (Rule.parse("other=auto"), Rule.parse("custom(rm *)=deny"))
    replies = [
        [call("echo", {"word": "a"}), call("other", {"word": "b"}), call("echo", {"word": "rm x"})],
        [text("ok")],
    ]
    agent = make_agent(
        ScriptedModel(replies * 2), tools, AgentSettings(permission=Permission.ASK, permission_rules=rules)
    )
    events = await answer_all(agent, ask("go"), Decision(approve=True))
    assert [e.tool.label for e in asked(events)] == ["echo"]
    assert (tools[0].ran, tools[1].ran) == (["a"], ["b"])
    lifted = ask("go", permission=Permission.AUTO, permission_rules=(Rule(Permission.AUTO), Rule(Permission.DENY)))
    events = await answer_all(agent, lifted, Decision(approve=True))
    assert [e.tool.label for e in asked(events)] == ["echo"]
    assert tools[0].ran == ["a", "a"]
    hardened = ask("go", permission_rules=(Rule(Permission.DENY, "oth*"),))
    agent.model._replies = iter(replies)
    await answer_all(agent, hardened, Decision(approve=True))
    assert tools[1].ran == ["b", "b"]


@pytest.mark.parametrize(
    ("rule", "arguments", "fits"),
    [
        ("shell(git *)=auto", {"commands": ["git log", "git diff"]}, True),
        ("shell(git *)=auto", {"commands": ["git log", "rm -r ."]}, False),
        ("shell(git *)=auto", {"commands": ["git log; rm -r ."]}, False),
        ("shell(git *)=auto", {"commands": ["git log $(rm -r .)"]}, False),
        ("shell(git *)=auto", {"commands": ["git log\nrm -r ."]}, False),
        ("shell(git *)=auto", {"commands": []}, False),
        ("shell(*rm *)=deny", {"commands": ["ls", "cd /; rm -r ."]}, True),
        ("mistralrs_*(*secret*)=ask", {"nested": {"list": [{"deep": "a secret"}]}}, True),
        ("mistralrs_*(*)=ask", {"n": 3}, True),
        ("nothing=ask", {"n": 3}, False),
    ],
)
def test_a_pattern_reads_every_text_of_the_arguments_and_auto_trusts_no_compound(rule, arguments, fits):
    assert Rule.parse(rule).fits("mistralrs_shell", "shell", arguments) is fits


@pytest.mark.parametrize("line", ["echo", "echo=maybe", "=ask", "echo()=ask", ""])
def test_a_rule_that_cannot_be_read_is_refused(line):
    with pytest.raises(ConfigError, match="permission rule"):
        Rule.parse(line)


async def test_an_answer_can_be_remembered_for_some_arguments_only():
    tool = EchoTool()
    agent = make_agent(ScriptedModel([*word("read a"), *word("read b"), *word("write c")]), [tool], ASK)
    some = Decision(approve=True, remember=True, remember_text="read *")
    counts = [len(asked(await answer_all(agent, ask("go", session_id="s"), some))) for _ in range(3)]
    assert counts == [1, 0, 1]


async def test_a_person_can_edit_the_arguments_and_the_model_is_told():
    tool, model = EchoTool(), ScriptedModel(ONCE)
    agent = make_agent(model, [tool], ASK)
    await answer_all(agent, ask("go"), Decision(approve=True, arguments={"word": "better"}))
    assert tool.ran == ["better"]
    said = model.requests[1].messages[-1].content
    assert "changed the arguments" in said and said.endswith("better")


async def test_edited_arguments_must_fit_the_tool_and_the_question_stays_open():
    tool = EchoTool()
    agent = make_agent(ScriptedModel(ONCE), [tool], ASK)
    async with asyncio.timeout(10), aclosing(agent.run(ask("go"))) as stream:
        async for event in stream:
            if isinstance(event, ApprovalRequested):
                with pytest.raises(RequestError, match="word"):
                    agent.approvals.decide(event.approval_id, Decision(approve=True, arguments={"wrong": 1}))
                assert agent.approvals.decide(event.approval_id, Decision(approve=True))
    assert tool.ran == ["a"]


async def test_editing_cannot_lift_a_deny_of_the_server():
    tool = EchoTool()
    settings = AgentSettings(permission=Permission.ASK, permission_rules=(Rule.parse("echo(rm *)=deny"),))
    agent = make_agent(ScriptedModel(ONCE), [tool], settings)
    events = await answer_all(agent, ask("go"), Decision(approve=True, arguments={"word": "rm everything"}))
    assert tool.ran == []
    assert json.loads(results(events)[0])["status"] == "denied"
