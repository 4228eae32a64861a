"""What LoRA adapters cost a decode step, as ratios in one run: one reply with an adapter beside one without, and eight
replies with eight different adapters beside eight without.

    python bench/adapters.py [--model FILE] [--rank 16] [--tokens 200] [--rounds 8] [--dtype auto]

The adapters are random, in bfloat16, on every linear layer that takes one. Cases take turns, the first round is not
counted. A case's first twenty steps or so are slower, until the caches hold what it reads and no longer what the case
before it read: replies are long enough for that not to matter. Reported are a case's median step and the ratio to the
case without adapters in the same round: median, smallest and largest of the rounds, as other work on the machine
slows one round more than another.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from statistics import median

import torch
from safetensors.torch import save_file

from engine.engine import Engine
from engine.loading.source import resolve
from engine.options import ModelOptions
from engine.plan import build_engine
from engine.request import Request, SamplingParams

PROMPT = 64
"""Tokens."""
Case = tuple[str, ...]
"""The adapter of each reply; empty: none."""


def write_random_adapter(folder: Path, modules: dict[str, tuple[int, int]], rank: int, seed: int) -> None:
    """A PEFT folder whose updates are about a hundredth of what they are added to."""
    generator = torch.Generator().manual_seed(seed)
    tensors: dict[str, torch.Tensor] = {}
    for name, (rows, columns) in modules.items():
        for kind, shape in (("A", (rank, columns)), ("B", (rows, rank))):
            values = torch.randn(shape, generator=generator) * 0.02
            tensors[f"base_model.model.{name}.lora_{kind}.weight"] = values.bfloat16()
    folder.mkdir(parents=True)
    save_file(tensors, folder / "adapter_model.safetensors")
    targets = sorted({name.rpartition(".")[2] for name in modules})
    config = {"peft_type": "LORA", "r": rank, "lora_alpha": 2 * rank, "target_modules": targets}
    (folder / "adapter_config.json").write_text(json.dumps(config))


def step_seconds(engine: Engine, case: Case, tokens: int, seed: int) -> list[float]:
    """Of every decode step in which all replies take part."""
    generator = torch.Generator().manual_seed(seed)
    sampling = SamplingParams(temperature=0.0, max_tokens=tokens, ignore_eos=True)
    for index, adapter in enumerate(case):
        prompt = torch.randint(10, engine.vocab_size - 10, (PROMPT,), generator=generator).tolist()
        engine.add(replace(Request(f"r{index}", tuple(prompt), sampling), adapter=adapter or None))
    seconds: list[float] = []
    while engine.has_work:
        start = time.perf_counter()
        told = engine.step()
        if len(told) == len(case):
            seconds.append(time.perf_counter() - start)
    return seconds[2:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="a model instead of the built-in one")
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--tokens", type=int, default=200, help="decode steps of a case in a round")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--dtype", default="auto", choices=("auto", "f32", "bf16"))
    given = parser.parse_args()
    options = ModelOptions(model_id=given.model, dtype=given.dtype, prefix_cache_n=0, pa_context_len=4096)
    engine, _ = build_engine(options, resolve(options, print), print)
    names = tuple(f"a{index}" for index in range(8))
    with tempfile.TemporaryDirectory() as folder:
        for index, name in enumerate(names):
            write_random_adapter(Path(folder) / name, engine.adapters.modules(), given.rank, index)
            loaded = engine.adapters.load(name, Path(folder) / name)
    print(f"each adapter: rank {loaded.rank}, {loaded.nbytes / 2**20:.1f} MiB")
    cases: dict[str, Case] = {
        "1 reply": ("",),
        "1 reply, adapter": names[:1],
        "8 replies": ("",) * 8,
        "8 replies, one adapter": names[:1] * 8,
        "8 replies, 8 adapters": names,
    }
    steps: dict[str, list[float]] = defaultdict(list)
    for round in range(given.rounds + 1):
        for name in list(cases)[:: 1 if round % 2 else -1]:
            found = median(step_seconds(engine, cases[name], given.tokens, round))
            steps[name] += [found] if round else []
    for name, case in cases.items():
        base = steps["1 reply" if len(case) == 1 else "8 replies"]
        ratios = [step / without for step, without in zip(steps[name], base, strict=True)]
        print(
            f"{name:24} {1e3 * median(steps[name]):7.2f} ms a step,"
            f" {median(ratios):.2f} x ({min(ratios):.2f} to {max(ratios):.2f})"
        )


if __name__ == "__main__":
    main()
