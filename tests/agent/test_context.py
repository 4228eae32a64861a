"""Conversations that outgrow the model's context go on."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from agent_doubles import EchoTool, ask, assert_valid, collect, finish, make_agent

from engine import ContextOverflow, Message
from engine.chat.scripted import SCRIPTED_INFO, ScriptedModel, call, text
from mistralrs_agent.agent.events import ContextShortened, Finished

SMALL = replace(SCRIPTED_INFO, context_tokens=4096)  # tokens are bytes here
SUMMARY = [text("They spoke of owls.")]


class StrictModel(ScriptedModel):
    """Refuses prompts that do not fit, as the engine does."""

    async def chat(self, request):
        if (size := self.count_tokens(request)) >= self.info.context_tokens:
            raise ContextOverflow(size, self.info.context_tokens - 1)
        async for event in super().chat(request):
            yield event


def made_short(events) -> ContextShortened | None:
    return next((e for e in events if isinstance(e, ContextShortened)), None)


def calls_of(count: int, size: int):
    """Rounds that each call the echo tool with a word of `size` characters."""
    return [[call("echo", {"word": str(n) * size})] for n in range(count)]


async def test_the_oldest_tool_outputs_are_shortened_first_and_the_newest_stays_whole():
    model = StrictModel([*calls_of(5, 850), [text("Done.")]], info=SMALL)
    agent = make_agent(model, [EchoTool()])
    events = await collect(agent, ask("go", session_id="s"))
    assert isinstance(events[-1], Finished) and events[-1].text == "Done."
    shortened = made_short(events)
    assert shortened is not None and shortened.shortened_outputs >= 1 and shortened.summarised == 0
    outputs = [m.content for m in agent.sessions.history("s") if m.role == "tool"]
    assert "characters left out" in outputs[0] and outputs[0].startswith("000")
    assert outputs[-1] == "4" * 850


async def test_then_earlier_turns_become_a_summary_and_the_question_stays():
    said = [[text(f"answer {n} " + "x" * 900)] for n in range(3)]
    model = StrictModel([*said, SUMMARY, [text("Owls, yes.")]], info=SMALL)
    agent = make_agent(model)
    for n in range(3):
        await finish(agent, ask(f"question {n} " + "y" * 300, session_id="s"))
    events = await collect(agent, ask("What was it about? " + "z" * 300, session_id="s"))
    assert isinstance(events[-1], Finished) and events[-1].text == "Owls, yes."
    assert made_short(events) == ContextShortened(0, 6)
    asked = agent.sessions.history("s")[0]
    assert asked.role == "user" and "They spoke of owls." in asked.content and "What was it about?" in asked.content
    assert len(agent.sessions.history("s")) == 2
    assert "question 0" in model.requests[3].messages[0].content  # what the summary was made from


async def test_a_second_summary_takes_the_first_one_in():
    model = StrictModel(
        [[text("a" * 3000)], SUMMARY, [text("b" * 3000)], [text("Owls again.")], [text("c")]], info=SMALL
    )
    agent = make_agent(model)
    for question in ("first " * 100, "second " * 100, "third " * 100):
        await finish(agent, ask(question, session_id="s"))
    assert "They spoke of owls." in model.requests[3].messages[0].content
    (asked, answer) = agent.sessions.history("s")
    assert asked.content.count("in short:") == 1 and "Owls again." in asked.content and "third" in asked.content
    assert answer.content == "c"


async def test_one_turn_of_many_rounds_never_ends_in_an_overflow():
    count = 40
    talk = [[text("I think. " * 30), call("echo", {"word": str(n) * 200})] for n in range(count)]
    replies = iter([*talk, [text("All done.")]])
    summaries = 0

    def reply(request):
        nonlocal summaries
        if request.messages[0].content.startswith("Summarise"):
            summaries += 1
            return SUMMARY
        assert_valid(request.messages)
        return next(replies)

    agent = make_agent(StrictModel([reply] * 200, info=SMALL), [EchoTool()])
    finished = await finish(agent, ask("go on", session_id="s"))
    assert (finished.text, finished.rounds) == ("All done.", count + 1)
    assert 1 <= summaries < count
    assert_valid(agent.sessions.history("s"))
    assert "go on" in agent.sessions.history("s")[0].content


async def test_one_round_of_many_large_results_does_not_end_the_turn():
    many = [call("echo", {"word": str(n) * 60}) for n in range(10, 30)]
    model = StrictModel([many, [text("Done.")]], info=replace(SMALL, context_tokens=2048))
    agent = make_agent(model, [EchoTool()])
    assert (await finish(agent, ask("go", session_id="s"))).text == "Done."
    outputs = [m.content for m in agent.sessions.history("s") if m.role == "tool"]
    assert len(outputs) == 20 and all("left out" in output for output in outputs)


async def test_a_summary_that_cannot_be_had_is_said_instead_of_ending_the_session():
    model = StrictModel([[text("x" * 3500)], [text("")], [text("")], [text("")], [text("Still here.")]], info=SMALL)
    agent = make_agent(model)
    await finish(agent, ask("first", session_id="s"))
    finished = await finish(agent, ask("second " * 60, session_id="s"))
    assert finished.text == "Still here."
    assert "no longer available" in agent.sessions.history("s")[0].content


async def test_a_question_that_is_too_long_by_itself_is_refused_and_the_session_lives():
    model = StrictModel([[text("Hello.")], [text("Yes.")]], info=SMALL)
    agent = make_agent(model)
    await finish(agent, ask("hi", session_id="s"))
    with pytest.raises(ContextOverflow):
        await finish(agent, ask("x" * 9000, session_id="s"))
    assert (await finish(agent, ask("Still there?", session_id="s"))).text == "Yes."


async def test_who_keeps_the_history_elsewhere_gets_the_overflow():
    agent = make_agent(StrictModel([], info=SMALL))
    long_past = (Message("user", "a" * 2500), Message("assistant", "b" * 2500), Message("user", "c"))
    with pytest.raises(ContextOverflow):
        await finish(agent, ask(*long_past))


async def test_the_shortening_is_announced_to_http_clients():
    from mistralrs_agent.event_codec import agent_event, read_agent_event

    event = ContextShortened(2, 6)
    name, data = agent_event(event)
    assert read_agent_event(name, json.loads(json.dumps(data))) == event
