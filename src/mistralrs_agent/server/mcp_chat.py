"""What MCP's `chat` tool does: the chat API's own request, under the same policy, answered as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from starlette.requests import Request

from mistralrs_agent.errors import RequestError
from mistralrs_agent.mcp.server import Chat, InvalidArguments
from mistralrs_agent.server.error_table import error_reply
from mistralrs_agent.server.routes.chat import start_reply
from mistralrs_agent.server.state import Served
from mistralrs_agent.server.wire.chat import ChatRequest
from mistralrs_agent.server.wire.chat_reply import chat_body


def mcp_chat(served: Served) -> Chat:
    """The tool's function, for the agent that is served."""

    async def chat(arguments: Mapping[str, Any], request: Request | None) -> str:
        here = served.of(request)
        try:
            body = ChatRequest.model_validate(dict(arguments))
        except ValidationError as error:
            raise InvalidArguments(error_reply(error).message) from error
        if body.stream or body.tools:
            raise InvalidArguments("stream and tools have no meaning here: the answer is one text.")
        try:
            head, reply = await start_reply(here, body)
        except RequestError as error:
            raise InvalidArguments(str(error)) from error
        answer = await chat_body(reply, head)
        return "\n".join(choice["message"]["content"] for choice in answer["choices"])

    return chat
