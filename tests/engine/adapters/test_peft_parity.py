"""Models with adapters give the logits that `peft` gives, alone and beside others, on every path."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from engine import kernels
from engine.adapters.asked import AdapterLimits
from engine.adapters.layers import Adapter, AdapterRows
from engine.adapters.store import AdapterStore
from engine.loading.load import load_model
from engine.models.base import Decoder
from tests.engine.adapters import peft_adapters
from tests.engine.models import tiny
from tests.engine.steps import Driver

TOKENS = torch.randint(3, tiny.VOCAB, (19,), generator=torch.Generator().manual_seed(1)).tolist()
BROAD = ("llama", "gpt2", "opt", "cohere")
PATHS = [(name, "native") for name in tiny.NATIVE] + [(name, "transformers") for name in BROAD]
ATTENTION = ["q_proj", "k_proj", "v_proj", "o_proj"]
TARGETS = {
    "mixtral": ATTENTION,
    "qwen3-moe": ATTENTION,
    "gpt2": ["c_attn", "c_proj", "c_fc"],
    "opt": ["q_proj", "v_proj", "out_proj", "fc1", "fc2"],
}


class Case:
    """A decoder, two adapters, and the logits `peft` computes with each of them and without."""

    def __init__(self, decoder: Decoder, adapters: dict[str, Adapter | None], expected: dict[str, Tensor]) -> None:
        self.decoder = decoder
        self.adapters = adapters
        self.expected = expected

    def feed(self, driver: Driver, chunks: dict[int, list[int]], names: list[str]) -> dict[int, Tensor]:
        """As `Driver.feed`, the sequences with the adapters of these names."""
        rows: list[AdapterRows] = []
        end = 0
        for tokens, name in zip(chunks.values(), names, strict=True):
            start, end = end, end + len(tokens)
            if (adapter := self.adapters[name]) is not None:
                rows.append(AdapterRows(adapter, start, end))
        with self.decoder.sites.serving(rows):
            return driver.feed(chunks)


@pytest.fixture(scope="module", params=["with the library", "without"])
def library(request: pytest.FixtureRequest) -> Iterator[None]:
    before = kernels.native()
    if request.param == "without":
        kernels.select("torch")
    yield
    if before is not None:
        kernels.select(before.name().decode())


@pytest.fixture(scope="module", params=PATHS, ids="-".join)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, library: None) -> Case:
    name, path = request.param
    folder = tmp_path_factory.mktemp(name)
    model = tiny.make(name, folder)
    changes = {"target_modules": TARGETS.get(name, peft_adapters.ALL), "fan_in_fan_out": name == "gpt2"}
    peft_adapters.save(model, folder / "first", seed=1, **changes)
    peft_adapters.save(model, folder / "second", seed=2, r=7, use_rslora=True, **changes)
    arch = "transformers" if path == "transformers" else None
    decoder = load_model(tiny.source_of(folder), tiny.build(arch, context_tokens=64))
    store = AdapterStore(decoder.sites, AdapterLimits())
    adapters: dict[str, Adapter | None] = {"none": None}
    with torch.inference_mode():
        expected = {"none": model(torch.tensor([TOKENS])).logits[0]}
    for which in ("first", "second"):
        store.load(which, folder / which)
        adapters[which] = store.lease(which)
        expected[which] = peft_adapters.logits(model, folder / which, TOKENS)
    return Case(decoder, adapters, expected)


def assert_close(ours: Tensor, theirs: Tensor) -> None:
    torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", ["first", "second"])
def test_a_prompt(case: Case, name: str):
    assert not torch.allclose(case.expected[name], case.expected["none"], atol=0.1)
    assert_close(case.feed(Driver(case.decoder), {0: TOKENS}, [name])[0], case.expected[name])


def test_a_prompt_in_chunks_and_token_by_token(case: Case):
    driver = Driver(case.decoder)
    pieces = [TOKENS[:7], TOKENS[7:9], *([token] for token in TOKENS[9:])]
    assert_close(torch.cat([case.feed(driver, {0: piece}, ["first"])[0] for piece in pieces]), case.expected["first"])


def test_two_adapters_and_none_in_one_step(case: Case):
    driver = Driver(case.decoder, num_sequences=4)
    names = ["none", "first", "first", "second"]
    first = case.feed(driver, {0: TOKENS[:5], 1: TOKENS[:9], 2: TOKENS[:1], 3: TOKENS[:8]}, names)
    then = case.feed(driver, {0: TOKENS[5:6], 1: TOKENS[9:10], 2: TOKENS[1:7], 3: TOKENS[8:9]}, names)
    for index, name in enumerate(names):
        ours = torch.cat([first[index], then[index]])
        assert_close(ours, case.expected[name][: len(ours)])
