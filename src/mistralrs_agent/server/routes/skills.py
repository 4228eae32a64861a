"""`/v1/skills`: upload skills and their versions, list and delete them."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

from mistralrs_agent.errors import RequestError
from mistralrs_agent.server.guards import USER
from mistralrs_agent.server.json_route import JsonRoute
from mistralrs_agent.server.state import ServedHere
from mistralrs_agent.server.upload import file_parts, form_of
from mistralrs_agent.server.wire.skills import list_body, skill_body, speaks_anthropic, version_body
from mistralrs_agent.storage.packages import Package, of_files, unzipped
from mistralrs_agent.storage.skills import MANUAL, SkillStore

router = APIRouter(route_class=JsonRoute)
_PARTS = ("files[]", "files", "file")


def _store(served: ServedHere) -> SkillStore:
    return served.agent.skills


Store = Annotated[SkillStore, Depends(_store)]


def _changeable_store(store: Store, request: Request) -> SkillStore:
    """Skills are the server's: what one user uploads would be in reach of the others.

    Raises: RequestError (403) for users with keys of their own.
    """
    if request.scope.get("state", {}).get(USER):
        raise RequestError("Only the key of this server's operator can change its skills.", status=403)
    return store


def _wants_anthropic(request: Request, source: str | None = None) -> bool:
    return speaks_anthropic(request.headers, source)


ChangeableStore = Annotated[SkillStore, Depends(_changeable_store)]
Anthropic = Annotated[bool, Depends(_wants_anthropic)]


@router.get("/v1/skills")
async def list_skills(store: Store, anthropic: Anthropic, source: str | None = None) -> dict[str, Any]:
    """All skills; with `source=anthropic` none, for there are none of theirs here."""
    skills = [] if source == "anthropic" else await asyncio.to_thread(store.all)
    return list_body([skill_body(skill, anthropic=anthropic) for skill in skills], anthropic=anthropic)


@router.post("/v1/skills")
async def upload_skill(store: ChangeableStore, anthropic: Anthropic, request: Request) -> dict[str, Any]:
    """Keep a skill: a zip file, or files with their paths, in one top folder with a SKILL.md."""
    skill = await asyncio.to_thread(store.add, await _package(request))
    return skill_body(skill, anthropic=anthropic)


@router.get("/v1/skills/{skill_id}")
async def get_skill(skill_id: str, store: Store, anthropic: Anthropic) -> dict[str, Any]:
    """One skill, by its id or its name."""
    return skill_body(await asyncio.to_thread(store.get, skill_id), anthropic=anthropic)


@router.delete("/v1/skills/{skill_id}")
async def delete_skill(skill_id: str, store: ChangeableStore, anthropic: Anthropic) -> dict[str, Any]:
    """Forget an uploaded skill with all versions."""
    await asyncio.to_thread(store.delete, skill_id)
    return {"id": skill_id, "type": "skill_deleted"} if anthropic else _deleted(skill_id, "skill.deleted")


@router.get("/v1/skills/{skill_id}/versions")
async def list_versions(skill_id: str, store: Store, anthropic: Anthropic) -> dict[str, Any]:
    """The versions of a skill, the oldest first."""
    skill = await asyncio.to_thread(store.get, skill_id)
    versions = [await asyncio.to_thread(store.get, skill_id, version) for version in skill.versions]
    return list_body([version_body(version, anthropic=anthropic) for version in versions], anthropic=anthropic)


@router.post("/v1/skills/{skill_id}/versions")
async def upload_version(
    skill_id: str, store: ChangeableStore, anthropic: Anthropic, request: Request
) -> dict[str, Any]:
    """Keep a new version of an uploaded skill; requests that name no version get it."""
    skill = await asyncio.to_thread(store.add_version, skill_id, await _package(request))
    return version_body(skill, anthropic=anthropic)


@router.get("/v1/skills/{skill_id}/versions/{version}")
async def get_version(skill_id: str, version: int, store: Store, anthropic: Anthropic) -> dict[str, Any]:
    return version_body(await asyncio.to_thread(store.get, skill_id, version), anthropic=anthropic)


@router.delete("/v1/skills/{skill_id}/versions/{version}")
async def delete_version(skill_id: str, version: int, store: ChangeableStore) -> dict[str, Any]:
    """Forget one version; the last one goes with its skill."""
    await asyncio.to_thread(store.delete_version, skill_id, version)
    return _deleted(f"{skill_id}_v{version}", "skill.version.deleted")


async def _package(request: Request) -> Package:
    """Raises: RequestError."""
    async with form_of(request, _PARTS) as form:
        uploads = file_parts(form, *_PARTS)
        files = [(upload.filename or "", await upload.read()) for upload in uploads]
    if len(files) == 1 and files[0][0].rpartition("/")[2] != MANUAL:
        return await asyncio.to_thread(unzipped, files[0][1], MANUAL)
    return of_files(files, MANUAL)


def _deleted(what: str, kind: str) -> dict[str, Any]:
    return {"id": what, "object": kind, "deleted": True}
