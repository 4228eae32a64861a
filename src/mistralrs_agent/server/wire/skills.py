"""Skills as requests name them, and as OpenAI's API and Anthropic's show them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from mistralrs_agent.server.wire.base import WireModel
from mistralrs_agent.storage.skills import Skill
from mistralrs_agent.tools.skills import SkillReference

Version = Literal["latest"] | Annotated[str, Field(pattern=r"^[1-9][0-9]{0,8}$")] | Annotated[int, Field(ge=1)]


class SkillField(WireModel):
    """One of `skills`."""

    type: Literal["skill_reference", "custom"] = "skill_reference"
    skill_id: Annotated[str, Field(min_length=1, max_length=256)]
    """An id, or the name of a skill."""
    version: Version | None = None

    def to_reference(self) -> SkillReference:
        return SkillReference(self.skill_id, None if self.version in (None, "latest") else int(self.version))


def speaks_anthropic(headers: Mapping[str, str], source: str | None) -> bool:
    """Which of the two shapes a client wants."""
    return source is not None or "anthropic-version" in headers or "anthropic-beta" in headers


def skill_body(skill: Skill, *, anthropic: bool) -> dict[str, Any]:
    """A skill, as its newest version has it."""
    if anthropic:
        times = {name: datetime.fromtimestamp(skill.created, UTC).isoformat() for name in ("created_at", "updated_at")}
        shown = {"id": skill.id, "type": "skill", "display_title": skill.name, "source": "custom"}
        return {**shown, "latest_version": str(skill.versions[-1]), **times}
    shown = {"id": skill.id, "object": "skill", "created_at": int(skill.created), "name": skill.name}
    return {**shown, "description": skill.description, "latest_version": skill.versions[-1]}


def version_body(skill: Skill, *, anthropic: bool) -> dict[str, Any]:
    """One version of a skill."""
    shown = {"id": f"{skill.id}_v{skill.version}", "skill_id": skill.id, "name": skill.name}
    shown["description"] = skill.description
    if anthropic:
        created = datetime.fromtimestamp(skill.created, UTC).isoformat()
        return {**shown, "type": "skill_version", "version": str(skill.version), "created_at": created}
    return {**shown, "object": "skill.version", "version": skill.version, "created_at": int(skill.created)}


def list_body(data: list[dict[str, Any]], *, anthropic: bool) -> dict[str, Any]:
    """Everything on one page."""
    if anthropic:
        return {"data": data, "has_more": False, "next_page": None}
    ends = {"first_id": data[0]["id"], "last_id": data[-1]["id"]} if data else {"first_id": None, "last_id": None}
    return {"object": "list", "data": data, **ends, "has_more": False}
