"""What a person in front of the agent needs: what it is, and the approvals it waits for."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request

from mistralrs_agent.agent.local import LocalConversation
from mistralrs_agent.errors import RequestError
from mistralrs_agent.event_codec import approval_body
from mistralrs_agent.server.json_route import JsonRoute
from mistralrs_agent.server.state import ServedHere
from mistralrs_agent.server.wire.agent import DecisionBody

router = APIRouter(route_class=JsonRoute)


@router.get("/v1/agent/info")
async def get_agent_info(served: ServedHere, request: Request) -> dict[str, Any]:
    """Model, tools and limits, as the terminal chat shows them."""
    agent, settings = served.agent, served.settings
    info = LocalConversation(
        agent, settings.sandbox_summary, str(request.base_url), sandbox_table=settings.sandbox_table
    ).info
    switches = {"code_execution": agent.code_execution, "web_search": agent.web_search, "shell": agent.shell}
    return {**asdict(info), **switches, "permission": agent.settings.permission.value}


@router.get("/v1/agent/approvals")
async def list_approvals(served: ServedHere) -> dict[str, Any]:
    """Tool calls that wait for a decision, oldest first."""
    return {"object": "list", "data": [approval_body(asked) for asked in served.agent.approvals.pending()]}


@router.post("/v1/agent/approvals/{approval_id}")
async def resolve_approval(approval_id: str, body: DecisionBody, served: ServedHere) -> dict[str, str]:
    """Let a waiting tool call run, or not."""
    approvals = served.agent.approvals
    if approval_id not in {asked.approval_id for asked in approvals.pending()}:
        raise RequestError(f"No approval {approval_id!r} is pending.", status=404, code="approval_not_found")
    approvals.decide(approval_id, body.to_decision())
    return {"status": "resolved"}
