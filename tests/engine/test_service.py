"""Requests in, streams out: concurrency, errors, leaving early."""

from __future__ import annotations

import asyncio

import pytest

from engine.errors import EngineError, InvalidRequest
from engine.request import FinishReason, ModelInfo, SamplingParams
from engine.service import ThreadService
from tests.engine.toy import ToyDecoder, ask, continuation, ids, toy_engine

INFO = ModelInfo(
    id="toy", architecture="Toy", path="native", path_reason="", context_tokens=256, vocab_size=95, dtype="float32",
    quantization="none", device="cpu", parameters=0, weight_bytes=0, kv_cache_tokens=512, kernels="none",
    eos_token_ids=(0,), sampling_defaults=SamplingParams(), has_chat_template=False,
)  # fmt: skip


async def collect(service, request):
    return [delta async for delta in service.generate(request)]


async def test_thirty_two_requests_at_once_are_all_answered_right():
    service = ThreadService(toy_engine(), INFO)
    prompts = {f"r{i}": [1 + i, 2, 3] for i in range(32)}
    replies = await asyncio.gather(*(collect(service, ask(name, p, 12)) for name, p in prompts.items()))
    for (_, p), deltas in zip(prompts.items(), replies, strict=True):
        assert ids(deltas) == continuation(p, 12)
        assert deltas[-1].finish_reason is FinishReason.LENGTH
    await service.close()


async def test_leaving_a_stream_early_frees_its_blocks():
    service = ThreadService(toy_engine(), INFO)
    stream = service.generate(ask("r", [1, 2, 3], 200))
    await anext(stream)
    assert (await service.stats()).running == 1
    await stream.aclose()
    stats = await service.stats()
    assert (stats.running, stats.kv_blocks_used) == (0, 0)
    await service.close()


async def test_a_refused_request_raises_where_it_was_made():
    service = ThreadService(toy_engine(), INFO)
    with pytest.raises(InvalidRequest, match="empty prompt"):
        await collect(service, ask("r", [], 5))
    await service.close()


async def test_a_request_that_cannot_be_queued_fails_alone(caplog):
    engine = toy_engine()
    service = ThreadService(engine, INFO)
    engine._checked = lambda request: 1 // 0  # a bug
    with pytest.raises(EngineError, match="division"):
        await collect(service, ask("r", [1, 2], 5))
    del engine._checked
    assert ids(await collect(service, ask("s", [1, 2], 5))) == continuation([1, 2], 5)
    await service.close()


async def test_a_failing_step_fails_its_requests_and_the_next_ones_work(caplog):
    decoder = ToyDecoder()
    service = ThreadService(toy_engine(decoder), INFO)
    decoder.fail_next = True
    with pytest.raises(EngineError, match="out of memory, say"):
        await collect(service, ask("r", [1, 2], 5))
    assert ids(await collect(service, ask("s", [1, 2], 5))) == continuation([1, 2], 5)
    assert (await service.stats()).kv_blocks_used == 0
    await service.close()
