"""Adapters inside the native call of all layers: the numbers of calling layer by layer, in every kind of step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import Tensor

from engine import kernels
from engine.adapters.asked import AdapterLimits
from engine.adapters.files import AdapterFiles
from engine.adapters.layers import Adapter, AdapterRows, AdapterSites, Site
from engine.adapters.store import AdapterStore
from engine.layers.linear import Linear
from engine.loading.load import load_model
from engine.models.native_stack import NativeStack
from engine.quant.base import GGMLType
from engine.quant.quantize import quantize
from tests.engine.adapters import peft_adapters
from tests.engine.models import tiny
from tests.engine.steps import Driver

pytestmark = pytest.mark.skipif(kernels.native() is None, reason="the native library was not built")

TOKENS = torch.randint(3, tiny.VOCAB, (90,), generator=torch.Generator().manual_seed(1)).tolist()
NAMES = ("wide", "none", "narrow", "queries")
"""Whose adapter each of four sequences has."""
STEPS: list[dict[int, list[int]]] = [
    {0: TOKENS[:70], 1: TOKENS[:3], 2: TOKENS[:9], 3: TOKENS[:5]},
    {0: TOKENS[70:71], 1: TOKENS[3:4], 2: TOKENS[9:10], 3: TOKENS[5:6]},
    {0: TOKENS[71:72]},
    {2: TOKENS[10:30], 3: TOKENS[6:7]},
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    model = tiny.make("llama", folder, hidden_size=64, intermediate_size=96, head_dim=16)
    peft_adapters.save(model, folder / "wide", seed=1, r=20, dtype=torch.bfloat16)
    peft_adapters.save(model, folder / "narrow", seed=2, r=3, dtype=torch.float16)
    peft_adapters.save(model, folder / "queries", seed=3, r=8, target_modules=["q_proj", "up_proj"])
    return folder


@pytest.fixture(params=["avx512", "avxvnni", "avx2", "baseline"])
def _implementation(request: pytest.FixtureRequest) -> Iterator[None]:
    library = kernels.native()
    assert library is not None
    before = library.name().decode()
    if not kernels.select(request.param):
        pytest.skip(f"{request.param} is not available here")
    yield
    kernels.select(before)


@pytest.mark.usefixtures("_implementation")
@pytest.mark.parametrize(
    ("quantize_to", "matmul_dtype", "error"),
    [  # a last bit may decide how an activation is rounded for products with the model's weights
        (None, torch.float32, 1e-5),
        (None, torch.bfloat16, 1e-2),
        ("Q4_0", torch.int8, 1e-2),
        ("Q8_0", torch.float32, 1e-3),
    ],
)
def test_one_call_gives_what_its_layers_give(
    folder: Path, quantize_to: str | None, matmul_dtype: torch.dtype, error: float, monkeypatch: pytest.MonkeyPatch
):
    source = replace(tiny.source_of(folder), quantize_to=quantize_to)
    decoder = load_model(source, tiny.build(context_tokens=128, matmul_dtype=matmul_dtype))
    store = AdapterStore(decoder.sites, AdapterLimits())
    adapters: dict[str, Adapter | None] = {"none": None}
    for name in ("wide", "narrow", "queries"):
        store.load(name, folder / name)
        adapters[name] = store.lease(name)
    answered: list[bool] = []

    def hidden(*, in_one_call: bool) -> list[Tensor]:
        call = NativeStack.__call__

        def watched(self: NativeStack, *arguments: object) -> Tensor | None:
            out = call(self, *arguments) if in_one_call else None  # pyright: ignore[reportArgumentType]
            answered.append(out is not None)
            return out

        driver = Driver(decoder, num_sequences=4, blocks_each=32)
        found: list[Tensor] = []
        with monkeypatch.context() as patch, torch.inference_mode():
            patch.setattr(NativeStack, "__call__", watched)
            for step in STEPS:
                ends = [sum(len(tokens) for tokens in list(step.values())[:count]) for count in range(len(step) + 1)]
                owners = [adapters[NAMES[sequence]] for sequence in step]
                spans = zip(owners, pairwise(ends), strict=True)
                rows = [AdapterRows(adapter, *span) for adapter, span in spans if adapter is not None]
                with decoder.sites.serving(rows):
                    wanted = torch.tensor([end - 1 for end in ends[1:]]) if len(ends) < ends[-1] else None
                    found.append(driver.hidden(step, wanted))
        return found

    together, apart = hidden(in_one_call=True), hidden(in_one_call=False)
    assert answered == [True] * len(STEPS) + [False] * len(STEPS)
    for ours, theirs in zip(together, apart, strict=True):
        assert float((ours - theirs).norm() / theirs.norm()) < error


def test_a_product_that_one_thread_takes_alone_gets_all_of_its_adapter(tmp_path: Path):
    model = tiny.make("llama", tmp_path, hidden_size=16, intermediate_size=32, head_dim=16)
    peft_adapters.save(model, tmp_path / "only", seed=1, r=4)
    decoder = load_model(tiny.source_of(tmp_path), tiny.build(context_tokens=128))
    store = AdapterStore(decoder.sites, AdapterLimits())
    store.load("only", tmp_path / "only")
    adapter = store.lease("only")
    assert adapter is not None
    with decoder.sites.serving([AdapterRows(adapter, 0, 21)]), torch.inference_mode():
        ours = Driver(decoder, blocks_each=32).feed({0: TOKENS[:21]})[0]
    theirs = peft_adapters.logits(model, tmp_path / "only", TOKENS[:21])
    torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("quantize_to", [None, "Q4_0"])
def test_any_number_of_threads_adds_the_same_to_the_last_bit(tmp_path: Path, quantize_to: str | None):
    """More threads than cores: some come late for their rows of a product, or leave in the middle of A · x."""
    model = tiny.make("llama", tmp_path, hidden_size=256, intermediate_size=512, head_dim=32)
    peft_adapters.save(model, tmp_path / "only", seed=1, r=16)
    decoder = load_model(replace(tiny.source_of(tmp_path), quantize_to=quantize_to), tiny.build(context_tokens=128))
    store = AdapterStore(decoder.sites, AdapterLimits())
    store.load("only", tmp_path / "only")
    adapter = store.lease("only")
    assert adapter is not None
    library = kernels.native()
    assert library is not None

    def hidden(threads: int) -> Tensor:
        kernels.set_threads(threads)
        driver = Driver(decoder, blocks_each=32)
        found: list[Tensor] = []
        for step in [TOKENS[:30], TOKENS[30:50], *([token] for token in TOKENS[50:])]:
            with decoder.sites.serving([AdapterRows(adapter, 0, len(step))]), torch.inference_mode():
                found.append(driver.hidden({0: step}))
        return torch.cat(found)

    before = library.threads()
    try:
        expected, *others = [hidden(threads) for threads in (1, 2, 3, 9)]
    finally:
        kernels.set_threads(before)
    assert all(torch.equal(expected, ours) for ours in others)


@pytest.mark.parametrize(("device", "is_coded"), [("cpu", True), ("cuda", False)])
def test_only_the_native_kernels_get_an_adapter_in_codes(device: str, is_coded: bool):
    sites = AdapterSites(replace(tiny.build(), device=torch.device(device)))
    linear = Linear(quantize(torch.ones(32, 32), GGMLType.Q4_0), modules=(("q_proj", 32),))
    sites.watch([linear])
    assert isinstance(linear.site, Site)
    assert linear.site.is_coded == is_coded


@pytest.mark.parametrize(("quantize_to", "error"), [(None, 1e-5), ("Q4_0", 1e-2), ("FP8", 1e-5)])
@pytest.mark.parametrize("name", ["wide", "narrow", "queries"])
def test_beside_codes_of_few_bits_an_adapter_is_rounded_to_eight(
    folder: Path, name: str, quantize_to: str | None, error: float
):
    source = replace(tiny.source_of(folder), quantize_to=quantize_to)
    decoder = load_model(source, tiny.build(context_tokens=128))
    store = AdapterStore(decoder.sites, AdapterLimits())
    store.load(name, folder / name)
    adapter = store.lease(name)
    assert adapter is not None
    files = AdapterFiles.at(folder / name)
    weights = files.read(store.modules())
    generator = torch.Generator().manual_seed(4)
    for site, low_rank in adapter.layers.items():
        x = torch.randn(6, site.in_features, generator=generator)
        start = 0
        ours = torch.zeros(6, sum(out for _, out in site.modules))
        low_rank.add(x, ours)
        for module, out in site.modules:
            if module in weights:
                a, b = (weight.float() for weight in weights[module])
                update = x @ a.T @ b.T * files.config.scale_of(module)
                off = (ours[:, start : start + out] - update).norm() / update.norm()
                assert off < error, (module, off)
                assert quantize_to != "Q4_0" or off > 1e-4, "nothing was rounded"
            start += out
