"""The shell tool in the real sandbox, and what it shares with Python."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from agent_doubles import ask, collect, make_agent

from engine.chat.scripted import ScriptedModel, call, text
from mistralrs_agent.agent.agent import Agent, AgentSettings
from mistralrs_agent.agent.events import ToolFinished
from mistralrs_agent.errors import RequestError
from mistralrs_agent.tools.interpreters import Interpreters, folder_name
from mistralrs_agent.tools.python import python_tools
from mistralrs_agent.tools.shell import ShellTool
from sandbox import SandboxPolicy

ON = AgentSettings(code_execution=True, shell=True)


def code_agent(model: ScriptedModel, policy: SandboxPolicy, timeout_s: float = 10) -> Agent:
    interpreters = Interpreters(policy)
    shell = ShellTool(interpreters, "Files are isolated", timeout_s=timeout_s)
    return make_agent(model, [*python_tools(interpreters, "Files are isolated"), shell], ON)


def shell(*commands: str, **more: object):
    return call("mistralrs_shell", {"commands": list(commands), **more})


async def results(agent: Agent, session_id: str | None = None) -> list[dict[str, object]]:
    turn = ask("go", code_execution=True, shell=True, session_id=session_id)
    events = [event for event in await collect(agent, turn) if isinstance(event, ToolFinished)]
    return [json.loads(event.result.content) for event in sorted(events, key=lambda event: event.call.id)]


async def test_commands_run_in_order_and_share_files_with_python():
    write = call("mistralrs_execute_python", {"code": "open('a.txt', 'w').write('from python')"})
    model = ScriptedModel([[write], [shell("cat a.txt", "echo; echo done >&2", "exit 4")], [text("ok")]])
    agent = code_agent(model, SandboxPolicy())
    python, command = await results(agent)
    assert python["files"] == ["a.txt"]
    assert command == {"status": "error", "exit_code": 4, "stdout": "from python\n", "stderr": "done\n"}
    await agent.close()


async def test_a_command_that_takes_too_long_is_ended_and_what_it_printed_is_kept():
    model = ScriptedModel([[shell("echo begun; sleep 1000", timeout_ms=500)], [text("ok")]])
    agent = code_agent(model, SandboxPolicy())
    (command,) = await results(agent)
    assert (command["status"], command["stdout"]) == ("timeout", "begun\n")
    await agent.close()


async def test_the_servers_limit_holds_whatever_the_model_asks_for():
    model = ScriptedModel(
        [[shell("echo begun; sleep 1000", timeout_ms=10**9)], [shell("echo still here")], [text("ok")]]
    )
    agent = code_agent(model, SandboxPolicy(), timeout_s=0.5)
    ended, after = await results(agent)
    assert (ended["status"], ended["stdout"], after["stdout"]) == ("timeout", "begun\n", "still here\n")
    assert "0.5 s" in ended["exception"]
    await agent.close()


async def test_the_model_may_ask_for_less_output_and_never_for_more_than_it_can_take():
    long = "seq 1 100000"
    calls = [shell(long, max_output_length=100), shell(long, max_output_length=10**9)]
    agent = code_agent(ScriptedModel([calls, [text("ok")]]), SandboxPolicy())
    short, most = (result["stdout"] for result in await results(agent))
    assert len(short) < 200 < len(most) < 8192
    assert all(text.startswith("1\n2\n") and text.endswith("99999\n100000\n") for text in (short, most))
    await agent.close()


async def test_a_turn_gets_the_shell_only_when_it_asks_for_it():
    model = ScriptedModel([[text("ok")], [text("ok")]])
    agent = code_agent(model, SandboxPolicy())
    await collect(agent, ask("go", code_execution=True))
    assert "mistralrs_shell" not in [tool.name for tool in model.requests[0].tools]
    without = make_agent(ScriptedModel([[text("ok")]]))
    with pytest.raises(RequestError, match="--enable-shell"):
        await collect(without, ask("go", shell=True))
    await agent.close()


async def test_each_session_has_a_folder_of_its_own_in_the_working_directory(tmp_path: Path):
    write = [shell("pwd > where"), shell("pwd > where")]
    model = ScriptedModel([[write[0]], [text("ok")], [write[1]], [text("ok")]])
    agent = code_agent(model, SandboxPolicy(workdir=tmp_path))
    await results(agent, "one")
    await results(agent, "../two")
    await agent.close()
    folders = sorted(os.listdir(tmp_path))
    assert folders == sorted(["one", folder_name("../two")])
    assert all((tmp_path / name / "where").read_text() == f"{tmp_path / name}\n" for name in folders)


@pytest.mark.parametrize("session_id", ["..", "a/b", "/etc", "", "x" * 300, ".hidden", "a\0b", "\ud800"])
def test_a_session_id_never_names_a_folder_elsewhere(session_id: str):
    name = folder_name(session_id)
    assert name.startswith("session-")
    assert "/" not in name
    assert folder_name(session_id + "2") != name
