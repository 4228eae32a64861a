from __future__ import annotations

import asyncio
import itertools
import json
from contextlib import aclosing

import pytest
from agent_doubles import EchoTool, ask, assert_valid, client_tool, collect, finish, make_agent, shape

from engine import (
    EngineOverloaded,
    FinishReason,
    Message,
    ReplyFinished,
    TextDelta,
    ThinkingDelta,
    ToolCall,
    ToolCallStarted,
    ToolChoice,
)
from engine.chat.scripted import ScriptedModel, call, text, thinking
from mistralrs_agent.agent.agent import AgentSettings
from mistralrs_agent.agent.events import (
    CallReady,
    Finished,
    RoundStarted,
    StopDetail,
    ToolFinished,
    ToolOutput,
    TurnStarted,
)
from mistralrs_agent.agent.loop import LAST_ROUND_NOTICE, REPEATED_NOTICE
from mistralrs_agent.errors import RequestError, ToolFailed


async def test_an_answer_without_tools_is_streamed_and_remembered():
    agent = make_agent(ScriptedModel([[thinking("easy"), text("Paris it is.")]]))
    events = await collect(agent, ask("Capital of France?", session_id="s"))
    assert isinstance(events[0], TurnStarted)
    assert events[1] == RoundStarted(0)
    assert "".join(e.text for e in events if isinstance(e, ThinkingDelta)) == "easy"
    assert "".join(e.text for e in events if isinstance(e, TextDelta)) == "Paris it is."
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert (finished.reason, finished.text, finished.rounds) == (FinishReason.STOP, "Paris it is.", 1)
    stored = agent.sessions.history(finished.session_id)
    assert shape(stored) == [("user", "Capital of France?"), ("assistant", "Paris it is.")]
    assert stored[1].reasoning == "easy"


async def test_a_call_is_run_and_its_result_goes_back_to_the_model_with_the_text_before_it():
    model = ScriptedModel([[text("Let me try. "), call("echo", {"word": "hi"})], [text("It said hi.")]])
    agent = make_agent(model, [EchoTool()])
    events = await collect(agent, ask("Say hi"))
    kinds = [type(e) for e in events]
    order = [RoundStarted, TextDelta, ToolCallStarted, CallReady, ToolFinished, RoundStarted, Finished]
    positions = [kinds.index(kind) for kind in order[:5]]
    assert positions == sorted(positions)
    assert [e for e in events if isinstance(e, RoundStarted)] == [RoundStarted(0), RoundStarted(1)]
    ready = next(e for e in events if isinstance(e, CallReady))
    assert ready.data == {"tool_type": "custom", "arguments": {"word": "hi"}}
    assert ready.card.title == "Say hi"
    second_prompt = model.requests[1].messages
    assert shape(second_prompt) == [
        ("user", "Say hi"),
        ("assistant", 'Let me try.  echo({"word": "hi"})'),
        ("tool", "hi"),
    ]
    assert second_prompt[2].tool_call_id == second_prompt[1].tool_calls[0].id
    assert second_prompt[2].name == "echo"
    finished = events[-1]
    assert finished.text == "It said hi."
    assert finished.usage.prompt_tokens == sum(map(model.count_tokens, model.requests))
    assert finished.context_tokens == model.count_tokens(model.requests[1]) + len("It said hi.")


async def test_calls_of_a_round_run_at_the_same_time_and_results_keep_their_order():
    first_runs, second_done = asyncio.Event(), asyncio.Event()

    async def before(word: str) -> None:
        if word == "first":
            first_runs.set()
            await second_done.wait()  # can only pass when the second call runs beside this one
        else:
            await first_runs.wait()
            second_done.set()

    tool = EchoTool(before=lambda arguments, _: before(arguments["word"]))
    model = ScriptedModel([[call("echo", {"word": "first"}), call("echo", {"word": "second"})], [text("done")]])
    agent = make_agent(model, [tool])
    events = await collect(agent, ask("both"))
    assert [e.result.content for e in events if isinstance(e, ToolFinished)] == ["second", "first"]
    assert [m.content for m in model.requests[1].messages if m.role == "tool"] == ["first", "second"]


async def test_live_output_arrives_while_the_tool_runs():
    may_end = asyncio.Event()

    def before(_, context):
        context.emit("stdout", "half way")
        return may_end.wait()

    agent = make_agent(ScriptedModel([[call("echo", {"word": "x"})], [text("ok")]]), [EchoTool(before=before)])
    seen = []
    async with asyncio.timeout(10), aclosing(agent.run(ask("go"))) as events:
        async for event in events:
            seen.append(event)
            if isinstance(event, ToolOutput):
                may_end.set()
    output = next(e for e in seen if isinstance(e, ToolOutput))
    assert (output.stream, output.text) == ("stdout", "half way")


async def test_an_unknown_tool_name_is_told_to_the_model():
    model = ScriptedModel([[call("ecko", {"word": "x"})], [text("sorry")]])
    finished = await finish(make_agent(model, [EchoTool()]), ask("go"))
    result = json.loads(model.requests[1].messages[-1].content)
    assert result["status"] == "invalid_call"
    assert "'ecko'" in result["error"]
    assert "echo" in result["error"]
    assert finished.text == "sorry"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"wort": "x"}, "'word' is a required property"),
        ({"word": 3}, "word: 3 is not of type 'string'"),
        ('{"word": "x"', "not a JSON object"),
        ("[1]", "not a JSON object"),
    ],
)
async def test_wrong_arguments_go_back_to_the_model_and_the_tool_does_not_run(arguments, said):
    tool = EchoTool()
    model = ScriptedModel([[call("echo", arguments)], [text("sorry")]])
    await collect(make_agent(model, [tool]), ask("go"))
    assert said in json.loads(model.requests[1].messages[-1].content)["error"]
    assert tool.ran == []


async def test_a_failing_tool_is_told_to_the_model_and_a_bug_is_not_shown_as_output(caplog):
    def fail(arguments, _):
        raise ToolFailed("the printer is on fire") if arguments["word"] == "a" else KeyError("secret detail")

    model = ScriptedModel([[call("echo", {"word": "a"}), call("echo", {"word": "b"})], [text("oh")]])
    events = await collect(make_agent(model, [EchoTool(before=fail)]), ask("go"))
    first, second = (json.loads(m.content) for m in model.requests[1].messages[-2:])
    assert first == {"status": "failed", "tool": "echo", "error": "the printer is on fire"}
    assert second["status"] == "failed"
    assert "secret" not in second["error"]
    assert "secret detail" in caplog.text
    assert [e.result.ok for e in events if isinstance(e, ToolFinished)] == [False, False]


async def test_at_the_round_cap_the_model_answers_once_more_without_tools():
    def reply(request):
        return [text("Enough.")] if request.tool_choice.mode == "none" else [call("echo", {"word": "again"})]

    model = ScriptedModel(itertools.repeat(reply))
    finished = await finish(make_agent(model, [EchoTool()]), ask("go", max_rounds=2))
    assert (finished.rounds, finished.stop_detail, finished.text) == (3, StopDetail.ROUND_LIMIT, "Enough.")
    assert finished.reason is FinishReason.STOP
    assert model.requests[2].messages[-1].content.endswith(LAST_ROUND_NOTICE)
    assert not any(LAST_ROUND_NOTICE in m.content for m in model.requests[1].messages)


async def test_a_model_that_calls_even_in_the_last_round_still_ends_the_turn():
    model = ScriptedModel(itertools.repeat([text("hm "), call("echo", {"word": "again"})]))
    agent = make_agent(model, [EchoTool()], AgentSettings(max_rounds=1))
    finished = await finish(agent, ask("go"))
    assert (finished.rounds, finished.text, finished.reason) == (2, "hm ", FinishReason.STOP)
    stored = agent.sessions.history(finished.session_id)
    assert_valid(stored)
    assert not any(LAST_ROUND_NOTICE in m.content for m in stored)


async def test_after_a_required_call_the_later_rounds_are_free():
    model = ScriptedModel([[call("echo", {"word": "x"})], [text("ok")]])
    await collect(make_agent(model, [EchoTool()]), ask("go", tool_choice=ToolChoice("required")))
    assert [r.tool_choice for r in model.requests] == [ToolChoice("required"), ToolChoice()]


async def test_a_named_tool_is_called_once_then_the_model_answers():
    model = ScriptedModel([[call("echo", {"word": "x"})], [text("ok")]])
    await collect(make_agent(model, [EchoTool()]), ask("go", tool_choice=ToolChoice.named("echo")))
    assert [r.tool_choice for r in model.requests] == [ToolChoice.named("echo"), ToolChoice("none")]


async def test_client_calls_end_the_turn_after_the_server_calls_of_the_round_and_results_resume_it():
    tool = EchoTool()
    model = ScriptedModel([[call("ask_client", {}), call("echo", {"word": "srv"})], [text("both known")]])
    agent = make_agent(model, [tool])
    finished = await finish(agent, ask("go", client_tools=(client_tool(),)))
    assert (finished.reason, finished.stop_detail) == (FinishReason.TOOL_CALLS, StopDetail.CLIENT_TOOLS)
    (client_call,) = finished.client_calls
    assert client_call.name == "ask_client"
    assert tool.ran == ["srv"]

    result = Message("tool", "from client", tool_call_id=client_call.id, name="ask_client")
    resumed = await finish(agent, ask(result, session_id=finished.session_id, client_tools=(client_tool(),)))
    assert resumed.text == "both known"
    assert [m.content for m in model.requests[1].messages if m.role == "tool"] == ["from client", "srv"]
    assert_valid(agent.sessions.history(finished.session_id))


async def test_a_result_that_names_no_call_answers_the_one_that_is_open():
    model = ScriptedModel([[call("ask_client", {}), call("echo", {"word": "srv"})], [text("both known")]])
    agent = make_agent(model, [EchoTool()])
    finished = await finish(agent, ask("go", client_tools=(client_tool(),)))
    result = Message("tool", "from client", name="ask_client")
    await finish(agent, ask(result, session_id=finished.session_id, client_tools=(client_tool(),)))
    assert [m.content for m in model.requests[1].messages if m.role == "tool"] == ["from client", "srv"]
    assert_valid(agent.sessions.history(finished.session_id))


@pytest.mark.parametrize("call_id", ["other", None])
async def test_a_result_that_answers_no_call_is_refused_and_changes_nothing(call_id: str | None):
    agent = make_agent(ScriptedModel([[text("one")], [text("two")]]))
    await finish(agent, ask("go", session_id="s"))
    stray = Message("tool", "late", tool_call_id=call_id, name="f")
    with pytest.raises(RequestError, match="made no such call"):
        await finish(agent, ask(stray, session_id="s"))
    assert [m.content for m in agent.sessions.history("s")] == ["go", "one"]
    assert (await finish(agent, ask("on", session_id="s"))).text == "two"


async def test_a_client_that_never_answers_its_call_leaves_a_valid_history():
    model = ScriptedModel([[call("ask_client", {})], [text("fine")]])
    agent = make_agent(model)
    first = await finish(agent, ask("go", client_tools=(client_tool(),), session_id="s"))
    await finish(agent, ask("never mind", session_id=first.session_id))
    assert_valid(model.requests[1].messages)
    assert model.requests[1].messages[-1].content == "never mind"


async def test_a_client_call_that_the_token_limit_cut_short_says_so():
    cut = ToolCall("c1", "ask_client", '{"wor')
    model = ScriptedModel([[ReplyFinished(FinishReason.LENGTH, (cut,))]])
    finished = await finish(make_agent(model), ask("go", client_tools=(client_tool(),)))
    assert (finished.reason, finished.client_calls) == (FinishReason.LENGTH, (cut,))


async def test_a_model_whose_call_the_token_limit_cut_short_is_told_so():
    whole, cut = ToolCall("c1", "echo", '{"word": "hi"}'), ToolCall("c2", "echo", '{"word": "hel')
    model = ScriptedModel([[ReplyFinished(FinishReason.LENGTH, (whole, cut))], [text("shorter")]])
    assert (await finish(make_agent(model, [EchoTool()]), ask("go"))).text == "shorter"
    first, second = [m.content for m in model.requests[1].messages if m.role == "tool"]
    assert "hi" in first.lower() and "cut off" in second


async def test_tool_output_is_bounded_for_the_model():
    model = ScriptedModel([[call("echo", {"word": "a" * 50_000 + "END"})], [text("long")]])
    await collect(make_agent(model, [EchoTool()]), ask("go"))
    content = model.requests[1].messages[-1].content
    assert len(content) < model.info.context_tokens + 100
    assert content.startswith("aaa")
    assert content.endswith("END")
    assert "characters left out" in content


async def test_a_model_that_repeats_itself_is_told_so_once():
    model = ScriptedModel([*itertools.repeat([call("echo", {"word": "same"})], 5), [text("ok")]])
    await collect(make_agent(model, [EchoTool()]), ask("go"))
    results = [m.content for m in model.requests[-1].messages if m.role == "tool"]
    assert [REPEATED_NOTICE in content for content in results] == [False, False, True, False, False]


async def test_a_call_that_always_fails_is_not_made_for_ever():
    numbers = itertools.count()

    def fail(*_):
        raise ToolFailed(f"error at <cell {next(numbers)}>")

    def reply(request):
        return [text("I could not.")] if request.tool_choice.mode == "none" else [call("echo", {"word": "same"})]

    model = ScriptedModel(itertools.repeat(reply))
    events = await collect(make_agent(model, [EchoTool(before=fail)]), ask("go"))
    assert (events[-1].text, events[-1].stop_detail) == ("I could not.", StopDetail.REPEATED_CALL)
    results = [m.content for m in model.requests[-1].messages if m.role == "tool"]
    assert [REPEATED_NOTICE in content for content in results] == [False, False, True, False, False, False]


async def test_a_call_that_succeeds_may_be_made_as_often_as_it_takes():
    waiting = [[call("echo", {"word": "ready?"})]] * 20
    model = ScriptedModel([*waiting, [text("It is.")]])
    finished = await finish(make_agent(model, [EchoTool()]), ask("go"))
    assert (finished.rounds, finished.stop_detail, finished.text) == (21, None, "It is.")


async def test_cancelling_while_a_tool_runs_stops_it_and_leaves_a_valid_history():
    forever, running = asyncio.Event(), asyncio.Event()

    async def hang() -> None:
        running.set()
        await forever.wait()

    tool = EchoTool(before=lambda arguments, _: hang() if arguments["word"] == "slow" else None)
    model = ScriptedModel(
        [[text("Both: "), call("echo", {"word": "quick"}), call("echo", {"word": "slow"})], [text("Yes?")]]
    )
    agent = make_agent(model, [tool])
    task = asyncio.create_task(collect(agent, ask("go", session_id="s")))
    await asyncio.wait_for(running.wait(), 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert tool.cancelled == ["slow"]
    stored = agent.sessions.history("s")
    assert_valid(stored)
    results = [m.content for m in stored if m.role == "tool"]
    assert results[0] == "quick"
    assert json.loads(results[1])["status"] == "cancelled"
    assert (await finish(agent, ask("still there?", session_id="s"))).text == "Yes?"


async def test_closing_the_stream_while_the_model_talks_stops_the_model_and_keeps_what_it_said():
    gate = asyncio.Event()
    model = ScriptedModel([[text("one two "), gate, text("three")]])
    agent = make_agent(model)
    async with aclosing(agent.run(ask("count", session_id="s"))) as events:
        async for event in events:
            if isinstance(event, TextDelta) and event.text == "two ":
                break
    assert model.closed_early == [model.requests[0]]
    assert model.running == 0
    assert shape(agent.sessions.history("s")) == [("user", "count"), ("assistant", "one two ")]


async def test_a_failing_model_leaves_the_session_as_it_was():
    model = ScriptedModel([[text("hello")], [text("half"), EngineOverloaded("full")], [text("back")]])
    agent = make_agent(model)
    await collect(agent, ask("hi", session_id="s"))
    before = agent.sessions.history("s")
    with pytest.raises(EngineOverloaded):
        await collect(agent, ask("more", session_id="s"))
    assert agent.sessions.history("s") == before
    assert (await finish(agent, ask("more", session_id="s"))).text == "back"


async def test_the_system_prompt_of_the_server_is_used_when_the_conversation_has_none():
    model = ScriptedModel([[text("a")], [text("b")]])
    agent = make_agent(model, settings=AgentSettings(system_prompt="Be kind."))
    await finish(agent, ask("hi", session_id="s"))
    await collect(agent, ask(Message("system", "Be brief."), "hi"))
    assert [r.messages[0].content for r in model.requests] == ["Be kind.", "Be brief."]
    assert shape(agent.sessions.history("s"))[0] == ("user", "hi")


async def test_a_turn_that_cannot_be_served_is_refused_before_anything_runs():
    agent = make_agent(ScriptedModel([]), [EchoTool()])
    for turn, said in [
        (ask("go", code_execution=True), "does not run code"),
        (ask("go", web_search=True), "does not search"),
        (ask(), "must not be empty"),
        (ask("go", client_tools=(client_tool("echo"),)), "belongs to a tool of this server"),
        (ask("go", tool_choice=ToolChoice.named("nope")), "'nope'"),
        (ask("go", tool_choice=ToolChoice("required"), max_rounds=0), "at least one tool"),
    ]:
        with pytest.raises(RequestError, match=said) as caught:
            agent.run(turn)
        assert caught.value.status == 400


async def test_zero_rounds_hand_all_calls_to_the_client():
    model = ScriptedModel([[call("ask_client", {})]])
    agent = make_agent(model, [EchoTool()])
    finished = await finish(agent, ask("go", max_rounds=0, client_tools=(client_tool(),)))
    assert [spec.name for spec in model.requests[0].tools] == ["ask_client"]
    assert finished.stop_detail is StopDetail.CLIENT_TOOLS


async def test_a_tool_that_takes_too_long_is_stopped_and_the_turn_goes_on():
    tool = EchoTool(before=lambda *_: asyncio.Event().wait())
    model = ScriptedModel([[call("echo", {"word": "slow"})], [text("Too slow.")]])
    finished = await finish(make_agent(model, [tool], AgentSettings(tool_timeout_s=0.01)), ask("go"))
    assert finished.text == "Too slow."
    assert tool.cancelled == ["slow"]
    assert "longer than 0.01 s" in model.requests[1].messages[-1].content


async def test_a_timeout_inside_a_tool_is_not_taken_for_the_servers(caplog):
    def breaks(*_):
        raise TimeoutError("of its own")

    model = ScriptedModel([[call("echo", {"word": "a"})], [text("ok")]])
    await finish(make_agent(model, [EchoTool(before=breaks)]), ask("go"))
    assert "internal fault" in model.requests[1].messages[-1].content


async def test_at_most_sixteen_calls_of_a_round_run_at_once():
    running = most = 0

    async def count(*_):
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1

    model = ScriptedModel([[call("echo", {"word": str(n)}) for n in range(40)], [text("ok")]])
    agent = make_agent(model, [EchoTool(before=count)])
    await finish(agent, ask("go", session_id="s"))
    assert most == 16
    assert [m.content for m in agent.sessions.history("s") if m.role == "tool"] == [str(n) for n in range(40)]
