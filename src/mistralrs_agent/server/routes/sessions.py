"""`/v1/sessions`: export, import, fork and forget conversations."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter

from mistralrs_agent.server.json_route import JsonRoute
from mistralrs_agent.server.state import ServedHere
from mistralrs_agent.server.wire.sessions import ForkBody, SessionBody, put_session, session_body

router = APIRouter(route_class=JsonRoute)


@router.get("/v1/sessions/{session_id:path}")
async def export_session(session_id: str, served: ServedHere) -> dict[str, Any]:
    """Messages and files of a conversation, in the form that PUT takes."""
    return await asyncio.to_thread(session_body, served.agent.sessions, session_id)


@router.put("/v1/sessions/{session_id:path}")
async def import_session(session_id: str, body: SessionBody, served: ServedHere) -> dict[str, Any]:
    """Put an exported conversation here, in the place of what was there."""
    await put_session(served.agent.sessions, session_id, body)
    return {"id": session_id, "object": "session", "messages": len(body.messages), "files": len(body.files)}


@router.post("/v1/sessions/{session_id:path}/fork")
async def fork_session(session_id: str, body: ForkBody, served: ServedHere) -> dict[str, Any]:
    """Copy a conversation, whole or up to a turn, to a new id. The interpreter is not copied."""
    fork_id = await served.agent.sessions.fork(session_id, turns=body.turns)
    return {"id": fork_id, "object": "session", "forked_from": session_id}


@router.delete("/v1/sessions/{session_id:path}")
async def delete_session(session_id: str, served: ServedHere) -> dict[str, object]:
    """Forget a conversation, its files and its interpreter; fine for unknown ones too. Waits for a running turn."""
    await served.agent.sessions.delete(session_id)
    return {"id": session_id, "object": "session", "deleted": True}
