"""Skills: the model sees what there is in one line each, and reads a skill when it needs it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from engine import ToolSpec
from mistralrs_agent.errors import ToolFailed, ToolRetry
from mistralrs_agent.storage.files import text_of
from mistralrs_agent.storage.skills import MANUAL, Skill, SkillStore
from mistralrs_agent.tools.base import Card, ToolContext, ToolKind, ToolMetadata, ToolResult, ToolSource
from mistralrs_agent.tools.interpreters import Interpreters
from mistralrs_agent.tools.text import compact_json, parameters, prompt_text, shortened
from sandbox import SandboxError, Session

MAX_LISTED_SKILLS = 100
MAX_LISTED_FILES = 80
_DESCRIPTION_CHARS = 300
_PREVIEW_CHARS = 400


@dataclass(frozen=True, slots=True)
class SkillReference:
    """A skill that a request wants."""

    skill: str
    """Id or name."""
    version: int | None = None
    """None: the newest."""


class SkillArguments(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(description="Name of the skill")
    path: str | None = Field(None, description="One of its files; SKILL.md when left out")


class SkillTool:
    """`mistralrs_read_skill`."""

    metadata = ToolMetadata(ToolSource.BUILT_IN, ToolKind.CUSTOM, "Skill")

    def __init__(
        self,
        store: SkillStore,
        interpreters: Interpreters | None,
        skills: Sequence[Skill] = (),
    ) -> None:
        """`interpreters`: where files of a skill that is read are laid out; None: nowhere. `skills`: those on offer."""
        self.store = store
        self._interpreters = interpreters
        self._skills = {skill.name: skill for skill in skills[:MAX_LISTED_SKILLS]}
        listed = "\n".join(f"- {s.name}: {shortened(s.description, _DESCRIPTION_CHARS)}" for s in self._skills.values())
        schema = parameters(SkillArguments)
        schema["properties"]["name"]["enum"] = list(self._skills)
        where = " Its files are then in skills/NAME of the working directory." if interpreters is not None else ""
        described = prompt_text("read_skill", skills=listed, where=where)
        self.spec = ToolSpec("mistralrs_read_skill", described, schema, strict=False)

    def choosing(self, wanted: Sequence[SkillReference] | None, *, lay_out: bool) -> SkillTool | None:
        """The tool with the skills that a request wants, or with the owner's; None when there are none. `lay_out`:
        code runs in this turn.

        Raises: RequestError (404) for an unknown skill.
        """
        if wanted is None:
            skills = self.store.own()
        else:
            skills = [self.store.get(reference.skill, reference.version) for reference in wanted]
        return SkillTool(self.store, self._interpreters if lay_out else None, skills) if skills else None

    def call_card(self, arguments: Mapping[str, Any]) -> Card:
        return Card("Skill", "/".join(filter(None, (arguments["name"], arguments.get("path")))))

    async def run(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        asked = SkillArguments.model_validate(arguments)
        skill = self._skills[asked.name]
        paths = await asyncio.to_thread(skill.paths)
        path = (asked.path or MANUAL).removeprefix("./").removeprefix(f"skills/{skill.name}/")
        if path not in paths:
            raise ToolRetry(f"skill {skill.name!r} has no file {path!r}; files: {', '.join(paths[:MAX_LISTED_FILES])}")
        body, _ = await asyncio.to_thread(skill.read, path)
        text = text_of(body)
        if text is None:
            raise ToolFailed(f"{path!r} of skill {skill.name!r} is not text")
        facts: dict[str, Any] = {}
        if path == MANUAL and len(paths) > 1:
            facts["files"] = paths[:MAX_LISTED_FILES]
        if self._interpreters is not None:
            facts["folder"] = await self._lay_out(self._interpreters, skill, paths, context.session_id)
        room = context.max_result_chars - len(compact_json(facts)) - _PREVIEW_CHARS
        content = compact_json({"status": "success", **facts, "text": shortened(text, max(room, _PREVIEW_CHARS))})
        return ToolResult(content, Card(f"{skill.name}/{path}", text[:_PREVIEW_CHARS]), data={"tool_type": "custom"})

    async def _lay_out(self, interpreters: Interpreters, skill: Skill, paths: Sequence[str], session_id: str) -> str:
        """Copy the skill into the working directory, and return where; what is there already stays."""
        folder = f"skills/{skill.name}"
        try:
            async with interpreters.use(session_id) as session:
                for path in paths:
                    await _copy(session, skill, path, f"{folder}/{path}")
        except SandboxError as error:
            raise ToolFailed(f"the files of skill {skill.name!r} are not in the working directory: {error}") from error
        return folder

    async def end_session(self, session_id: str) -> None:
        """The code tools end the interpreter they share."""


async def _copy(session: Session, skill: Skill, path: str, name: str) -> None:
    body, executable = await asyncio.to_thread(skill.read, path)
    try:
        await session.write_file(name, body, executable=executable)
    except FileExistsError:
        return
