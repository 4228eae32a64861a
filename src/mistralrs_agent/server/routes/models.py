"""`GET /v1/models` and `GET /v1/models/{id}`."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from engine import AdapterInfo
from mistralrs_agent.server.state import Served, ServedHere

router = APIRouter()


@router.get("/v1/models")
async def list_models(served: ServedHere) -> dict[str, Any]:
    """The names clients can use; `default` first."""
    base = served.agent.model.info.id
    adapters = (await served.agent.model.adapters()).adapters
    cards = [_card(served, "default"), _card(served, base), *(_adapter_card(served, info) for info in adapters)]
    return {"object": "list", "data": cards}


@router.get("/v1/models/{model_id:path}")
async def get_model(model_id: str, served: ServedHere) -> dict[str, Any]:
    alias = await served.adapter_of(model_id)
    if alias is None:
        return _card(served, model_id)
    status = await served.agent.model.adapters()
    return next(_adapter_card(served, info) for info in status.adapters if info.alias == alias)


def _adapter_card(served: Served, info: AdapterInfo) -> dict[str, Any]:
    base = served.agent.model.info.id
    card = _card(served, f"{base}::{info.alias}")
    return card | {"root": info.source, "parent": base, "adapter_generation": info.generation}


def _card(served: Served, name: str) -> dict[str, Any]:
    info, agent = served.agent.model.info, served.agent
    card = {"id": name, "object": "model", "created": served.started_at, "owned_by": "local", "root": info.id}
    details = {"max_model_len": info.context_tokens, "tools_available": bool(agent.tools)}
    return {**card, **details, **({"status": "loaded"} if name != "default" else {})}
