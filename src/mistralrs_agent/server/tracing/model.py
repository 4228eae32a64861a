"""A chat model of which every use is a span."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import aclosing, contextmanager

from opentelemetry.context import Context

from engine import (
    AdapterInfo,
    AdapterStatus,
    ChatModel,
    ChatRequest,
    Constraint,
    Delta,
    EngineStats,
    LoadAdapter,
    Message,
    ModelInfo,
    ReplyEvent,
    ReplyFinished,
    SamplingParams,
    TextDelta,
    ThinkingDelta,
    UnloadAdapter,
    Usage,
)
from mistralrs_agent.server.tracing.content import Answers, messages_json
from mistralrs_agent.server.tracing.spans import PROVIDER, Attributes, Spans, end_span, usage_attributes


class TracedModel:
    """`model`, with spans below `parent`; None: below the request that is being served."""

    def __init__(self, model: ChatModel, spans: Spans, parent: Context | None = None) -> None:
        self._model = model
        self._spans = spans
        self._parent = parent

    @property
    def info(self) -> ModelInfo:
        return self._model.info

    async def chat(self, request: ChatRequest) -> AsyncGenerator[ReplyEvent, None]:
        with self._use("chat", request.sampling, request.messages) as answers:
            async with aclosing(self._model.chat(request)) as events:
                async for event in events:
                    match event:
                        case ReplyFinished():
                            answers.finish(event.index, event.reason, event.usage, event.tool_calls)
                        case TextDelta() if self._spans.content:
                            answers.add(event.index, event.text)
                        case ThinkingDelta() if self._spans.content:
                            answers.add(event.index, event.text, kind="reasoning")
                        case _:
                            pass
                    yield event

    async def complete(
        self,
        prompt: str | Sequence[int],
        sampling: SamplingParams,
        constraint: Constraint | None = None,
        *,
        truncate: bool = False,
        cache_salt: str = "",
        adapter: str | None = None,
    ) -> AsyncGenerator[Delta, None]:
        text = prompt if isinstance(prompt, str) else self.detokenize(prompt) if self._spans.content else ""
        with self._use("text_completion", sampling, [Message("user", text)]) as answers:
            deltas = self._model.complete(
                prompt, sampling, constraint, truncate=truncate, cache_salt=cache_salt, adapter=adapter
            )
            async with aclosing(deltas):
                async for delta in deltas:
                    if self._spans.content:
                        answers.add(delta.index, delta.text)
                    if delta.finish_reason is not None:
                        answers.finish(delta.index, delta.finish_reason, delta.usage)
                    yield delta

    def tokenize(self, text: str) -> list[int]:
        return self._model.tokenize(text)

    def detokenize(self, token_ids: Sequence[int]) -> str:
        return self._model.detokenize(token_ids)

    def count_tokens(self, request: ChatRequest) -> int:
        return self._model.count_tokens(request)

    async def stats(self) -> EngineStats:
        return await self._model.stats()

    async def adapters(self) -> AdapterStatus:
        return await self._model.adapters()

    async def change_adapter(self, command: LoadAdapter | UnloadAdapter) -> AdapterInfo:
        return await self._model.change_adapter(command)

    async def close(self) -> None:
        await self._model.close()

    @contextmanager
    def _use(self, operation: str, sampling: SamplingParams, asked: Sequence[Message]) -> Generator[Answers]:
        """A span around one use; tells what the answers say of themselves."""
        name = self.info.id
        attributes: Attributes = {
            "gen_ai.operation.name": operation,
            "gen_ai.provider.name": PROVIDER,
            "gen_ai.request.model": name,
            "gen_ai.response.model": name,
        }
        span = self._spans.start(f"{operation} {name}", self._parent, attributes | _sampling_attributes(sampling))
        if self._spans.content:
            span.set_attribute("gen_ai.input.messages", messages_json(asked))
        answers = Answers()
        error: BaseException | None = None
        try:
            yield answers
        except BaseException as caught:
            error = caught
            raise
        finally:
            span.set_attribute("gen_ai.response.finish_reasons", answers.reasons)
            span.set_attributes(_measured(answers.usage))
            if self._spans.content:
                span.set_attribute("gen_ai.output.messages", answers.to_json())
            end_span(span, error)


def _sampling_attributes(sampling: SamplingParams) -> Attributes:
    attributes: Attributes = {
        "gen_ai.request.temperature": sampling.temperature,
        "gen_ai.request.top_p": sampling.top_p,
        "gen_ai.request.top_k": sampling.top_k,
        "gen_ai.request.frequency_penalty": sampling.frequency_penalty,
        "gen_ai.request.presence_penalty": sampling.presence_penalty,
        "gen_ai.request.choice.count": sampling.n,
    }
    if sampling.max_tokens is not None:
        attributes["gen_ai.request.max_tokens"] = sampling.max_tokens
    if sampling.seed is not None:
        attributes["gen_ai.request.seed"] = sampling.seed
    return attributes


def _measured(usage: Usage | None) -> Attributes:
    """None when the reply was left before its end."""
    if usage is None:
        return {}
    return usage_attributes(usage) | {"gen_ai.response.time_to_first_chunk": usage.queue_s + usage.prefill_s}
