"""Keeps a conversation valid: every call has its result, and a history sent again is recognised."""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from engine import Message, ToolCall
from mistralrs_agent.errors import RequestError

CANCELLED = json.dumps({"status": "cancelled", "exception": "The user stopped the turn before this call finished."})
INTERRUPTED = "[interrupted by the user]"
"""Stands for an answer that never began, so that user and assistant keep taking turns."""


def tool_message(call: ToolCall, content: str) -> Message:
    """The result of a call, as the model reads it."""
    return Message("tool", content, tool_call_id=call.id, name=call.name)


def answered(messages: Iterable[Message]) -> list[Message]:
    """The same conversation with one result per call, in call order; missing ones say that the call was cancelled. A
    result that names no call is the next one's.

    Raises: RequestError for a result of a call that was not made right before.
    """
    history: list[Message] = []
    calls: tuple[ToolCall, ...] = ()
    results: dict[str, Message] = {}

    def flush() -> None:
        history.extend(results.get(call.id) or tool_message(call, CANCELLED) for call in calls)

    for message in messages:
        if message.role == "tool":
            call = _answered_call(message, calls, results)
            results[call.id] = replace(message, tool_call_id=call.id)
            continue
        flush()
        calls, results = message.tool_calls, {}
        history.append(message)
    flush()
    return history


def _answered_call(result: Message, calls: Sequence[ToolCall], known: Container[str]) -> ToolCall:
    for call in calls:
        is_next = result.tool_call_id is None and call.id not in known and result.name in (None, call.name)
        if is_next or result.tool_call_id == call.id:
            return call
    named = f"call {result.tool_call_id!r}" if result.tool_call_id else f"a call of {result.name or 'a tool'!r}"
    raise RequestError(
        f"A tool message answers {named}, but the assistant message before it made no such call.", param="messages"
    )


def interrupted(messages: Sequence[Message], partial_answer: str) -> list[Message]:
    """A valid history for a turn that was cancelled; what the model had said so far is kept."""
    return [*answered(messages), Message("assistant", partial_answer or INTERRUPTED)]


def continued(stored: Sequence[Message], incoming: Sequence[Message]) -> list[Message]:
    """The history for the next turn, from what is remembered and what the client sent.

    - A client that sends everything again gets the stored tool calls and results back in their places.
    - A client that sends its own version of the past (an answer edited, another branch) is believed.
    - Otherwise what it sent is new and is appended; leading system messages replace the stored ones.
    """
    if not stored:
        return list(incoming)
    past, told = _exchanges(stored), _exchanges(incoming)
    if len(told) >= len(past) and all(map(_Exchange.same, past, told)):
        return [*stored, *_new_results(stored, told[len(past) - 1]), *incoming[told[len(past) - 1].end :]]
    if any(message.role == "assistant" for message in incoming):
        return list(incoming)
    if incoming[0].role in ("system", "developer"):
        stored = [message for message in stored if message.role not in ("system", "developer")]
        first = next((i for i, message in enumerate(incoming) if message.role not in ("system", "developer")), None)
        return [*incoming[:first], *stored, *(incoming[first:] if first else ())]
    return [*stored, *incoming]


def goes_on(stored: Sequence[Message], incoming: Sequence[Message]) -> bool:
    """Whether what a client sent is all of a remembered conversation with an answer in it, and what comes next."""
    past, told = _exchanges(stored), _exchanges(incoming)
    if not any(exchange.role == "assistant" for exchange in past) or len(told) < len(past):
        return False
    is_more = len(told) > len(past) or bool(_new_results(stored, told[-1]))
    return is_more and all(map(_Exchange.same, past, told))


@dataclass(frozen=True, slots=True)
class _Exchange:
    """What both sides see: one message of the client, or all that the model and its tools said up to the next one."""

    role: str
    texts: tuple[str, ...]
    """Of a reply: the text of each round; clients show the last one or all of them joined."""
    messages: tuple[Message, ...]
    end: int
    """Index after the last message."""

    def same(self, told: _Exchange) -> bool:
        """Whether `told` repeats this one."""
        spoken = " ".join("".join(told.texts).split())
        versions = {" ".join(text.split()) for text in (*self.texts[-1:], "".join(self.texts))}
        return self.role == told.role and spoken in versions


def _exchanges(messages: Sequence[Message]) -> list[_Exchange]:
    exchanges: list[_Exchange] = []
    end = 0
    for is_reply, group in groupby(messages, lambda message: message.role in ("assistant", "tool")):
        run = tuple(group)
        if is_reply:
            end += len(run)
            texts = tuple(m.content for m in run if m.role == "assistant" and m.content and m.content != INTERRUPTED)
            if texts or run[-1].content != INTERRUPTED:
                exchanges.append(_Exchange("assistant", texts, run, end))
            continue
        for message in run:
            end += 1
            exchanges.append(_Exchange(message.role, (message.content,), (message,), end))
    return exchanges


def _new_results(stored: Sequence[Message], told: _Exchange) -> list[Message]:
    """Results the client added to a reply that ended with its calls."""
    known = {message.tool_call_id for message in stored if message.role == "tool"}
    return [message for message in told.messages if message.role == "tool" and message.tool_call_id not in known]
