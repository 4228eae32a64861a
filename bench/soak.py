"""Random mixed load on one engine worker, for leaks and for what only time brings to light.

`python bench/soak.py MODEL.gguf --minutes 30` prints one JSON object and ends with status 1 when something was wrong:
a reply that broke its promise, blocks still held when all is quiet, memory that grew, a worker that died.

Clients that never pause send short and long prompts, many with a beginning in common, and ask for several choices,
grammars, log probabilities, penalties, salts and deadlines. Some leave early, some ask for what is refused, and some
send the one token whose embedding is no number: that request must fail, and nothing else. Cache and queue are small,
so that sequences are preempted, cached blocks evicted and requests turned away all the time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

import gguf
import numpy as np
from models import copy_fields, finish

from engine.errors import ContextOverflow, EngineError, EngineOverloaded, InvalidRequest
from engine.loading.source import resolve
from engine.options import ModelOptions
from engine.request import Constraint, Delta, FinishReason, Request, SamplingParams
from engine.worker import WorkerService

POISON = 3
"""The token without numbers, one that no tokenizer makes of ordinary text."""
CONTEXT, ROOM, SEQUENCES, QUEUE, CLIENTS = 2048, 2048, 8, 10, 14
GROWTH_MIB = 16.0
"""How much more memory than before the end may take."""
REGEX = "(yes|no), [a-z]{3,12}( [a-z]{1,9}){2,20}\\."
SCHEMA = '{"type": "object", "properties": {"a": {"type": "integer"}, "b": {"enum": ["x", "y"]}}, "required": ["a"]}'


@dataclass
class Soak:
    service: WorkerService
    random: Random
    ends_at: float
    documents: list[list[int]]
    """Token ids; prompts begin alike by beginning with one of these."""
    outcomes: Counter[str] = field(default_factory=Counter[str])
    wrong: list[str] = field(default_factory=list[str])
    greedy: set[tuple[int, ...]] = field(default_factory=set[tuple[int, ...]])
    """What the model said to the one prompt that is always the same."""
    memory: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    """Anonymous and resident MiB of the worker, every few seconds."""
    requests: int = 0

    async def run(self) -> dict[str, Any]:
        started, pid = time.monotonic(), self.service.pid
        async with asyncio.TaskGroup() as group:
            for _ in range(CLIENTS):
                group.create_task(self._client())
            group.create_task(self._watch())
        stats = await self.service.stats()
        if (stats.running, stats.waiting, stats.kv_blocks_used) != (0, 0, 0):
            self.wrong.append(f"not at rest when all is over: {stats}")
        if self.service.pid != pid:
            self.wrong.append("the worker died on the way")
        quarter = max(1, len(self.memory) // 4)
        before, after = (
            median(anon for anon, _ in part) for part in (self.memory[quarter : 2 * quarter], self.memory[-quarter:])
        )
        if after > before + GROWTH_MIB:
            self.wrong.append(f"memory grew from {before:.1f} to {after:.1f} MiB")
        return {
            "minutes": round((time.monotonic() - started) / 60, 1),
            "requests": self.requests,
            "outcomes": dict(sorted(self.outcomes.items())),
            "tokens_processed": stats.tokens_processed,
            "preemptions": stats.preemptions,
            "prefix_cache": [stats.prefix_cache_lookups, stats.prefix_cache_hits, stats.prefix_cache_evictions],
            "kv_blocks_held": stats.kv_blocks_used,
            "greedy_texts": len(self.greedy),
            "anonymous_mib": {"second_quarter": round(before, 1), "last_quarter": round(after, 1)},
            "resident_mib": [round(resident) for _, resident in self.memory[:: max(1, len(self.memory) // 20)]],
            "wrong": self.wrong,
        }

    async def _watch(self) -> None:
        while time.monotonic() < self.ends_at:
            if (pid := self.service.pid) is not None:
                self.memory.append(_memory_mib(pid))
            await asyncio.sleep(2)

    async def _client(self) -> None:
        kinds = (
            self._plain, self._plain, self._plain, self._choices, self._regex, self._schema, self._logprobs,
            self._leaves, self._leaves, self._hangs_up, self._deadline, self._same_again, self._broken, self._refused,
        )  # fmt: skip
        while time.monotonic() < self.ends_at:
            kind = self.random.choice(kinds)
            name = kind.__name__[1:]
            self.requests += 1
            try:
                self.outcomes[f"{name}: {await kind()}"] += 1
            except EngineOverloaded:
                self.outcomes["turned away"] += 1
                await asyncio.sleep(0.5)
            except (EngineError, AssertionError) as error:
                self.wrong.append(f"{name}: {type(error).__name__}: {error}"[:300])
                print(self.wrong[-1], file=sys.stderr)

    async def _plain(self) -> str:
        deltas = await self._reply(self._request(**self._strange_sampling()))
        return _end(deltas)

    async def _choices(self) -> str:
        count = self.random.randint(2, 4)
        deltas = await self._reply(self._request(n=count))
        ends = Counter(delta.index for delta in deltas if delta.finish_reason is not None)
        assert ends == dict.fromkeys(range(count), 1), f"choices ended {ends}"
        assert [delta.usage is not None for delta in deltas].count(True) == 1, "usage came more than once"
        return "done"

    async def _regex(self) -> str:
        deltas = await self._reply(self._request(constraint=Constraint("regex", REGEX), max_tokens=200))
        text = "".join(delta.text for delta in deltas)
        assert _end(deltas) == FinishReason.LENGTH or re.fullmatch(REGEX, text), f"off the grammar: {text!r}"
        return _end(deltas)

    async def _schema(self) -> str:
        deltas = await self._reply(self._request(constraint=Constraint("json_schema", SCHEMA), max_tokens=200))
        if _end(deltas) == FinishReason.STOP:
            assert isinstance(json.loads("".join(delta.text for delta in deltas))["a"], int)
        return _end(deltas)

    async def _logprobs(self) -> str:
        deltas = await self._reply(self._request(logprobs=5))
        entries = [entry for delta in deltas for entry in delta.logprobs]
        assert len(entries) == len(_ids(deltas)), "not one log probability a token"
        assert all(math.isfinite(e.logprob) and e.logprob <= 1e-6 and len(e.top) == 5 for e in entries)
        return _end(deltas)

    async def _leaves(self) -> str:
        """A reader that goes after some tokens."""
        wanted = self.random.randint(1, 30)
        async with aclosing(self.service.generate(self._request())) as deltas:
            async for _ in deltas:
                wanted -= 1
                if not wanted:
                    break
        return "left"

    async def _hangs_up(self) -> str:
        """A reader that goes while nothing has come yet, perhaps."""
        try:
            async with asyncio.timeout(self.random.uniform(0, 0.5)):
                await self._reply(self._request())
        except TimeoutError:
            return "cut off"
        return "done before"

    async def _deadline(self) -> str:
        return _end(await self._reply(self._request(timeout_s=self.random.uniform(0.05, 2), max_tokens=500)))

    async def _same_again(self) -> str:
        prompt = tuple(self.documents[0][:300])
        deltas = await self._reply(Request(self._id(), prompt, SamplingParams(temperature=0.0, max_tokens=24)))
        self.greedy.add(_ids(deltas))
        return "done"

    async def _broken(self) -> str:
        request = self._request(n=self.random.choice([1, 1, 3]))
        place = self.random.randint(0, len(request.prompt))
        prompt = (*request.prompt[:place], POISON, *request.prompt[place:])
        try:
            await self._reply(Request(request.id, prompt, request.sampling, cache_salt=request.cache_salt))
        except (EngineOverloaded, InvalidRequest):
            raise
        except EngineError as error:
            if "finite" in str(error):
                return "failed alone"
            raise
        raise AssertionError("logits that are no numbers went unnoticed")

    async def _refused(self) -> str:
        length = self.random.choice([0, CONTEXT, 3 * CONTEXT])
        request = Request(self._id(), tuple(self._tokens(length)), SamplingParams(max_tokens=5))
        try:
            await self._reply(request)
        except (InvalidRequest, ContextOverflow):
            return "refused"
        raise AssertionError(f"a prompt of {length} tokens was taken")

    async def _reply(self, request: Request) -> list[Delta]:
        deltas = [delta async for delta in self.service.generate(request)]
        assert not any(delta.finish_reason is FinishReason.ERROR for delta in deltas), "it ended with an error"
        return deltas

    def _request(
        self, constraint: Constraint | None = None, timeout_s: float | None = None, **sampling: Any
    ) -> Request:
        draw = self.random
        shared = draw.choice(self.documents)[: draw.choice([0, 40, 200, 600])]
        prompt = shared + self._tokens(int(2 ** draw.uniform(0, 8)))
        params = {"max_tokens": int(2 ** draw.uniform(0, 8)), "temperature": draw.choice([0.0, 0.7, 1.0]), "top_k": 50}
        return Request(
            self._id(),
            tuple(prompt),
            SamplingParams(**(params | sampling)),  # pyright: ignore[reportArgumentType]
            constraint,
            cache_salt=draw.choice(["", "", "one", "two"]),
            timeout_s=timeout_s,
        )

    def _strange_sampling(self) -> dict[str, Any]:
        draw = self.random
        return draw.choice([
            {},
            {"top_p": 0.9, "min_p": 0.05},
            {"presence_penalty": 0.5, "frequency_penalty": 0.3, "repetition_penalty": 1.2},
            {"dry_multiplier": 0.8, "seed": draw.randint(0, 9)},
            {"logit_bias": {draw.randint(10, 49000): 5.0}, "min_tokens": 1, "stop": (" the", ".\n")},
            {"ignore_eos": True},
        ])  # fmt: skip

    def _tokens(self, count: int) -> list[int]:
        return [self.random.randint(100, 49000) for _ in range(count)]

    def _id(self) -> str:
        return f"{self.random.getrandbits(64):x}"


def _ids(deltas: list[Delta]) -> tuple[int, ...]:
    return tuple(token for delta in deltas for token in delta.token_ids)


def _end(deltas: list[Delta]) -> str:
    reason = deltas[-1].finish_reason
    assert reason is not None, "the last piece names no reason"
    return str(reason)


def _memory_mib(pid: int) -> tuple[float, float]:
    """Anonymous and whole resident memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    anonymous, resident = (int(re.search(rf"{name}:\s+(\d+)", status)[1]) for name in ("RssAnon", "VmRSS"))  # pyright: ignore[reportOptionalSubscript]
    return anonymous / 1024, resident / 1024


def write_poisoned(source: Path, target: Path) -> None:
    """A copy of a GGUF file of blocks that begin with a float16 scale, with a head of its own and one token whose
    embedding is no number."""
    reader = gguf.GGUFReader(source)
    writer = gguf.GGUFWriter(target, "llama")
    copy_fields(reader, writer, "")
    for tensor in reader.tensors:
        type = None if tensor.tensor_type is gguf.GGMLQuantizationType.F32 else tensor.tensor_type
        data = np.array(tensor.data)
        if tensor.name == "token_embd.weight":
            writer.add_tensor("output.weight", data.copy(), raw_dtype=type)
            block = gguf.GGML_QUANT_SIZES[tensor.tensor_type][1]
            data[POISON].reshape(-1, block)[:, :2] = np.array([np.nan], np.float16).view(np.uint8)
        writer.add_tensor(tensor.name, data, raw_dtype=type)
    finish(writer)


def _report(text: str) -> None:
    print(text, file=sys.stderr)


async def soak(model: Path, minutes: float, threads: int, seed: int) -> dict[str, Any]:
    folder = Path(tempfile.mkdtemp(prefix="soak-"))
    try:
        write_poisoned(model, folder / "poisoned.gguf")
        options = ModelOptions(
            model_id=str(folder / "poisoned.gguf"), format="gguf", threads=threads, max_model_len=CONTEXT,
            pa_context_len=ROOM, max_seqs=SEQUENCES, max_waiting=QUEUE, max_num_batched_tokens=256,
        )  # fmt: skip
        service = await WorkerService.start(options, await asyncio.to_thread(resolve, options, _report), _report)
        random = Random(seed)
        documents = [[random.randint(100, 49000) for _ in range(1000)] for _ in range(3)]
        try:
            return await Soak(service, random, time.monotonic() + 60 * minutes, documents).run()
        finally:
            await service.close()
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "model", type=Path, help="a GGUF file of the llama architecture, Q4_0 or Q8_0, with a tied head"
    )
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    summary = asyncio.run(soak(arguments.model, arguments.minutes, arguments.threads, arguments.seed))
    print(json.dumps(summary, indent=2))
    sys.exit(1 if summary["wrong"] else 0)
