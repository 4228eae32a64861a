"""Skills in a turn: offered in a line each, read on demand, laid out for code, under permission."""

from __future__ import annotations

import json

import pytest
from agent_doubles import ask, collect, make_agent

from engine.chat.scripted import ScriptedModel, call, text
from mistralrs_agent.agent.agent import Agent, AgentSettings
from mistralrs_agent.agent.events import FileProduced, Permission, ToolFinished
from mistralrs_agent.agent.rules import Rule
from mistralrs_agent.errors import RequestError
from mistralrs_agent.storage.packages import Package
from mistralrs_agent.storage.skills import MANUAL, SkillStore
from mistralrs_agent.tools.interpreters import Interpreters
from mistralrs_agent.tools.python import python_tools
from mistralrs_agent.tools.shell import ShellTool
from mistralrs_agent.tools.skills import SkillReference, SkillTool
from sandbox import SandboxPolicy

TAX = "---\nname: tax\ndescription: How to do taxes.\n---\nRun scripts/tax.sh.\n"
UPLOADED = Package({MANUAL: TAX.replace("tax", "vat").encode(), "rate.txt": b"19"})


@pytest.fixture
async def world(tmp_path):
    """Makes agents on a folder with one skill, `tax`, and closes them in the end."""
    scripts = tmp_path / "taxes" / "scripts"
    scripts.mkdir(parents=True)
    (tmp_path / "taxes" / MANUAL).write_text(TAX)
    (scripts / "tax.sh").write_text("#!/bin/sh\necho 42 > result.txt; cat result.txt\n")
    (scripts / "tax.sh").chmod(0o755)
    (scripts / "logo.png").write_bytes(b"\x89PNG\0")
    agents: list[Agent] = []

    def make(*script, **settings) -> Agent:
        interpreters = Interpreters(SandboxPolicy(timeout_s=10))
        tools = [*python_tools(interpreters, ""), ShellTool(interpreters, "", 10)]
        skills = SkillTool(SkillStore(tmp_path), interpreters)
        on = AgentSettings(code_execution=True, shell=True, **settings)
        agents.append(make_agent(ScriptedModel(script), [*tools, skills], on))
        return agents[-1]

    yield make
    for agent in agents:
        await agent.close()


def read(name: str, **more):
    return call("mistralrs_read_skill", {"name": name, **more})


async def results(agent: Agent, **options) -> list[dict]:
    events = await collect(agent, ask("go", **options))
    assert not [event for event in events if isinstance(event, FileProduced) and "skills" in event.file.path]
    done = sorted((event for event in events if isinstance(event, ToolFinished)), key=lambda event: event.call.id)
    return [json.loads(event.result.content) for event in done]


async def test_a_skill_is_one_line_until_it_is_read_and_its_files_can_be_run(world):
    run = call("mistralrs_shell", {"commands": ["cd skills/tax && ./scripts/tax.sh", "cp result.txt ../.."]})
    agent = world([read("tax")], [read("tax", path="scripts/tax.sh"), run], [text("ok")])
    manual, script, ran = await results(agent, shell=True)
    assert manual == {
        "status": "success",
        "files": [MANUAL, "scripts/logo.png", "scripts/tax.sh"],
        "folder": "skills/tax",
        "text": TAX,
    }
    assert script["text"].startswith("#!/bin/sh") and "files" not in script
    assert (ran["stdout"], ran["files"]) == ("42\n", ["result.txt"])
    spec = next(tool for tool in agent.model.requests[0].tools if tool.name == "mistralrs_read_skill")
    assert spec.description.endswith("\n\n- tax: How to do taxes.") and "scripts" not in spec.description
    assert spec.parameters["properties"]["name"]["enum"] == ["tax"]


async def test_without_code_a_skill_is_read_only_as_text(world):
    agent = world([read("tax"), read("tax", path="scripts/logo.png"), read("tax", path="../../x")], [text("ok")])
    manual, picture, elsewhere = await results(agent)
    assert manual["text"] == TAX and "folder" not in manual
    assert "is not text" in picture["error"] and "has no file" in elsewhere["error"]
    assert [tool.name for tool in agent.model.requests[0].tools] == ["mistralrs_read_skill"]


async def test_a_request_names_the_skills_and_versions_it_wants(world):
    agent = world(*[[text("ok")]] * 4, [read("vat", path="rate.txt")], [text("ok")])
    skill = agent.skills.add(UPLOADED)
    agent.skills.add_version(skill.id, Package({**UPLOADED.files, "rate.txt": b"21"}))
    for wanted in (None, (), (SkillReference("vat"),), (SkillReference(skill.id), SkillReference("tax"))):
        await collect(agent, ask("go", skills=wanted))
    enums = [[t.parameters["properties"]["name"]["enum"] for t in r.tools] for r in agent.model.requests]
    assert enums == [[["tax"]], [], [["vat"]], [["vat", "tax"]]]
    (rate,) = await results(agent, skills=(SkillReference("vat", 1),))
    assert rate["text"] == "19"
    for wrong in (SkillReference("none"), SkillReference("vat", 3)):
        with pytest.raises(RequestError) as refusal:
            agent.run(ask("go", skills=(wrong,)))
        assert refusal.value.status == 404


async def test_agents_without_skills_offer_none_and_refuse_them(tmp_path):
    agent = make_agent(ScriptedModel([[text("ok")]]), [SkillTool(SkillStore(tmp_path), None)])
    await collect(agent, ask("go"))
    assert agent.model.requests[0].tools == () and agent.tools == {}
    with pytest.raises(RequestError, match="keeps no skills"):
        make_agent(ScriptedModel([])).run(ask("go", skills=(SkillReference("tax"),)))


async def test_permission_rules_hold_for_skills(world):
    agent = world([read("tax")], [text("ok")], permission_rules=(Rule(Permission.DENY, "mistralrs_read_skill"),))
    (denied,) = await results(agent, shell=True)
    assert denied["status"] == "denied"


async def test_a_long_manual_keeps_its_head_and_its_files(world, tmp_path):
    (tmp_path / "taxes" / MANUAL).write_text(TAX + "x" * 100_000)
    agent = world([read("tax")], [text("ok")])
    (manual,) = await results(agent)
    assert manual["text"].startswith("---\nname: tax") and "characters left out" in manual["text"]
    assert "scripts/tax.sh" in manual["files"]
