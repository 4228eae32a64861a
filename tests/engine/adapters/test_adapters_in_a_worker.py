"""Adapters of a model in a process of its own: changed over the pipe, there again when it had to be restarted."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from engine.adapters.asked import AdapterStatus, ListAdapters, LoadAdapter, UnloadAdapter
from engine.errors import AdapterError, InvalidRequest, WorkerDied
from engine.options import ModelOptions
from engine.request import Request, SamplingParams
from engine.worker import WorkerService
from tests.engine.adapters import peft_adapters
from tests.engine.models import tiny
from tests.engine.toy import toy_tokenizer


async def reply(service: WorkerService, adapter: str) -> list[int]:
    sampling = SamplingParams(temperature=0.0, max_tokens=8, ignore_eos=True)
    request = Request(f"for {adapter}", (5, 6, 7, 8), sampling, adapter=adapter)
    return [token async for delta in service.generate(request) for token in delta.token_ids]


async def names(service: WorkerService) -> dict[str, str]:
    status = await service.adapters(ListAdapters())
    assert isinstance(status, AdapterStatus)
    return {info.alias: info.generation for info in status.adapters}


async def test_a_restarted_worker_has_the_adapters_there_were(tmp_path: Path):
    model = tiny.make("llama", tmp_path)
    toy_tokenizer().save(str(tmp_path / "tokenizer.json"))
    for seed, name in enumerate("abc"):
        peft_adapters.save(model, tmp_path / name, seed=seed)
    source = replace(
        tiny.source_of(tmp_path),
        tokenizer_file=tmp_path / "tokenizer.json",
        adapters=(("a", tmp_path / "a"), ("b", tmp_path / "b")),
    )
    options = ModelOptions(dtype="f32", threads=1, cpu=True, pa_context_len=256)
    service = await WorkerService.start(options, source, print)
    try:
        await service.adapters(UnloadAdapter("a"))
        await service.adapters(LoadAdapter("b", tmp_path / "c", replace=True))
        await service.adapters(LoadAdapter("x", tmp_path / "a"))
        with pytest.raises(AdapterError, match="'y' is loaded") as caught:
            await service.adapters(UnloadAdapter("y"))
        assert caught.value.code == "lora_adapter_not_found"
        before, answer = await names(service), await reply(service, "b")
        assert list(before) == ["b", "x"]
        assert service.pid is not None
        os.kill(service.pid, signal.SIGKILL)
        with pytest.raises(WorkerDied):
            await service.stats()
        assert await names(service) == before
        assert await reply(service, "b") == answer
        with pytest.raises(InvalidRequest, match="No adapter 'a' is loaded"):
            await reply(service, "a")
    finally:
        await service.close()
