"""The paths of a model are interchangeable: in float32 they choose the same tokens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from engine import kernels
from engine.config import EngineConfig
from engine.engine import Engine
from engine.loading.load import load_model
from engine.loading.source import ModelSource, resolve
from engine.models.native_stack import NativeStack
from engine.options import ModelOptions
from tests.engine.models import tiny
from tests.engine.toy import ask, ids, run, toy_tokenizer

pytestmark = pytest.mark.skipif(kernels.native() is None, reason="the native library was not built")

Patch = pytest.MonkeyPatch


def as_it_is(_: Patch) -> str | None:
    return None


def never(*_: object) -> None: ...


def layer_by_layer(patch: Patch) -> str | None:
    patch.setattr(NativeStack, "__call__", never)
    return None


def without_the_library(patch: Patch) -> str | None:
    patch.setattr(kernels._state, "library", None)  # pyright: ignore[reportPrivateUsage]
    return None


def by_transformers(_: Patch) -> str | None:
    return "transformers"


PATHS: list[Callable[[Patch], str | None]] = [as_it_is, layer_by_layer, without_the_library, by_transformers]
"""Each arranges its path and says which `--arch` it takes."""


def replies(source: ModelSource, arch: str | None, prompts: list[list[int]], tokens: int) -> list[list[int]]:
    """Greedy replies to all prompts at once, in small chunks."""
    config = EngineConfig(
        device=torch.device("cpu"),
        cache_dtype=torch.float32,
        context_tokens=64,
        block_size=8,
        num_blocks=40,
        max_seqs=4,
        max_batched_tokens=16,
        max_prompt_tokens=None,
        window=None,
        prefix_cache=True,
        recompute=False,
        max_waiting=16,
        seed=0,
    )
    decoder = load_model(source, tiny.build(arch, context_tokens=64))
    engine = Engine(decoder, toy_tokenizer(), config, eos_token_ids=())
    for index, prompt in enumerate(prompts):
        engine.add(ask(f"r{index}", prompt, tokens, ignore_eos=True))
    told = run(engine)
    return [ids(told[f"r{index}", 0]) for index in range(len(prompts))]


def replies_by_path(source: ModelSource, prompts: list[list[int]], tokens: int) -> list[list[list[int]]]:
    answers: list[list[list[int]]] = []
    for arrange in PATHS:
        with pytest.MonkeyPatch.context() as patch:
            answers.append(replies(source, arrange(patch), prompts, tokens))
    return answers


@pytest.mark.parametrize("name", tiny.NATIVE)
def test_every_family_replies_the_same_on_every_path(name: str, tmp_path: Path):
    tiny.make(name, tmp_path)
    prompts = [torch.randint(3, tiny.VOCAB, (n,), generator=torch.Generator().manual_seed(n)).tolist() for n in (7, 23)]
    first, *others = replies_by_path(tiny.source_of(tmp_path), prompts, 12)
    assert [len(reply) for reply in first] == [12, 12]
    assert all(other == first for other in others)


def test_smollm2_with_its_packed_weights_replies_the_same_on_every_path():
    source = resolve(ModelOptions(), lambda _: None)
    first, *others = replies_by_path(source, [[504, 3575, 282, 4649, 314], [2683, 253, 655, 28]], 16)
    assert [len(reply) for reply in first] == [16, 16]
    assert all(other == first for other in others)
