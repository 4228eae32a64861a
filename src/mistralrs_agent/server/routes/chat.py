"""`POST /v1/chat/completions`: answer a conversation, whole or as a stream."""

from __future__ import annotations

from dataclasses import replace

from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse

from mistralrs_agent.server.choices import several_choices
from mistralrs_agent.server.json_route import JsonRoute
from mistralrs_agent.server.sse import EventStream, openai_error_frames
from mistralrs_agent.server.state import Served, ServedHere
from mistralrs_agent.server.whole import while_connected
from mistralrs_agent.server.wire.chat import ChatRequest
from mistralrs_agent.server.wire.chat_reply import Reply, ReplyHead, chat_body, chat_frames

router = APIRouter(route_class=JsonRoute)


@router.post("/v1/chat/completions")
async def create_chat_completion(body: ChatRequest, served: ServedHere, request: Request) -> Response:
    """Answer a conversation, whole or as server-sent events."""
    head, reply = await start_reply(served, body)
    if body.stream:
        return EventStream(
            chat_frames(reply, head), keep_alive_s=served.settings.keep_alive_s, error_frames=openai_error_frames
        )
    return JSONResponse(await while_connected(request, chat_body(reply, head)))


async def start_reply(served: Served, body: ChatRequest) -> tuple[ReplyHead, Reply]:
    """Raises: RequestError."""
    agent = served.agent
    adapter = await served.adapter_of(body.model, body.adapter_name)
    turn = replace(body.to_turn(agent.model.info.sampling_defaults), adapter=adapter)
    server_tools = agent.tools_of(turn)
    head = ReplyHead(
        model=agent.model.info.id,
        files=agent.sessions.files,
        client_tools=frozenset(spec.name for spec in turn.client_tools if spec.name not in server_tools),
        include_usage=body.include_usage,
        agentic=bool(server_tools),
    )
    return head, agent.run(turn) if turn.sampling.n == 1 else several_choices(agent, served.telemetry.model, turn)
