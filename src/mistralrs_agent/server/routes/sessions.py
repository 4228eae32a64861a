"""`DELETE /v1/sessions/{id}`."""

from __future__ import annotations

from fastapi import APIRouter

from mistralrs_agent.server.state import ServedHere

router = APIRouter()


@router.delete("/v1/sessions/{session_id}")
async def delete_session(session_id: str, served: ServedHere) -> dict[str, object]:
    """Forget a conversation and its interpreter; fine for unknown ones too. Waits for a running turn to end."""
    await served.agent.sessions.delete(session_id)
    return {"id": session_id, "object": "session", "deleted": True}
