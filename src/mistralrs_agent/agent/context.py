"""Keeps a long conversation inside the model's context: old tool outputs become short, then the past a summary.

What is kept in every case: the system text, the last message of the user, and the calls and results of the last
round. What is given up is given up for good, in the stored history too, or every later turn would pay for it again.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from engine import (
    ChatModel,
    ChatRequest,
    InvalidRequest,
    Message,
    ReplyFinished,
    SamplingParams,
    TextDelta,
    Usage,
)
from mistralrs_agent.tools.text import shortened

log = logging.getLogger(__name__)

OLD_OUTPUT_CHARS = 300
LAST_OUTPUT_CHARS = (2_000, 200, 20)
"""What stays of each tool output of earlier rounds, and of the last round, when there is no room for them; less when
that does not fit with a summary either."""
_SUMMARY_TOKENS = 512
_LINE_CHARS = 1_500
_TRANSCRIPT_CHARS_PER_TOKEN = (2.5, 1.0, 0.4)
"""How much of the past the summary is made from, tried until it fits."""
_SUMMARY = "[What was said and done before, in short:\n{}\n]\n\n"
_SUMMARY_FOUND = re.compile(r"\A\[What was said and done before, in short:\n(.*?)\n\]\n\n", re.DOTALL)
_NO_SUMMARY = "(Earlier messages are no longer available.)"
_INSTRUCTION = (
    "Summarise the conversation below for an assistant that goes on with it and will not see it. Keep what the user "
    "wants, decisions, names, numbers, files, results of tools and what is still to do. Write only the summary."
)


@dataclass(frozen=True, slots=True)
class Fitted:
    """A conversation that was made smaller."""

    messages: list[Message]
    shortened_outputs: int
    """How many tool outputs lost most of their text."""
    summarised: int
    """How many messages became the summary."""
    usage: Usage
    """What writing the summary took."""


@dataclass(frozen=True, slots=True)
class ContextKeeper:
    """Makes room in one turn's conversation."""

    model: ChatModel
    request: Callable[[list[Message]], ChatRequest]
    """What the model would be asked with these messages as history."""
    sampling: SamplingParams

    async def fitted(self, history: Sequence[Message]) -> Fitted | None:
        """A smaller conversation that leaves room for a reply; None when it fits already, or nothing helps.

        Raises: engine.EngineError when the model that should summarise fails.
        """
        if self._fits(list(history)):
            return None
        for last_output_chars in LAST_OUTPUT_CHARS:
            versions = _with_shorter_outputs(list(history), last_output_chars)
            for messages, outputs in versions:
                if self._fits(messages):
                    return Fitted(messages, outputs, 0, Usage())
            messages, outputs = versions[-1]
            for past, kept in _splits(messages):
                if not self._fits(_with_summary(kept, "")):
                    continue
                summary, usage = await self._summary(past)
                candidate = _with_summary(kept, summary)
                if self._fits(candidate):
                    return Fitted(candidate, outputs, len(past), usage)
        return None

    def _fits(self, history: list[Message]) -> bool:
        """Whether an eighth of the context stays free for the reply. Short texts need no counting."""
        request = self.request(history)
        room = self.model.info.context_tokens * 7 // 8
        chars = sum(len(m.content) + len(m.reasoning) + sum(len(c.arguments) for c in m.tool_calls) for m in history)
        chars += sum(len(str(tool.to_json())) for tool in request.tools)
        return chars <= room or self.model.count_tokens(request) <= room

    async def _summary(self, past: Sequence[Message]) -> tuple[str, Usage]:
        context = self.model.info.context_tokens
        for chars_per_token in _TRANSCRIPT_CHARS_PER_TOKEN:
            transcript = shortened("\n".join(map(_line, past)), int(context * chars_per_token))
            sampling = replace(
                self.sampling,
                max_tokens=min(_SUMMARY_TOKENS, max(1, context // 8)),
                min_tokens=0,
                stop=(),
                logprobs=None,
            )
            request = ChatRequest([Message("user", f"{_INSTRUCTION}\n\n{transcript}")], sampling, enable_thinking=False)
            if self.model.count_tokens(request) > context * 3 // 4:
                continue
            text, usage = "", Usage()
            try:
                async with aclosing(self.model.chat(request)) as events:
                    async for event in events:
                        if isinstance(event, TextDelta):
                            text += event.text
                        elif isinstance(event, ReplyFinished):
                            usage = event.usage or usage
            except InvalidRequest as error:
                log.warning("the past of a conversation could not be summarised: %s", error)
                continue
            if text.strip():
                return text.strip(), usage
        return _NO_SUMMARY, Usage()


def _with_shorter_outputs(messages: list[Message], last_output_chars: int) -> list[tuple[list[Message], int]]:
    """The conversation with ever more tool outputs made short, the oldest first, and how many there are."""
    positions = [n for n, message in enumerate(messages) if message.role == "tool"]
    last_round = max((n for n, message in enumerate(messages) if message.tool_calls), default=len(messages))
    old = [n for n in positions if n < last_round]
    versions: list[tuple[list[Message], int]] = []
    for count in (len(old) // 2, len(old), len(positions)):
        version, changed = list(messages), 0
        for n in positions[:count]:
            limit = OLD_OUTPUT_CHARS if n < last_round else last_output_chars
            if len(messages[n].content) > limit:
                version[n] = replace(messages[n], content=shortened(messages[n].content, limit))
                changed += 1
        versions.append((version, changed))
    return versions


def _splits(messages: list[Message]) -> list[tuple[list[Message], list[Message]]]:
    """What to summarise and what to keep: everything before this turn, then also its rounds but the last."""
    first = next((n for n, m in enumerate(messages) if m.role not in ("system", "developer")), len(messages))
    asked = max((n for n, message in enumerate(messages) if message.role == "user"), default=None)
    if asked is None:
        return []
    splits = [(messages[first:asked], [*messages[:first], *messages[asked:]])]
    last_round = max((n for n, message in enumerate(messages) if message.tool_calls), default=asked)
    if last_round > asked:
        past = [*messages[first:asked], *messages[asked + 1 : last_round]]
        splits.append((past, [*messages[:first], messages[asked], *messages[last_round:]]))
    return [(_with_earlier_summary(past, messages[asked]), kept) for past, kept in splits if past]


def _with_earlier_summary(past: list[Message], asked: Message) -> list[Message]:
    found = _SUMMARY_FOUND.match(asked.content)
    return [Message("user", found[1]), *past] if found else past


def _with_summary(kept: Sequence[Message], summary: str) -> list[Message]:
    """The summary stands before the user's words in one message, so that user and assistant keep taking turns."""
    asked = max(n for n, message in enumerate(kept) if message.role == "user")
    words = _SUMMARY_FOUND.sub("", kept[asked].content)
    message = replace(kept[asked], content=_SUMMARY.format(summary) + words)
    return [*kept[:asked], message, *kept[asked + 1 :]]


def _line(message: Message) -> str:
    calls = "".join(f" [calls {call.name}({call.arguments})]" for call in message.tool_calls)
    who = f"tool {message.name}" if message.role == "tool" and message.name else message.role
    return f"{who}: {shortened(message.content, _LINE_CHARS)}{shortened(calls, _LINE_CHARS)}"
