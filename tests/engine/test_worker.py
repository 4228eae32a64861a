"""The worker process: it dies, is restarted, ends with its parent, and says why it cannot load."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from engine import worker
from engine.errors import CorruptModel, EngineError, WorkerDied
from engine.loading.source import resolve
from engine.options import ModelOptions
from engine.request import FinishReason, Request, SamplingParams
from engine.worker import WorkerService

PROMPT = (1, 9690, 198, 2683, 359, 253)


def request(name: str, count: int) -> Request:
    return Request(name, PROMPT, SamplingParams(temperature=0.0, max_tokens=count, ignore_eos=True))


async def collect(service: WorkerService, name: str, count: int) -> list[int]:
    return [token async for delta in service.generate(request(name, count)) for token in delta.token_ids]


def small(**changes: object) -> ModelOptions:
    return ModelOptions(pa_context_len=2048, max_model_len=2048, threads=2, **changes)  # pyright: ignore[reportArgumentType]


async def test_a_killed_worker_fails_what_ran_is_restarted_and_answers_again(caplog):
    options = small()
    service = await WorkerService.start(options, resolve(options, print), print)
    try:
        before = await collect(service, "before", 8)
        stream = service.generate(request("victim", 500))
        await anext(stream)
        pid = service.pid
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(WorkerDied, match="killed by signal 9"):
            async for _ in stream:
                pass
        assert await collect(service, "after", 8) == before
        assert service.pid != pid
        assert (await service.stats()).running == 0
    finally:
        await service.close()


async def test_a_worker_killed_while_it_is_loading_again_is_started_once_more():
    options = small()
    service = await WorkerService.start(options, resolve(options, print), print)
    try:
        assert service.pid is not None
        before = children()
        os.kill(service.pid, signal.SIGKILL)
        os.kill(await next_child(before), signal.SIGKILL)
        async with asyncio.timeout(300):
            assert len(await collect(service, "after", 8)) == 8
    finally:
        await service.close()


async def test_a_worker_that_keeps_dying_rests_and_nobody_waits_for_it(monkeypatch):
    monkeypatch.setattr(worker, "_MAX_QUICK_DEATHS", 0)
    monkeypatch.setattr(worker, "_REST_S", 0.5)
    options = small()
    service = await WorkerService.start(options, resolve(options, print), print)
    try:
        assert service.pid is not None
        os.kill(service.pid, signal.SIGKILL)
        with pytest.raises(WorkerDied, match="please try again"):
            await service.stats()
        with pytest.raises(WorkerDied, match=r"keeps dying \(killed by signal 9\); it is started again in 0\.5 s"):
            await service.stats()
        assert service.pid is None
        async with asyncio.timeout(300):
            while service.pid is None:  # noqa: ASYNC110 - nothing tells of a restart
                await asyncio.sleep(0.01)
            assert (await service.stats()).running == 0
    finally:
        await service.close()


def children() -> set[int]:
    return {int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()}


async def next_child(known: set[int]) -> int:
    """A child process of this one that is not in `known`, as soon as there is one."""
    async with asyncio.timeout(60):
        while not (found := children() - known):  # noqa: ASYNC110 - nothing tells of a birth
            await asyncio.sleep(0.005)
    return found.pop()


async def test_many_streams_over_one_pipe_do_not_mix():
    options = small()
    service = await WorkerService.start(options, resolve(options, print), print)
    try:
        alone = await collect(service, "alone", 12)
        together = await asyncio.gather(*(collect(service, f"r{i}", 12) for i in range(8)))
        assert together == [alone] * 8
        last = [d async for d in service.generate(request("one", 3))][-1]
        assert (last.finish_reason, last.usage.prompt_tokens) == (FinishReason.LENGTH, len(PROMPT))
    finally:
        await service.close()


async def test_a_model_that_cannot_be_loaded_says_so_and_leaves_no_process(tmp_path):
    good = resolve(small(), print)
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(good.weight_files[0].read_bytes()[:50_000_000])
    options = small(model_id=str(broken))
    with pytest.raises(CorruptModel):
        await WorkerService.start(options, resolve(options, print), print)


async def test_the_worker_ends_when_its_parent_is_killed():
    script = (
        "import asyncio\n"
        "from engine.loading.source import resolve\n"
        "from engine.options import ModelOptions\n"
        "from engine.worker import WorkerService\n"
        "async def main():\n"
        "    options = ModelOptions(pa_context_len=512, max_model_len=512)\n"
        "    service = await WorkerService.start(options, resolve(options, lambda _: None), lambda _: None)\n"
        "    print(service.pid, flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE)
    assert parent.stdout is not None
    worker = int(await parent.stdout.readline())
    watch = os.pidfd_open(worker)
    parent.kill()
    await parent.wait()
    gone = asyncio.Event()
    asyncio.get_running_loop().add_reader(watch, gone.set)
    await asyncio.wait_for(gone.wait(), 10)
    asyncio.get_running_loop().remove_reader(watch)
    os.close(watch)


async def test_packages_in_the_working_directory_are_not_taken_for_ours(tmp_path, monkeypatch):
    (tmp_path / "engine").mkdir()
    (tmp_path / "engine" / "__init__.py").write_text("raise SystemExit('the wrong engine')")
    monkeypatch.chdir(tmp_path)
    options = small()
    service = await WorkerService.start(options, resolve(options, print), print)
    await service.close()


async def test_what_the_worker_logs_is_logged_here_with_the_requests_id_and_its_traceback(caplog):
    options = small()
    service = await WorkerService.start(options, resolve(options, print), print)
    strange = SamplingParams(temperature="hot")  # pyright: ignore[reportArgumentType]
    try:
        with pytest.raises(EngineError, match="The engine failed"):
            async for _ in service.generate(Request("req_7.1", PROMPT, strange)):
                pass
    finally:
        await service.close()
    (line,) = [record for record in caplog.records if record.name == "engine.service"]
    assert (line.levelname, line.getMessage(), line.request_id) == ("ERROR", "a request could not be queued", "req_7")
    assert "TypeError" in line.exc_text
