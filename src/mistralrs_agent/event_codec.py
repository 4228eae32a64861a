"""Server-side tool events as named server-sent events, and back: the server writes them, our own client reads them."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from engine import ToolCall
from mistralrs_agent.agent.events import (
    ApprovalRequested,
    ApprovalResolved,
    CallReady,
    ContextShortened,
    Decision,
    FileMissing,
    FileProduced,
    ToolFinished,
    ToolOutput,
)
from mistralrs_agent.storage.files import StoredFile
from mistralrs_agent.tools.base import Card, ToolKind, ToolMetadata, ToolResult, ToolSource

PROGRESS = "agentic_tool_call_progress"
APPROVAL_REQUIRED = "agentic_tool_approval_required"
APPROVAL_RESOLVED = "agentic_tool_approval_resolved"
OUTPUT = "agentic_tool_output"
CONTEXT = "agentic_context_shortened"
FILE = "file_produced"

AgentEvent = (
    ContextShortened
    | CallReady
    | ApprovalRequested
    | ApprovalResolved
    | ToolOutput
    | FileProduced
    | FileMissing
    | ToolFinished
)


def agent_event(event: AgentEvent) -> tuple[str, dict[str, Any]]:
    """The event's name and data."""
    match event:
        case CallReady():
            name, data = PROGRESS, {
                "round": event.round,
                "tool_name": event.call.name,
                "phase": "calling",
                "data": dict(event.data),
                "tool": tool_body(event.tool),
                "arguments": event.call.arguments,
                "call_id": event.call.id,
                "card": card_body(event.card),
            }  # fmt: skip
        case ToolFinished():
            name, data = PROGRESS, {
                "round": event.round,
                "tool_name": event.call.name,
                "phase": "complete",
                "data": dict(event.result.data) | images_body(event.result),
                "arguments": event.call.arguments,
                "call_id": event.call.id,
                "card": card_body(event.result.card),
                "ok": event.result.ok,
                "content": event.result.content,
                "duration_ms": round(event.duration_s * 1000),
            }  # fmt: skip
        case ApprovalRequested():
            name, data = APPROVAL_REQUIRED, approval_body(event)
        case ApprovalResolved():
            name, data = APPROVAL_RESOLVED, {
                "approval_id": event.approval_id,
                "call_id": event.call_id,
                "decision": "approve" if event.decision.approve else "deny",
                "message": event.decision.message,
                "remember_for_session": event.decision.remember,
                "remember_text": event.decision.remember_text,
                "arguments": event.decision.arguments,
            }  # fmt: skip
        case ContextShortened():
            counts = {"shortened_outputs": event.shortened_outputs, "summarised_messages": event.summarised}
            name, data = CONTEXT, counts
        case FileProduced():
            name, data = FILE, {**file_body(event.file), "call_id": event.call_id, "round": event.round}
        case FileMissing():
            name, data = FILE, missing_file_body(event)
        case ToolOutput():
            name, data = OUTPUT, {"call_id": event.call_id, "stream": event.stream, "text": event.text}
    return name, {"type": name, **data}


def file_body(file: StoredFile) -> dict[str, Any]:
    """A file without its contents."""
    return {
        "id": file.id,
        "object": "file",
        "name": file.path,
        "filename": file.name,
        "mime_type": file.mime_type,
        "bytes": file.size,
        "created_at": int(file.created),
        "purpose": file.purpose,
        **({"session_id": file.session_id} if file.session_id else {}),
        **({"source": dict(file.source)} if file.source else {}),
    }


def missing_file_body(event: FileMissing) -> dict[str, Any]:
    """Stands where the file should be."""
    said = f"{event.name} was not produced."
    return {"object": "file", "name": event.name, "purpose": "agent_output", "code": "not_produced", "message": said}


def images_body(result: ToolResult) -> dict[str, Any]:
    images = [base64.b64encode(image).decode() for image in result.images]
    return {"images_base64": images} if images else {}


def approval_body(asked: ApprovalRequested) -> dict[str, Any]:
    """A pending approval."""
    return {
        "approval_id": asked.approval_id,
        "session_id": asked.session_id,
        "call_id": asked.call_id,
        "round": asked.round,
        "tool": tool_body(asked.tool),
        "arguments": dict(asked.arguments),
        "card": card_body(asked.card),
    }


def tool_body(tool: ToolMetadata) -> dict[str, str]:
    return {"source": tool.source.value, "kind": tool.kind.value, "label": tool.label}


def card_body(card: Card) -> dict[str, Any]:
    return {"title": card.title, "body": card.body, "language": card.language}


def read_agent_event(name: str, data: Mapping[str, Any]) -> AgentEvent | None:  # noqa: PLR0911 - one flat match
    """What `agent_event` wrote; None for a name from a newer server."""
    match name:
        case "agentic_tool_call_progress":
            call = ToolCall(data["call_id"], data["tool_name"], data["arguments"])
            if data["phase"] == "calling":
                return CallReady(call, data["round"], _tool(data["tool"]), _card(data["card"]), data["data"])
            images = tuple(map(base64.b64decode, data["data"].get("images_base64", ())))
            result = ToolResult(data["content"], _card(data["card"]), data["ok"], data["data"], images)
            return ToolFinished(call, data["round"], result, data["duration_ms"] / 1000)
        case "agentic_tool_approval_required":
            ids = (data["approval_id"], data["session_id"], data["call_id"])
            return ApprovalRequested(*ids, data["round"], _tool(data["tool"]), data["arguments"], _card(data["card"]))
        case "agentic_tool_approval_resolved":
            decision = Decision(
                approve=data["decision"] == "approve",
                message=data["message"],
                remember=data["remember_for_session"],
                remember_text=data["remember_text"],
                arguments=data["arguments"],
            )
            return ApprovalResolved(data["approval_id"], data["call_id"], decision)
        case "file_produced":
            return _file_event(data)
        case "agentic_context_shortened":
            return ContextShortened(data["shortened_outputs"], data["summarised_messages"])
        case "agentic_tool_output":
            return ToolOutput(data["call_id"], data["stream"], data["text"])
        case _:
            return None


def _file_event(data: Mapping[str, Any]) -> FileProduced | FileMissing:
    if data.get("code") == "not_produced":
        return FileMissing(data["name"])
    return FileProduced(data["call_id"], data["round"], read_file_body(data))


def read_file_body(data: Mapping[str, Any]) -> StoredFile:
    """What `file_body` wrote."""
    return StoredFile(
        id=data["id"],
        session_id=data.get("session_id", ""),
        name=data["filename"],
        mime_type=data["mime_type"],
        purpose=data["purpose"],
        created=data["created_at"],
        size=data["bytes"],
        source=data.get("source", {}),
    )


def _tool(body: Mapping[str, str]) -> ToolMetadata:
    return ToolMetadata(ToolSource(body["source"]), ToolKind(body["kind"]), body["label"])


def _card(body: Mapping[str, Any]) -> Card:
    return Card(body["title"], body["body"], body["language"])
