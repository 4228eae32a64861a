"""Speed of each kernel next to what the memory gives: `python bench/kernels.py [--set torch]`.

Decode numbers run over more weights than the caches hold, so they show reading from memory.
"""

# ruff: noqa: B023 - every closure is called before the loop goes on
from __future__ import annotations

import argparse
import os
import timeit
from collections.abc import Callable
from random import Random

import numpy as np
import torch
from tokenizers import Tokenizer, models

from engine import kernels
from engine.attention.base import Step
from engine.attention.paged import paged_attention
from engine.benchmark import memory_bandwidth
from engine.chat.detokenize import Detokenizer
from engine.chat.stop import StopStrings
from engine.layers.activation import silu_mul
from engine.layers.linear import Linear
from engine.layers.norm import RMSNorm
from engine.layers.rotary import RotaryEmbedding
from engine.quant.base import GGMLType, PackedTensor
from engine.request import Request, SamplingParams
from engine.sampling.sampler import Sampler
from engine.sequence import Sequence

ROWS, COLUMNS = 3072, 1024
COLD_BYTES = 160 << 20
VOCABULARY = 151_936


def best_seconds(run: Callable[[], object], repeats: int) -> float:
    """The fastest of several runs: the machine is shared."""
    return min(timeit.repeat(run, number=1, repeat=repeats))


def packed(type: GGMLType) -> PackedTensor:
    row_bytes = COLUMNS // type.block_elements * type.block_bytes
    data = np.random.default_rng(0).integers(0, 60, (ROWS, row_bytes), dtype=np.uint8)
    return PackedTensor(type, torch.from_numpy(data), (ROWS, COLUMNS))


def linear_rows(repeats: int, limit: float, types: list[GGMLType]) -> None:
    for type in types:
        weight = packed(type)
        layers = [Linear(weight) for _ in range(max(1, COLD_BYTES // weight.nbytes))]
        for tokens in (1, 2, 4, 8):
            x = torch.randn(tokens, COLUMNS)
            seconds = best_seconds(lambda: [layer(x) for layer in layers], repeats)
            rate = sum(layer.nbytes for layer in layers) / seconds
            work = 2 * tokens * ROWS * COLUMNS * len(layers) / seconds
            speed = f"{rate / 1e9:7.1f} GB/s {rate / limit:5.0%} {work / 1e9:8.0f} GFLOP/s"
            print(f"linear {type.name:5} M={tokens:<4} {speed}")
        for dtype in (torch.float32, torch.bfloat16):
            layer = Linear(weight, matmul_dtype=dtype)
            for tokens in (16, 512):
                x = torch.randn(tokens, COLUMNS)
                layer(x)
                seconds = best_seconds(lambda: layer(x), 2 * repeats)
                work = 2 * tokens * ROWS * COLUMNS / seconds
                print(f"linear {type.name:5} M={tokens:<4} {str(dtype)[6:]:>20} {work / 1e9:8.0f} GFLOP/s")


def attention_rows(repeats: int, limit: float) -> None:
    heads, kv_heads, dim, block = 16, 8, 128, 32
    for dtype in (torch.float32, torch.bfloat16):
        for new, context, sequences in ((1, 1024, 1), (1, 1024, 8), (512, 512, 1), (512, 2048, 1)):
            blocks = -(-context // block)
            caches = [torch.zeros(2, sequences * blocks, kv_heads, block, dim, dtype=dtype) for _ in range(8)]
            total = new * sequences
            positions = torch.arange(context - new, context).repeat(sequences)
            tables = torch.arange(sequences * blocks, dtype=torch.int32).view(sequences, blocks)
            slots = (tables.long() * block).repeat_interleave(block, 1)[:, :context] + torch.arange(context) % block
            step = Step(
                positions,
                torch.arange(0, total + 1, new, dtype=torch.int32),
                torch.full((sequences,), context, dtype=torch.int32),
                tables,
                slots[:, context - new :].reshape(-1).contiguous(),
                (new,) * sequences,
                (context,) * sequences,
            )
            q, k, v = (torch.randn(total, h, dim) for h in (heads, kv_heads, kv_heads))
            seconds = best_seconds(
                lambda: [paged_attention(q, k, v, cache, step, scale=dim**-0.5) for cache in caches], repeats
            ) / len(caches)
            rate = caches[0].nbytes / seconds
            pairs = new * context - new * (new - 1) / 2
            work = 4 * pairs * sequences * heads * dim / seconds
            print(
                f"attention {str(dtype)[6:]:8} {sequences}x{new:<4} over {context:<5} {seconds * 1e6:8.0f} µs "
                f"{rate / 1e9:6.1f} GB/s {rate / limit:5.0%} {work / 1e9:6.0f} GFLOP/s"
            )


def small_rows(repeats: int) -> None:
    norm, rotary = RMSNorm(torch.ones(COLUMNS), 1e-6), RotaryEmbedding(torch.rand(64))
    for tokens in (1, 512):
        x, gate_up = torch.randn(tokens, COLUMNS), torch.randn(tokens, 2 * ROWS)
        q, k = torch.randn(tokens, 16, 128), torch.randn(tokens, 8, 128)
        positions = torch.arange(tokens)
        for name, run in {
            "norm": lambda: norm(x),
            "norm + residual": lambda: norm.add(x, x),
            "rotary": lambda: rotary(q, k, positions),
            "silu_mul": lambda: silu_mul(gate_up),
        }.items():
            run()
            print(f"{name:16} T={tokens:<4} {best_seconds(run, 20 * repeats) * 1e6:8.1f} µs")


def sampling_rows(repeats: int) -> None:
    """Choosing one token for each of several replies, from logits spread like a model's: bookkeeping included."""
    tokenizer = Tokenizer(models.BPE())
    sampler, random = Sampler(tokenizer, ()), Random(0)
    prompt = tuple(random.randrange(VOCABULARY) for _ in range(1024))
    for name, params in {
        "greedy": SamplingParams(temperature=0.0),
        "greedy, 20 logprobs": SamplingParams(temperature=0.0, logprobs=20),
        "temperature": SamplingParams(temperature=0.8),
        "top-k 50, top-p 0.95": SamplingParams(temperature=0.8, top_k=50, top_p=0.95),
        "top-p 0.95": SamplingParams(temperature=0.8, top_p=0.95),
        "min-p 0.05": SamplingParams(temperature=0.8, min_p=0.05),
        "penalties": SamplingParams(temperature=0.8, repetition_penalty=1.1, frequency_penalty=0.1),
        "DRY": SamplingParams(temperature=0.8, dry_multiplier=0.8),
    }.items():
        for count in (1, 32):
            logits = 3 * torch.randn(count, VOCABULARY, generator=torch.Generator().manual_seed(0))
            replies = [
                Sequence(
                    Request("", prompt, params),
                    i,
                    0.0,
                    Detokenizer(tokenizer),
                    StopStrings(()),
                    sampler.state(params, 0, i),
                )
                for i in range(count)
            ]

            def choose() -> None:
                for reply in replies:
                    reply.token_ids.append(random.choice(prompt))
                sampler.sample(logits, replies)

            choose()
            print(f"sample {name:20} {count:2} replies {best_seconds(choose, 4 * repeats) / count * 1e6:8.1f} µs each")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", default="", help="avx512, avx2, baseline or torch instead of the best")
    parser.add_argument("--types", default="Q4_0,Q4_1,Q8_0,Q4_K,Q5_K,Q6_K,F16,BF16,F32")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--repeats", type=int, default=7)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.set and not kernels.select(arguments.set):
        parser.error(f"{arguments.set} is not available here")
    kernels.set_threads(arguments.threads)
    limit = memory_bandwidth(arguments.threads, repeats=arguments.repeats)
    print(f"kernels: {kernels.describe()}; memory: {limit / 1e9:.0f} GB/s")
    linear_rows(arguments.repeats, limit, [GGMLType[name] for name in arguments.types.split(",") if name])
    attention_rows(arguments.repeats, limit)
    small_rows(arguments.repeats)
    sampling_rows(arguments.repeats)


if __name__ == "__main__":
    main()
