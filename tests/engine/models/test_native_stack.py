"""All layers in one native call: to the last bit what calling them one by one gives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.testing import assert_close

from engine import kernels
from engine.loading.load import load_model
from engine.loading.source import resolve
from engine.models.base import Decoder
from engine.models.native_stack import NativeStack
from engine.options import ModelOptions
from tests.engine.models import tiny
from tests.engine.steps import Driver

pytestmark = pytest.mark.skipif(kernels.native() is None, reason="the native library was not built")

TOKENS = torch.randint(3, tiny.VOCAB, (40,), generator=torch.Generator().manual_seed(1)).tolist()

OTHERWISE = {"ministral3": {True, False}, "qwen2-moe": {False}}
"""Queries that grow far into a text, and an expert that all tokens share, are not for the stack."""

Answers = Callable[[], set[bool]]


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch) -> Answers:
    """Whether the stack took the steps since the last question."""
    seen: set[bool] = set()
    call = NativeStack.__call__

    def watched(self: NativeStack, *arguments: Any) -> Tensor | None:
        out = call(self, *arguments)
        seen.add(out is not None)
        return out

    def take() -> set[bool]:
        taken = seen.copy()
        seen.clear()
        return taken

    monkeypatch.setattr(NativeStack, "__call__", watched)
    return take


def decoder_of(name: str, folder: Path, **build: Any) -> Decoder:
    tiny.make(name, folder)
    return load_model(tiny.source_of(folder), tiny.build(context_tokens=64, **build))


def steps_of(decoder: Decoder) -> list[Tensor]:
    """A prefill in chunks, a batch of a chunk and decodes, decodes alone."""
    driver = Driver(decoder, num_sequences=3)
    steps = [
        {0: TOKENS[:13]},
        {0: TOKENS[13:15], 1: TOKENS[:20]},
        {0: TOKENS[15:16], 1: TOKENS[20:21], 2: TOKENS[5:8]},
        {0: TOKENS[16:17], 1: TOKENS[21:22], 2: TOKENS[8:9]},
        {2: TOKENS[9:10]},
    ]
    return [logits for step in steps for logits in driver.feed(step).values()]


def layer_by_layer(monkeypatch: pytest.MonkeyPatch, run: Callable[[], list[Tensor]]) -> list[Tensor]:
    with monkeypatch.context() as patch:
        patch.setattr(NativeStack, "__call__", lambda *_: None)
        return run()


def assert_same(ours: list[Tensor], theirs: list[Tensor]) -> None:
    assert all(torch.equal(one, other) for one, other in zip(ours, theirs, strict=True))


@pytest.mark.parametrize("matmul_dtype", [torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])
@pytest.mark.parametrize("name", tiny.NATIVE)
def test_every_family_gives_the_same_bits(
    name: str, matmul_dtype: torch.dtype, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answered: Answers
):
    decoder = decoder_of(name, tmp_path, matmul_dtype=matmul_dtype)
    ours = steps_of(decoder)
    assert answered() == OTHERWISE.get(name, {True})
    assert_same(ours, layer_by_layer(monkeypatch, lambda: steps_of(decoder)))


@pytest.mark.parametrize("token_id", [-1, tiny.VOCAB])
def test_an_id_that_is_no_token_is_refused_before_anything_is_read(token_id: int, tmp_path: Path):
    decoder = decoder_of("gemma3", tmp_path)
    with pytest.raises(IndexError, match="vocabulary"):
        Driver(decoder).feed({0: [3, token_id]})


def test_smollm2_with_packed_weights(monkeypatch: pytest.MonkeyPatch, answered: Answers):
    decoder = load_model(resolve(ModelOptions(), lambda _: None), tiny.build(matmul_dtype=torch.bfloat16))
    ours = steps_of(decoder)
    assert answered() == {True}
    assert_same(ours, layer_by_layer(monkeypatch, lambda: steps_of(decoder)))


def test_projections_of_different_formats_stay_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answered: Answers
):
    tiny.make("llama-biased", tmp_path)
    [file] = tmp_path.glob("*.safetensors")
    mixed = {
        name: tensor.bfloat16() if name.endswith(("v_proj.weight", "up_proj.weight")) else tensor
        for name, tensor in load_file(file).items()
    }
    save_file(mixed, file)
    decoder = load_model(tiny.source_of(tmp_path), tiny.build(context_tokens=64))
    ours = steps_of(decoder)
    assert answered() == {True}
    assert_same(ours, layer_by_layer(monkeypatch, lambda: steps_of(decoder)))


def test_positions_beyond_the_first_rotary_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answered: Answers):
    tokens = TOKENS * 103  # a table has 4,096 positions

    def run() -> list[Tensor]:
        driver = Driver(decoder, blocks_each=1040)
        return [driver.feed({0: part})[0] for part in (tokens[:10], tokens[10:4100], tokens[4100:4101])]

    decoder = decoder_of("gemma3", tmp_path)
    ours = run()
    assert answered() == {True}
    assert_same(ours, layer_by_layer(monkeypatch, run))


def test_a_weight_of_odd_width_sends_the_model_layer_by_layer(tmp_path: Path, answered: Answers):
    tiny.make("llama", tmp_path, intermediate_size=40)
    steps_of(load_model(tiny.source_of(tmp_path), tiny.build(context_tokens=64)))
    assert answered() == {False}


def test_other_activations_than_float32_go_layer_by_layer(tmp_path: Path, answered: Answers):
    steps_of(decoder_of("llama", tmp_path, dtype=torch.bfloat16))
    assert answered() == {False}


def test_without_the_library_the_layers_are_called_by_torch(tmp_path: Path, answered: Answers):
    name = kernels.native().name()
    kernels.select("torch")
    try:
        steps_of(decoder_of("llama", tmp_path))
    finally:
        kernels.select(name.decode())
    assert answered() == {False}


@pytest.mark.parametrize("wanted", [[], [6], [0, 3, 12], [12, 13, 16]])
@pytest.mark.parametrize("name", ["llama", "gemma3"])
def test_only_the_wanted_tokens_leave_the_last_layer(name: str, wanted: list[int], tmp_path: Path) -> None:
    decoder = decoder_of(name, tmp_path, matmul_dtype=torch.float32)
    some, everyone = Driver(decoder, num_sequences=2), Driver(decoder, num_sequences=2)
    chunks = {0: TOKENS[:13], 1: TOKENS[5:9]}
    hidden = some.hidden(chunks, torch.tensor(wanted, dtype=torch.int64))
    assert_close(hidden, everyone.hidden(chunks)[wanted])  # few rows are summed in another order than many
    following = {0: TOKENS[13:14], 1: TOKENS[9:10]}
    assert torch.equal(some.hidden(following), everyone.hidden(following))
