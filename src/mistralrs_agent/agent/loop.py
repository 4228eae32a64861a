"""The agent loop: ask the model, run the tools it calls, ask again, until it answers or a limit ends the turn.

One async generator of typed events. It needs five things: a model, tools, a permission gate, limits, and a session to
put the messages in. Closing it, or cancelling the task that reads it, ends the turn with a valid history.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import partial

from engine import (
    ChatModel,
    ChatRequest,
    FinishReason,
    Message,
    ReplyEvent,
    ReplyFinished,
    TextDelta,
    ThinkingDelta,
    ToolCall,
    ToolChoice,
    Usage,
)
from mistralrs_agent.agent.calls import CallRunner
from mistralrs_agent.agent.context import ContextKeeper
from mistralrs_agent.agent.events import ContextShortened, Event, Finished, RoundStarted, StopDetail, TurnStarted
from mistralrs_agent.agent.history import interrupted, tool_message
from mistralrs_agent.agent.permission import PermissionGate
from mistralrs_agent.agent.sessions import Session
from mistralrs_agent.agent.turn import Turn
from mistralrs_agent.tools.base import Tool, ToolResult

LAST_ROUND_NOTICE = "[No more tools can be used in this turn. Answer now with what you know.]"
REPEATED_NOTICE = (
    "[This same call has now come to the same end three times. Do not repeat it: do something else, or answer.]"
)
NOTICED_AT, GIVEN_UP_AT = 3, 6
"""Of so many times in a row that the same call comes to the same end the model is told; after so many failures of the
same call the turn goes on without tools. A call that succeeds may be repeated: it may wait for something."""

_CUT_SHORT = (FinishReason.LENGTH, FinishReason.TIMEOUT)
"""Ends of a reply after which the arguments of its last call may be half an object."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What bounds one turn."""

    max_rounds: int
    """Rounds with tools; then one last round without."""
    max_result_chars: int
    """The longest tool result the model gets."""
    tool_timeout_s: float = 600.0
    """For tools that name none of their own."""
    parallel_calls: int = 16
    """Calls of one round that run at the same time; the others wait for a place."""


@dataclass(slots=True)
class _Reply:
    """What the model has said in the current round."""

    text: str = ""
    thinking: str = ""
    end: ReplyFinished | None = None

    def note(self, event: ReplyEvent) -> None:
        match event:
            case TextDelta():
                self.text += event.text
            case ThinkingDelta():
                self.thinking += event.text
            case ReplyFinished():
                self.end = event
            case _:
                pass


@dataclass(slots=True)
class TurnLoop:
    """One turn being run."""

    model: ChatModel
    tools: Mapping[str, Tool]
    """The server's tools offered in this turn, by name."""
    gate: PermissionGate
    session: Session
    turn: Turn
    limits: Limits
    system_prompt: str
    """Put before a conversation that has no system message; not stored."""
    history: list[Message]
    """The conversation so far, valid and with this turn's messages; grows."""
    _reply: _Reply = field(default_factory=_Reply)
    _usage: Usage = field(default_factory=Usage)
    _finished: Finished | None = None
    _last_call: tuple[str, str, str | None] | None = None
    """Name, arguments and result; None for any failure."""
    _repetitions: int = 0

    async def run(self) -> AsyncGenerator[Event, None]:
        """Run the turn to its end. A failing model leaves the session as it was before the turn.

        Raises: engine.EngineError.
        """
        yield TurnStarted(self.session.id)
        try:
            rounds = itertools.count()
            while (finished := self._finished) is None:
                async with aclosing(self._round(next(rounds))) as events:
                    async for event in events:
                        yield event
        except (asyncio.CancelledError, GeneratorExit):
            self.session.save(interrupted(self.history, self._reply.text))
            raise
        yield finished

    async def _round(self, number: int) -> AsyncGenerator[Event, None]:
        last = number >= max(1, self.limits.max_rounds) or self._stuck
        yield RoundStarted(number)
        if self.session.id:  # who keeps the history elsewhere is told when it is too long
            async for event in self._make_room(number, last=last):
                yield event
        async with aclosing(self.model.chat(self._request(self.history, number, last=last))) as events:
            async for event in events:
                self._reply.note(event)
                if not isinstance(event, ReplyFinished):
                    yield event
        reply, self._reply = self._reply, _Reply()
        calls = reply.end.tool_calls if reply.end and not last else ()
        usage = (reply.end and reply.end.usage) or Usage()
        self._usage += usage
        self.history.append(Message("assistant", reply.text, calls, reasoning=reply.thinking))

        client_names = {spec.name for spec in self.turn.client_tools}
        client_calls = tuple(call for call in calls if call.name in client_names)
        server_calls = tuple(call for call in calls if call.name not in client_names)
        if server_calls:
            cut_off = reply.end.tool_calls[-1].id if reply.end and reply.end.reason in _CUT_SHORT else None
            async with aclosing(self._use_tools(number, server_calls, cut_off)) as events:
                async for event in events:
                    yield event
        if client_calls or not calls:
            self._finish(number, reply, usage, client_calls, last=last)

    def _choice(self, number: int) -> ToolChoice:
        """What the caller asked for holds in the first round. A tool that was named is called once, then the model
        answers; after other forced calls it may go on as it likes.
        """
        asked = self.turn.tool_choice
        if number == 0 or asked.mode != "required":
            return asked
        return ToolChoice("none") if len(asked.names) == 1 else ToolChoice()

    async def _make_room(self, number: int, *, last: bool) -> AsyncGenerator[Event, None]:
        """Shorten the past when it has outgrown the model's context."""
        request = partial(self._request, number=number, last=last)
        keeper = ContextKeeper(self.model, request, self.turn.sampling)
        fitted = await keeper.fitted(self.history)
        if fitted is not None:
            self.history = fitted.messages
            self._usage += fitted.usage
            yield ContextShortened(fitted.shortened_outputs, fitted.summarised)

    def _request(self, history: list[Message], number: int, *, last: bool) -> ChatRequest:
        """What the model is asked in a round; the system prompt and the notice are added here and never stored."""
        messages = list(history)
        if last:
            messages[-1] = replace(messages[-1], content=f"{messages[-1].content}\n\n{LAST_ROUND_NOTICE}")
        return self.turn.request(
            messages,
            self.system_prompt,
            tools=(*self.turn.client_tools, *(tool.spec for tool in self.tools.values())),
            tool_choice=ToolChoice("none") if last else self._choice(number),
        )

    async def _use_tools(
        self, number: int, calls: tuple[ToolCall, ...], cut_off: str | None
    ) -> AsyncGenerator[Event, None]:
        """Run all calls at once; their events as they come, their results into the history in call order.

        `cut_off`: id of the call in whose middle the reply reached its limit.
        """
        events: asyncio.Queue[Event | None] = asyncio.Queue()
        runner = CallRunner(
            tools=self.tools,
            gate=self.gate,
            session=self.session,
            max_result_chars=self.limits.max_result_chars,
            timeout_s=self.limits.tool_timeout_s,
            emit=events.put_nowait,
            cut_off=cut_off,
        )
        results: dict[int, ToolResult] = {}
        places = asyncio.Semaphore(self.limits.parallel_calls)

        async def run_one(position: int) -> None:
            async with places:
                results[position] = await runner.run(calls[position], number)

        async def run_all() -> None:
            try:
                async with asyncio.TaskGroup() as group:
                    for position in range(len(calls)):
                        group.create_task(run_one(position))
            finally:
                events.put_nowait(None)

        running = asyncio.create_task(run_all())
        try:
            while (event := await events.get()) is not None:
                yield event
            await running
        finally:
            running.cancel()
            try:
                await asyncio.wait([running])
            finally:
                for position, result in sorted(results.items()):
                    content = self._with_repetition_notice(calls[position], result)
                    self.history.append(tool_message(calls[position], content))

    def _with_repetition_notice(self, call: ToolCall, result: ToolResult) -> str:
        """Tell a model, once, that it runs in circles."""
        this_call = (call.name, call.arguments, result.content if result.ok else None)
        self._repetitions = self._repetitions + 1 if this_call == self._last_call else 1
        self._last_call = this_call
        return f"{result.content}\n\n{REPEATED_NOTICE}" if self._repetitions == NOTICED_AT else result.content

    @property
    def _stuck(self) -> bool:
        failed = self._last_call is not None and self._last_call[2] is None
        return failed and self._repetitions >= GIVEN_UP_AT

    def _finish(
        self, number: int, reply: _Reply, usage: Usage, client_calls: tuple[ToolCall, ...], *, last: bool
    ) -> None:
        self.session.save(self.history)
        reason = reply.end.reason if reply.end else FinishReason.ERROR
        detail = (StopDetail.REPEATED_CALL if self._stuck else StopDetail.ROUND_LIMIT) if last else None
        if client_calls:
            reason, detail = reason if reason in _CUT_SHORT else FinishReason.TOOL_CALLS, StopDetail.CLIENT_TOOLS
        elif reason is FinishReason.TOOL_CALLS:
            reason = FinishReason.STOP
        self._finished = Finished(
            reason, self.session.id, reply.text, self._usage, number + 1, detail, client_calls, usage.total_tokens
        )
