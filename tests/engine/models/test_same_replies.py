"""The paths of a model are interchangeable, and so is the company a text keeps: in float32 the tokens are the same.

Paths, and products of few and of many rows, add in different orders: logits differ by some millionths. Equal texts are
what these models give because the best token leads by a thousand times more; arithmetic promises it to no model.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from engine import kernels
from engine.loading.load import load_model
from engine.loading.source import ModelSource, resolve
from engine.models.base import Decoder
from engine.models.native_stack import NativeStack
from engine.options import ModelOptions
from tests.engine.models import tiny
from tests.engine.toy import ask, ids, run, toy_engine

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
SETTINGS = {"context_tokens": 64, "block_size": 8, "num_blocks": 80, "max_batched_tokens": 16}


def replies(decoder: Decoder, prompts: list[list[int]], tokens: int, **settings: object) -> list[list[int]]:
    """Greedy replies to all prompts, of which the engine takes as many at once as its settings let it."""
    engine = toy_engine(decoder, **(SETTINGS | settings))
    for index, prompt in enumerate(prompts):
        engine.add(ask(f"r{index}", prompt, tokens, ignore_eos=True))
    told = run(engine)
    return [ids(told[f"r{index}", 0]) for index in range(len(prompts))]


def replies_by_path(source: ModelSource, prompts: list[list[int]], tokens: int) -> list[list[list[int]]]:
    answers: list[list[list[int]]] = []
    for arrange in PATHS:
        with pytest.MonkeyPatch.context() as patch:
            decoder = load_model(source, tiny.build(arrange(patch), context_tokens=64))
            answers.append(replies(decoder, prompts, tokens))
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


@pytest.mark.parametrize("name", tiny.NATIVE)
def test_company_chunks_and_cached_prefixes_change_no_reply(name: str, tmp_path: Path):
    tiny.make(name, tmp_path)
    decoder = load_model(tiny.source_of(tmp_path), tiny.build(context_tokens=64))
    generator = torch.Generator().manual_seed(3)
    text = torch.randint(3, tiny.VOCAB, (40,), generator=generator).tolist()
    prompts = [text[: 3 * n] + text[-n:] for n in range(1, 9)]
    alone = [replies(decoder, [prompt], 10, prefix_cache=False, max_batched_tokens=64)[0] for prompt in prompts]
    assert len({tuple(reply) for reply in alone}) > 1
    for together in range(1, 9):
        settings = {"max_seqs": together, "max_batched_tokens": 5 + 3 * together}
        assert replies(decoder, prompts, 10, **settings, prefix_cache=True) == alone
        assert replies(decoder, prompts, 10, **settings, prefix_cache=False) == alone
