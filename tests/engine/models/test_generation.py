"""Whole engine on real architectures: batched, chunked and with reused prefixes, every greedy token is the one that
`transformers` would choose."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from engine.config import EngineConfig
from engine.engine import Engine
from engine.loading.load import load_model
from tests.engine.models import tiny
from tests.engine.toy import ask, ids, run, toy_tokenizer

PREFIX = torch.randint(3, 94, (19,), generator=torch.Generator().manual_seed(3)).tolist()
PROMPTS = {f"r{i}": PREFIX[: 19 - 3 * (i % 2)] + [5 + i, 40 + i, 9][: 1 + i % 3] for i in range(5)}
PATHS = [(name, "native") for name in tiny.NATIVE] + [(n, "transformers") for n in ("llama", "gemma3", "gpt2", "olmo2")]


@pytest.mark.parametrize(("name", "path"), PATHS, ids="-".join)
def test_every_greedy_token_is_the_best_of_transformers(name: str, path: str, tmp_path: Path):
    reference = tiny.make(name, tmp_path / name)
    arch = "transformers" if path == "transformers" else None
    decoder = load_model(tiny.source_of(tmp_path / name), tiny.build(arch, context_tokens=64))
    engine = Engine(decoder, toy_tokenizer(), CONFIG, eos_token_ids=(2,))
    engine.add(ask("warm", PREFIX, 2, ignore_eos=True))
    run(engine)
    for request, prompt in PROMPTS.items():
        engine.add(ask(request, prompt, 10, ignore_eos=True))
    told = run(engine)
    assert engine.stats().prefix_cache_hits >= 2 * len(PROMPTS)
    for request, prompt in PROMPTS.items():
        reply = ids(told[request, 0])
        assert len(reply) == 10
        with torch.inference_mode():
            logits = reference(torch.tensor([prompt + reply])).logits[0, len(prompt) - 1 : -1]
        chosen = logits.gather(1, torch.tensor(reply)[:, None])[:, 0]
        torch.testing.assert_close(chosen, logits.max(-1).values, rtol=1e-3, atol=1e-3)


CONFIG = EngineConfig(
    device=torch.device("cpu"),
    cache_dtype=torch.float32,
    context_tokens=64,
    block_size=8,
    num_blocks=40,
    max_seqs=4,
    max_batched_tokens=6,
    max_prompt_tokens=None,
    window=None,
    prefix_cache=True,
    recompute=False,
    max_waiting=16,
    seed=0,
)
