"""`/v1/lora_adapters`: which LoRA adapters are loaded, and loading and unloading them while the server runs."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from fastapi import APIRouter

from mistralrs_agent.errors import RequestError
from mistralrs_agent.server.json_route import JsonRoute
from mistralrs_agent.server.state import Served, ServedHere
from mistralrs_agent.server.wire.adapters import LoadBody, UnloadBody, adapter_body, status_body

router = APIRouter(route_class=JsonRoute)


@router.get("/v1/lora_adapters")
async def list_adapters(served: ServedHere) -> dict[str, Any]:
    """Adapters by name, and the versions in memory; `retired` ones are only finishing requests."""
    status = await served.agent.model.adapters()
    return status_body(status, with_source=served.settings.adapter_root is not None)


@router.post("/v1/load_lora_adapter")
async def load_adapter(body: LoadBody, served: ServedHere) -> dict[str, Any]:
    """Load a PEFT folder under a name, or replace what the name stands for."""
    root = _root(served)
    await served.adapter_of(body.model)
    command = await asyncio.to_thread(body.load_command, root)
    return adapter_body(await served.agent.model.change_adapter(command), with_source=True)


@router.post("/v1/unload_lora_adapter")
async def unload_adapter(body: UnloadBody, served: ServedHere) -> dict[str, Any]:
    """Take a name away; requests under way finish with the adapter, then its memory is given back."""
    _root(served)
    await served.adapter_of(body.model)
    return adapter_body(await served.agent.model.change_adapter(body.command()), with_source=True)


def _root(served: Served) -> Path:
    if (root := served.settings.adapter_root) is None:
        raise RequestError(
            "This server does not change adapters while it runs; start it with --enable-lora and --lora-root.",
            status=409,
            code="lora_runtime_unavailable",
        )
    return root
