"""One server-side call, from what the model wrote to the result it reads: check, permission, run, bound."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

from engine import ToolCall
from mistralrs_agent.agent.events import CallReady, Event, FileProduced, ToolFinished, ToolOutput
from mistralrs_agent.agent.permission import Action, PermissionGate
from mistralrs_agent.agent.sessions import Session
from mistralrs_agent.errors import RequestError, ToolError, ToolFailed, ToolRetry
from mistralrs_agent.tools.base import (
    Card,
    Tool,
    ToolContext,
    ToolKind,
    ToolMetadata,
    ToolResult,
    ToolSource,
)
from mistralrs_agent.tools.text import compact_json, shortened
from mistralrs_agent.tools.toolbox import check_arguments, checked_arguments

log = logging.getLogger(__name__)


_CUT_OFF = ToolRetry("The call was cut off: the reply reached its limit of tokens. A shorter call may fit.")


@dataclass(frozen=True, slots=True)
class CallRunner:
    """Runs the calls of one round. Never raises for what a model or a tool did wrong: that becomes the result."""

    tools: Mapping[str, Tool]
    gate: PermissionGate
    session: Session
    max_result_chars: int
    timeout_s: float
    """For tools that name none of their own."""
    emit: Callable[[Event], None]
    cut_off: str | None = None
    """Id of the call in whose middle the reply reached its limit."""

    async def run(self, call: ToolCall, round: int) -> ToolResult:
        """Run a call and return its result; events go to `emit`."""
        tool = self.tools.get(call.name)
        metadata = tool.metadata if tool else ToolMetadata(ToolSource.EXTERNAL, ToolKind.EXTERNAL, call.name)
        try:
            if tool is None:
                raise ToolRetry(f"There is no tool {call.name!r}. Tools: {', '.join(self.tools) or 'none'}.")
            arguments = checked_arguments(tool, call)
        except ToolError as wrong_call:
            error = _CUT_OFF if call.id == self.cut_off else wrong_call
            wrong = Card(call.name, call.arguments, "json")
            self.emit(CallReady(call, round, metadata, wrong, _call_data(metadata.kind, {})))
            return self._finish(call, round, _failure(call, error), 0.0)

        card = tool.call_card(arguments)
        self.emit(CallReady(call, round, metadata, card, _call_data(metadata.kind, arguments)))
        action = Action(call.name, call.id, round, metadata, arguments, card, partial(_check_edited, tool))
        decision = await self.gate.decide(action, self.emit)
        if not decision.approve:
            return self._finish(call, round, _denied(decision.message), 0.0)
        started = time.perf_counter()
        if decision.arguments is None:
            result = await self._run(tool, call, round, arguments)
        else:
            result = _with_edit(decision.arguments, await self._run(tool, call, round, decision.arguments))
        return self._finish(call, round, result, time.perf_counter() - started)

    async def _run(self, tool: Tool, call: ToolCall, round: int, arguments: Mapping[str, Any]) -> ToolResult:
        def output(stream: Literal["stdout", "stderr"], text: str) -> None:
            self.emit(ToolOutput(call.id, stream, text))

        turn = sum(message.role == "user" for message in self.session.messages)
        context = ToolContext(
            self.session.key, call.id, output, self.max_result_chars, self.session.resumed, round=round, turn=turn
        )
        limit = tool.metadata.timeout_s or self.timeout_s
        clock = asyncio.timeout(limit)
        try:
            async with clock:
                return await tool.run(arguments, context)
        except ToolError as error:
            return _failure(call, error)
        except Exception:
            if clock.expired():
                return _failure(call, ToolFailed(f"The call was stopped: it took longer than {limit:g} s."))
            log.exception("bug in tool %s, call %s", call.name, call.id)
            return _failure(call, ToolError("The tool has an internal fault."))

    def _finish(self, call: ToolCall, round: int, result: ToolResult, duration_s: float) -> ToolResult:
        bounded = replace(result, content=shortened(result.content, self.max_result_chars))
        for file in result.files:
            self.emit(FileProduced(call.id, round, replace(file, session_id=self.session.id)))
        self.emit(ToolFinished(call, round, bounded, duration_s))
        return bounded


def _failure(call: ToolCall, error: ToolError) -> ToolResult:
    status = "invalid_call" if isinstance(error, ToolRetry) else "failed"
    content = compact_json({"status": status, "tool": call.name, "error": str(error)})
    return ToolResult(content, Card("Failed", str(error)), ok=False, data={"status": status, "error": str(error)})


def _check_edited(tool: Tool, arguments: Mapping[str, Any]) -> None:
    """Raises: RequestError for the person who edited."""
    try:
        check_arguments(tool, arguments)
    except ToolRetry as error:
        raise RequestError(str(error), param="arguments") from error


def _with_edit(arguments: Mapping[str, Any], result: ToolResult) -> ToolResult:
    """The model must not take the result for that of its own call."""
    note = f"[The user changed the arguments before this ran, to {json.dumps(arguments, ensure_ascii=False)}]"
    return replace(result, content=f"{note}\n{result.content}")


def _denied(message: str) -> ToolResult:
    said = message or "The user did not allow this call."
    content = compact_json({"status": "denied", "exception": said})
    return ToolResult(content, Card("Denied", said), ok=False, data={"status": "denied", "exception": said})


def _call_data(kind: ToolKind, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What progress events say about a call."""
    if kind in (ToolKind.CUSTOM, ToolKind.EXTERNAL):
        return {"tool_type": "custom", "arguments": dict(arguments)}
    return {"tool_type": str(kind), **arguments}
