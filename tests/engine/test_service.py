"""Requests in, streams out: concurrency, errors, leaving early."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from threading import Event

import pytest

from engine.errors import EngineError, EngineOverloaded, InvalidRequest
from engine.request import Constraint, FinishReason, ModelInfo, SamplingParams
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


@pytest.fixture
async def slow_grammar():
    """A service, what tells that `SLOW` is being compiled there, and what lets that go on."""
    engine = toy_engine()
    compile, compiling, may_go_on = engine.compile, asyncio.Event(), Event()
    loop = asyncio.get_running_loop()

    def slowly(constraint):
        if constraint == SLOW:
            loop.call_soon_threadsafe(compiling.set)
            assert may_go_on.wait(30)
        return compile(constraint)

    engine.compile = slowly
    service = ThreadService(engine, INFO)
    yield service, compiling, may_go_on
    may_go_on.set()
    await service.close()


SLOW = Constraint("regex", "[ab]{6}")


async def test_only_who_asked_for_a_grammar_waits_while_it_is_compiled(slow_grammar):
    service, compiling, may_go_on = slow_grammar
    running = service.generate(ask("running", [1, 2], 200))
    await anext(running)
    waits = asyncio.create_task(collect(service, replace(ask("waits", [1, 2], 9), constraint=SLOW)))
    await compiling.wait()

    await anext(running)
    assert ids(await collect(service, ask("free", [3, 4], 12))) == continuation([3, 4], 12)
    quick = replace(ask("quick", [3, 4], 9), constraint=Constraint("regex", "c{4}"))
    assert "".join(delta.text for delta in await collect(service, quick)) == "cccc"
    await running.aclose()
    assert not waits.done()

    may_go_on.set()
    assert set("".join(delta.text for delta in await waits)) <= set("ab")


async def test_who_leaves_while_a_grammar_is_compiled_is_forgotten(slow_grammar):
    service, compiling, may_go_on = slow_grammar
    waits = asyncio.create_task(collect(service, replace(ask("again", [1, 2], 9), constraint=SLOW)))
    await compiling.wait()
    waits.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waits
    plain = ask("again", [3, 4], 12)  # the same name is free again, and has no grammar
    assert ids(await collect(service, plain)) == continuation([3, 4], 12)
    may_go_on.set()
    assert ids(await collect(service, plain)) == continuation([3, 4], 12)
    assert (await service.stats()).running == 0


async def test_a_waiting_grammar_counts_among_the_replies_a_server_takes():
    engine, go_on = toy_engine(max_seqs=1, max_waiting=0), Event()
    compile = engine.compile
    engine.compile = lambda constraint: compile(constraint) if go_on.wait(30) else None
    service = ThreadService(engine, INFO)
    first = asyncio.create_task(collect(service, replace(ask("first", [1, 2], 9), constraint=SLOW)))
    await asyncio.sleep(0)
    with pytest.raises(EngineOverloaded):
        await collect(service, ask("second", [1, 2], 5))
    go_on.set()
    await first
    await service.close()


async def test_a_grammar_that_is_wrong_is_refused_and_frees_its_place():
    service = ThreadService(toy_engine(max_seqs=1, max_waiting=0), INFO)
    with pytest.raises(InvalidRequest, match="Invalid grammar") as refusal:
        await collect(service, replace(ask("r", [1, 2], 5, n=1), constraint=Constraint("regex", "([a-z")))
    assert refusal.value.param == "grammar"
    assert ids(await collect(service, ask("s", [1, 2], 5))) == continuation([1, 2], 5)
    await service.close()


async def test_choices_of_one_request_follow_its_grammar_each_for_itself():
    service = ThreadService(toy_engine(), INFO)
    request = replace(
        ask("r", [1, 2], 9, n=3, temperature=1.0, seed=5), constraint=Constraint("regex", "[a-f]{2}[0-9]{3}")
    )
    texts = ["", "", ""]
    for delta in await collect(service, request):
        texts[delta.index] += delta.text
    assert all(re.fullmatch("[a-f]{2}[0-9]{3}", text) for text in texts)
    assert len(set(texts)) == 3
    await service.close()
