"""From an engine's deltas to the events of a reply: reasoning, answer, tool calls."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import replace

from engine.chat.messages import ToolCall
from engine.chat.model import (
    ReplyEvent,
    ReplyFinished,
    TextDelta,
    ThinkingDelta,
    ToolCallArguments,
    ToolCallStarted,
)
from engine.chat.reasoning import Part, ReasoningSplitter
from engine.chat.tool_calls.base import CallArguments, CallStart, Piece, Text, Thought, ToolCallParser
from engine.request import Delta, FinishReason, TokenLogprob


class ReplyReader:
    """Reads one choice of a reply."""

    def __init__(self, index: int, reasoning: ReasoningSplitter, calls: ToolCallParser | None) -> None:
        """`calls`: None when nothing of the reply is to be taken for a call."""
        self._index = index
        self._reasoning = reasoning
        self._parser = calls
        self._calls: list[ToolCall] = []
        self._logprobs: tuple[TokenLogprob, ...] = ()
        """Of tokens whose text has not been told yet."""

    def read(self, delta: Delta) -> list[ReplyEvent]:
        self._logprobs += delta.logprobs
        events = self._events(self._reasoning.feed(delta.text))
        if delta.finish_reason is None:
            return events
        events += self._events(self._reasoning.finish())
        if self._parser is not None:
            events += [self._event(piece) for piece in self._parser.finish()]
        if self._logprobs and not self._calls:
            events.append(TextDelta("", self._index, self._take_logprobs()))
        return [*events, self._finished(delta, delta.finish_reason)]

    def _events(self, parts: Iterable[Part]) -> list[ReplyEvent]:
        events: list[ReplyEvent] = []
        for part in parts:
            if part.is_reasoning:
                events.append(ThinkingDelta(part.text, self._index, self._take_logprobs()))
            else:
                pieces: list[Piece] = [Text(part.text)] if self._parser is None else self._parser.feed(part.text)
                events += [self._event(piece) for piece in pieces]
        return events

    def _event(self, piece: Piece) -> ReplyEvent:
        match piece:
            case Text(text):
                return TextDelta(text, self._index, self._take_logprobs())
            case Thought(text):
                return ThinkingDelta(text, self._index, self._take_logprobs())
            case CallStart(name):
                call = ToolCall(f"call_{secrets.token_hex(12)}", name, "")
                self._calls.append(call)
                return ToolCallStarted(call.id, name, len(self._calls) - 1, self._index)
            case CallArguments(fragment):
                call = self._calls[-1]
                self._calls[-1] = replace(call, arguments=call.arguments + fragment)
                return ToolCallArguments(call.id, fragment, len(self._calls) - 1, self._index)

    def _take_logprobs(self) -> tuple[TokenLogprob, ...]:
        taken, self._logprobs = self._logprobs, ()
        return taken

    def _finished(self, delta: Delta, reason: FinishReason) -> ReplyFinished:
        if self._calls and reason is FinishReason.STOP:
            reason = FinishReason.TOOL_CALLS
        return ReplyFinished(reason, tuple(self._calls), delta.usage, delta.stop_sequence, self._index)
