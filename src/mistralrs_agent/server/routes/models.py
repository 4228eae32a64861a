"""`GET /v1/models` and `GET /v1/models/{id}`."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from mistralrs_agent.server.state import Served, ServedHere

router = APIRouter()


@router.get("/v1/models")
async def list_models(served: ServedHere) -> dict[str, Any]:
    """The names clients can use; `default` first."""
    return {"object": "list", "data": [_card(served, "default"), _card(served, served.agent.model.info.id)]}


@router.get("/v1/models/{model_id:path}")
async def get_model(model_id: str, served: ServedHere) -> dict[str, Any]:
    served.check_model(model_id)
    return _card(served, model_id)


def _card(served: Served, name: str) -> dict[str, Any]:
    info, agent = served.agent.model.info, served.agent
    card = {"id": name, "object": "model", "created": served.started_at, "owned_by": "local", "root": info.id}
    details = {"max_model_len": info.context_tokens, "tools_available": bool(agent.tools)}
    return {**card, **details, **({"status": "loaded"} if name != "default" else {})}
