"""Engine deltas → answers of `POST /v1/completions`, whole or as frames of a stream."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from engine import Delta, TokenLogprob, Usage
from mistralrs_agent.server.sse import DONE, frame
from mistralrs_agent.server.wire.usage import text_logprobs, usage_body


@dataclass(slots=True)
class CompletionHead:
    """What all parts of one answer repeat."""

    model: str
    echoes: Sequence[str]
    """Per choice: text put before the answer, empty when the prompt is not echoed."""
    suffix: str
    """Put after every answer."""
    include_usage: bool = False
    id: str = field(default_factory=lambda: f"cmpl-{uuid.uuid4().hex}")
    created: int = field(default_factory=lambda: int(time.time()))

    def body(self, choices: list[dict[str, Any]], usage: Usage | None = None) -> dict[str, Any]:
        head = {"id": self.id, "object": "text_completion", "created": self.created, "model": self.model}
        return {
            **head,
            "system_fingerprint": "local",
            "choices": choices,
            **({"usage": usage_body(usage)} if usage is not None else {}),
        }


async def completion_frames(deltas: AsyncGenerator[Delta, None], head: CompletionHead) -> AsyncGenerator[str, None]:
    """The stream, up to and including `[DONE]`. `Delta.index` counts the choices of all prompts."""
    sent = [0] * len(head.echoes)
    usage = Usage()
    for index, echo in enumerate(head.echoes):
        if echo:
            sent[index] = len(echo)
            yield frame(head.body([_choice(index, echo)]))
    async with aclosing(deltas) as events:
        async for delta in events:
            if delta.usage is not None:
                usage += delta.usage
            if delta.text or delta.logprobs or delta.finish_reason:
                logprobs = text_logprobs(delta.logprobs, sent[delta.index])
                sent[delta.index] += len(delta.text)
                text = delta.text + head.suffix if delta.finish_reason else delta.text
                yield frame(head.body([_choice(delta.index, text, delta.finish_reason, logprobs)]))
    if head.include_usage:
        yield frame(head.body([], usage))
    yield DONE


async def completion_body(deltas: AsyncGenerator[Delta, None], head: CompletionHead) -> dict[str, Any]:
    """The whole answer."""
    texts = list(head.echoes)
    logprobs: list[tuple[TokenLogprob, ...]] = [() for _ in texts]
    reasons: dict[int, str] = {}
    usage = Usage()
    async with aclosing(deltas) as events:
        async for delta in events:
            texts[delta.index] += delta.text
            logprobs[delta.index] += delta.logprobs
            if delta.usage is not None:
                usage += delta.usage
            if delta.finish_reason:
                reasons[delta.index] = delta.finish_reason
    choices = [
        _choice(index, text + head.suffix, reasons.get(index), text_logprobs(logprobs[index], len(head.echoes[index])))
        for index, text in enumerate(texts)
    ]
    return head.body(choices, usage)


def _choice(
    index: int, text: str, reason: str | None = None, logprobs: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    return {"index": index, "text": text, "logprobs": logprobs, "finish_reason": reason}
