"""The Python tools in the real sandbox, driven through the loop."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from dataclasses import replace

import pytest
from agent_doubles import ask, assert_valid, collect, finish, make_agent

from engine.chat.scripted import ScriptedModel, call, text
from mistralrs_agent.agent.agent import Agent, AgentSettings
from mistralrs_agent.agent.events import CallReady, ToolFinished, ToolOutput
from mistralrs_agent.storage.sessions import SessionStore
from mistralrs_agent.tools.interpreters import Interpreters
from mistralrs_agent.tools.python import python_tools
from mistralrs_agent.tools.shell import ShellTool
from sandbox import LayerReport, SandboxPolicy

POLICY = SandboxPolicy(timeout_s=10)
ON = AgentSettings(code_execution=True, shell=True)


def python(code: str):
    return call("mistralrs_execute_python", {"code": code})


def python_agent(model: ScriptedModel, policy: SandboxPolicy = POLICY, store: SessionStore | None = None) -> Agent:
    store = store or SessionStore()
    interpreters = Interpreters(policy, store.files)
    tools = [*python_tools(interpreters, "Files are isolated"), ShellTool(interpreters, "Files are isolated", 10)]
    return make_agent(model, tools, ON, store)


def finished_calls(events) -> list[ToolFinished]:
    return [e for e in events if isinstance(e, ToolFinished)]


async def test_code_runs_and_the_model_reads_output_and_value():
    model = ScriptedModel([[python("print('hello')\n6 * 7")], [text("42")]])
    agent = python_agent(model)
    events = await collect(agent, ask("go", code_execution=True))
    assert json.loads(model.requests[1].messages[-1].content) == {
        "status": "success",
        "stdout": "hello\n",
        "result": "42",
    }
    ready = next(e for e in events if isinstance(e, CallReady))
    assert (ready.card.language, ready.card.body) == ("python", "print('hello')\n6 * 7")
    assert ready.data == {"tool_type": "code_execution", "code": "print('hello')\n6 * 7"}
    assert any(isinstance(e, ToolOutput) and e.text == "hello\n" for e in events)
    (done,) = finished_calls(events)
    assert done.result.ok
    assert "hello\n42" in done.result.card.body
    assert done.result.data["working_directory"]
    await agent.close()


async def test_variables_live_in_the_session_until_reset_and_not_in_another_one():
    peek = "print(globals().get('x', 'no x'))"
    model = ScriptedModel(
        [
            *([python("x = 5")], [text("ok")]),
            *([python(peek), call("mistralrs_reset_python_session", {}), python(peek)], [text("ok")]),
            *([python(peek)], [text("ok")]),
        ]
    )
    agent = python_agent(model)
    await finish(agent, ask("set", session_id="s", code_execution=True))
    events = await collect(agent, ask("peek", session_id="s", code_execution=True))
    by_call = {e.call.id: json.loads(e.result.content) for e in finished_calls(events)}
    assert [by_call[key].get("stdout") for key in sorted(by_call)] == ["5\n", None, "no x\n"]
    other = finished_calls(await collect(agent, ask("peek", session_id="t", code_execution=True)))
    assert json.loads(other[0].result.content)["stdout"] == "no x\n"
    await agent.close()


@pytest.mark.parametrize(
    ("code", "status", "said"),
    [
        ("1 / 0", "error", "ZeroDivisionError"),
        ("import os; os._exit(3)", "error", "gone"),
        ("print('x' * 1_000_000)", "success", "characters left out"),
    ],
)
async def test_what_goes_wrong_is_said_in_the_result(code, status, said):
    model = ScriptedModel([[python(code)], [text("ok")]])
    agent = python_agent(model)
    (done,) = finished_calls(await collect(agent, ask("go", code_execution=True)))
    content = json.loads(model.requests[1].messages[-1].content)
    assert content["status"] == status
    assert said in done.result.content
    assert len(done.result.content) < model.info.context_tokens
    await agent.close()


async def test_code_that_runs_too_long_is_interrupted():
    model = ScriptedModel([[python("while True: pass")], [text("ok")]])
    agent = python_agent(model, SandboxPolicy(timeout_s=0.3))
    (done,) = finished_calls(await collect(agent, ask("go", code_execution=True)))
    assert json.loads(done.result.content)["status"] == "timeout"
    assert done.result.card.title == "Took too long"
    await agent.close()


async def test_cancelling_the_turn_stops_the_code_and_the_session_goes_on():
    model = ScriptedModel([[python("print('started')\nwhile True: pass")], [python("1 + 1")], [text("2")]])
    agent = python_agent(model)
    async with asyncio.timeout(30), aclosing(agent.run(ask("go", session_id="s", code_execution=True))) as events:
        async for event in events:
            if isinstance(event, ToolOutput):
                break
    assert_valid(agent.sessions.history("s"))
    events = await collect(agent, ask("again", session_id="s", code_execution=True))
    assert json.loads(finished_calls(events)[0].result.content)["result"] == "2"
    await agent.close()


@pytest.mark.parametrize("keeps_files", [False, True])
@pytest.mark.parametrize("first", ["python", "shell"])
async def test_after_a_restart_the_first_call_says_what_is_gone(first, keeps_files, tmp_path):
    policy = replace(POLICY, workdir=tmp_path / "work" if keeps_files else None)
    store = SessionStore()
    before = python_agent(ScriptedModel([[python("x = open('f', 'w').write('a')")], [text("ok")]]), policy, store)
    await finish(before, ask("set", session_id="s", code_execution=True))
    await before.close()

    list_files = {"python": python("import os; os.listdir()"), "shell": call("mistralrs_shell", {"commands": ["ls"]})}
    after = python_agent(ScriptedModel([[list_files[first]], [python("2")], [text("ok")]]), policy, store)
    events = await collect(after, ask("get", session_id="s", code_execution=True, shell=True))
    found, later = (json.loads(e.result.content) for e in finished_calls(events))
    (note,) = found["notes"]
    assert "variables that earlier turns made are gone; the files of the conversation are still there" in note
    assert "f" in found.get("stdout", "") + found.get("result", "")
    assert "notes" not in later
    await after.close()


async def test_state_that_was_ended_between_turns_is_said_to_be_gone():
    agent = python_agent(ScriptedModel([*([[python("x = 5")], [text("ok")]] * 2)]))
    await finish(agent, ask("set", session_id="s", code_execution=True))
    await agent.sessions.end("s")
    (done,) = finished_calls(await collect(agent, ask("set", session_id="s", code_execution=True)))
    assert "new start" in done.result.content
    await agent.close()


PIXEL = (
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b550000000a49444154789c63600000000200"
    "0148afa4710000000049454e44ae426082"
)
"""A picture of one pixel."""
DRAW = f"""
import sys, types
class Image:
    def save(self, target, format):
        target.write(bytes.fromhex("{PIXEL}"))
sys.modules["PIL.Image"] = types.SimpleNamespace(Image=Image)
Image()
"""


async def test_a_picture_is_counted_for_the_model_and_handed_on_as_png():
    agent = python_agent(ScriptedModel([[python(DRAW)], [text("ok")]]))
    (done,) = finished_calls(await collect(agent, ask("go", code_execution=True)))
    assert done.result.images == (bytes.fromhex(PIXEL),)
    assert json.loads(done.result.content)["images_generated"] == 1
    assert "1 figure" in done.result.card.body
    await agent.close()


def test_the_description_states_the_facts_that_hold():
    policy = SandboxPolicy(timeout_s=7, network="none", max_memory_mb=77)
    execute, reset = python_tools(Interpreters(policy), LayerReport(policy, ()).facts())
    assert "7 seconds" in execute.spec.description
    assert "There is no network, not even a loopback." in execute.spec.description
    assert "At most 77 MiB of memory" in execute.spec.description
    assert "$" not in execute.spec.description
    assert execute.spec.parameters["required"] == ["code"]
    assert execute.spec.parameters["additionalProperties"] is False
    assert reset.spec.parameters == {"type": "object", "properties": {}, "additionalProperties": False}
