"""The model as an MCP tool: `chat`. Knows the protocol; what a chat is, it is told.

Built on the official SDK, which speaks both wires: the handshake of 2025-11-25 (and older) with sessions, and the
stateless 2026-07-28.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from mcp import MCPError
from mcp.server import Server
from mcp.server.context import ServerRequestContext
from mcp.server.transport_security import TransportSecuritySettings
from mcp.types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    Tool,
)
from starlette.requests import Request
from starlette.routing import BaseRoute

from engine import EngineError
from mistralrs_agent import __version__
from mistralrs_agent.errors import MistralrsError

MCP_PATH = "/mcp"

Chat = Callable[[Mapping[str, Any], Request | None], Awaitable[str]]
"""Answer a conversation given as tool arguments, which came with an HTTP request or not; cancelled when the client
cancels.

Raises: InvalidArguments for the caller's mistake in form; MistralrsError or EngineError when there is no answer.
"""


class InvalidArguments(MistralrsError):
    """The arguments do not fit the tool's schema."""


CHAT_TOOL = Tool(
    name="chat",
    description="Ask the local language model. It answers a conversation; this server keeps no memory between calls "
    "unless session_id is given.",
    input_schema={
        "type": "object",
        "properties": {
            "messages": {
                "type": "array",
                "minItems": 1,
                "description": "The conversation so far, oldest message first.",
                "items": {
                    "type": "object",
                    "properties": {
                        "role": {"type": "string", "enum": ["user", "assistant", "system"]},
                        "content": {"type": "string"},
                    },
                    "required": ["role", "content"],
                },
            },
            "max_tokens": {"type": "integer", "minimum": 1, "description": "Longest answer, in tokens."},
            "temperature": {"type": "number", "minimum": 0, "description": "0 always picks the likeliest token."},
        },
        "required": ["messages"],
        "additionalProperties": {"description": "Any other field of a chat completion request, except stream."},
    },
)


def create_server(chat: Chat) -> Server:
    """The MCP server, ready for any transport."""

    async def list_tools(_: ServerRequestContext, params: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=[CHAT_TOOL])

    async def call_tool(context: ServerRequestContext[Any, Request], params: CallToolRequestParams) -> CallToolResult:
        if params.name != CHAT_TOOL.name:
            raise MCPError(INVALID_PARAMS, f"Unknown tool {params.name!r}; this server has {CHAT_TOOL.name!r}.")
        try:
            return _result(await chat(params.arguments or {}, context.request))
        except InvalidArguments as error:
            raise MCPError(INVALID_PARAMS, str(error)) from error
        except (MistralrsError, EngineError) as error:
            return _result(str(error), is_error=True)

    return Server(
        "mistralrs",
        version=__version__,
        instructions="The chat tool asks a language model that runs on this machine.",
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


def http_routes(server: Server, max_body_bytes: int) -> list[BaseRoute]:
    """`/mcp` over Streamable HTTP; while it is served, `server.session_manager.run()` must be entered.

    Origin and key are checked by the middleware of the app that gets these routes, as for all its other routes.
    """
    app = server.streamable_http_app(
        streamable_http_path=MCP_PATH,
        max_request_body_size=max_body_bytes,
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )
    return app.routes


def _result(text: str, *, is_error: bool = False) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=text)], is_error=is_error)
