"""The real `ChatModel`: template, tokenizer and reply reading on top of an engine service."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import cast

from tokenizers import Tokenizer

from engine.adapters.asked import AdapterInfo, AdapterStatus, ListAdapters, LoadAdapter, UnloadAdapter
from engine.chat.model import ChatRequest, ReplyEvent
from engine.chat.prompt import PromptBuilder
from engine.chat.reply import ReplyReader
from engine.chat.template import ChatTemplate
from engine.errors import AdapterError
from engine.loading.source import ModelSource, resolve
from engine.loading.tokenizer import load_tokenizer
from engine.options import ModelOptions
from engine.request import Constraint, Delta, EngineStats, ModelInfo, Request, SamplingParams
from engine.request_id import new_engine_id
from engine.service import Service, ThreadService
from engine.worker import WorkerService

log = logging.getLogger(__name__)


class LocalChatModel:
    """A model on this machine. Implements `ChatModel`."""

    def __init__(
        self, source: ModelSource, tokenizer: Tokenizer, service: Service, tool_adapter: str | None = None
    ) -> None:
        """`tool_adapter`: as in `ModelOptions`. Raises: UnsupportedModel when the chat template is not valid."""
        template = None if source.chat_template is None else ChatTemplate(source.chat_template, source.special_tokens)
        self._prompts = PromptBuilder(template, tokenizer, tool_adapter)
        self._tokenizer = tokenizer
        self._service = service

    @property
    def info(self) -> ModelInfo:
        return self._service.info

    async def chat(self, request: ChatRequest) -> AsyncGenerator[ReplyEvent, None]:
        prepared = await asyncio.to_thread(self._prompts.prepare, request, self.info.context_tokens)
        readers: dict[int, ReplyReader] = {}
        async with aclosing(self._service.generate(prepared.request)) as deltas:
            async for delta in deltas:
                if delta.index not in readers:
                    readers[delta.index] = prepared.reader(delta.index)
                for event in readers[delta.index].read(delta):
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
        if isinstance(prompt, str):
            prompt = self._prompts.bounded(prompt, self.info.context_tokens, truncate=truncate)
            prompt = await asyncio.to_thread(self.tokenize, prompt)
        request = Request(
            new_engine_id(),
            tuple(prompt),
            sampling,
            constraint,
            cache_salt=cache_salt,
            adapter=adapter,
            truncate=truncate,
            continues_text=True,
        )
        async with aclosing(self._service.generate(request)) as deltas:
            async for delta in deltas:
                yield delta

    def tokenize(self, text: str) -> list[int]:
        """Token ids, with the special tokens the model expects around raw text."""
        return self._tokenizer.encode(text).ids

    def detokenize(self, token_ids: Sequence[int]) -> str:
        return self._tokenizer.decode(token_ids, skip_special_tokens=False)

    def count_tokens(self, request: ChatRequest) -> int:
        return len(self._prompts.encode(self._prompts.render(request)))

    async def stats(self) -> EngineStats:
        return await self._service.stats()

    async def adapters(self) -> AdapterStatus:
        return cast("AdapterStatus", await self._service.adapters(ListAdapters()))

    async def change_adapter(self, command: LoadAdapter | UnloadAdapter) -> AdapterInfo:
        if isinstance(command, UnloadAdapter) and command.alias == self._prompts.tool_adapter:
            raise AdapterError(
                f"Adapter {command.alias!r} answers where tools are offered; it can be replaced, not unloaded.",
                code="lora_adapter_in_use",
            )
        return cast("AdapterInfo", await self._service.adapters(command))

    async def close(self) -> None:
        await self._service.close()


async def open_model(
    options: ModelOptions, *, in_process: bool = False, report: Callable[[str], None] = log.info
) -> LocalChatModel:
    """Find a model, load it and make it ready to chat.

    It runs in a worker process of its own; with `in_process`, on a thread of this one. `report` is told what a
    waiting user should know, from other threads too.

    Raises: ModelLoadError and its kinds.
    """
    source = asyncio.ensure_future(asyncio.to_thread(resolve, options, report))
    tokenizer = asyncio.ensure_future(_tokenizer_of(source))
    try:
        if in_process:
            service = await ThreadService.start(options, await source, report)
        else:
            service = await WorkerService.start(options, source, report)
    except BaseException:
        await asyncio.gather(source, tokenizer, return_exceptions=True)
        raise
    try:
        return LocalChatModel(await source, await tokenizer, service, options.tool_adapter)
    except BaseException:
        await service.close()
        raise


async def _tokenizer_of(source: Awaitable[ModelSource]) -> Tokenizer:
    return await asyncio.to_thread(load_tokenizer, await source)
