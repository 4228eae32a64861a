"""Every family gives the logits `transformers` gives, however a text is cut into steps."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
import torch
from torch import Tensor

from engine.loading.load import load_model
from engine.models.base import Decoder
from tests.engine.models import tiny
from tests.engine.steps import Driver

FIRST = torch.randint(3, tiny.VOCAB, (21,), generator=torch.Generator().manual_seed(1)).tolist()
SECOND = torch.randint(3, tiny.VOCAB, (13,), generator=torch.Generator().manual_seed(2)).tolist()
PATHS = [(name, "native") for name in tiny.NATIVE] + [(name, "transformers") for name in tiny.CONFIGS]


class Pair:
    """A decoder of ours and what `transformers` computes for the two texts."""

    def __init__(self, decoder: Decoder, first: Tensor, second: Tensor) -> None:
        self.decoder = decoder
        self.first = first
        self.second = second


@pytest.fixture(scope="module", params=PATHS, ids="-".join)
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    name, path = request.param
    folder, first, second = _reference(name, tmp_path_factory.getbasetemp() / f"model-{name}")
    decoder = load_model(
        tiny.source_of(folder), tiny.build("transformers" if path == "transformers" else None, context_tokens=64)
    )
    assert decoder.path == path
    return Pair(decoder, first, second)


@cache
def _reference(name: str, folder: Path) -> tuple[Path, Tensor, Tensor]:
    model = tiny.make(name, folder)
    with torch.inference_mode():
        return folder, model(torch.tensor([FIRST])).logits[0], model(torch.tensor([SECOND])).logits[0]


def assert_close(ours: Tensor, theirs: Tensor) -> None:
    assert ours.dtype is torch.float32
    torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)


def test_a_whole_prompt(pair: Pair):
    assert_close(Driver(pair.decoder).feed({0: FIRST})[0], pair.first)


def test_a_prompt_in_chunks(pair: Pair):
    driver = Driver(pair.decoder)
    chunks = [driver.feed({0: FIRST[start : start + 5]})[0] for start in range(0, len(FIRST), 5)]
    assert_close(torch.cat(chunks), pair.first)


def test_token_by_token(pair: Pair):
    driver = Driver(pair.decoder)
    assert_close(torch.cat([driver.feed({0: [token]})[0] for token in FIRST]), pair.first)


def test_a_decode_and_a_prefill_chunk_in_one_step(pair: Pair):
    driver = Driver(pair.decoder, num_sequences=2)
    driver.feed({0: FIRST[:9]})
    both = driver.feed({1: SECOND[:7], 0: FIRST[9:10]})
    assert_close(both[0], pair.first[9:10])
    assert_close(both[1], pair.second[:7])
    rest = driver.feed({0: FIRST[10:], 1: SECOND[7:]})
    assert_close(rest[0], pair.first[10:])
    assert_close(rest[1], pair.second[7:])


def test_weights_are_counted(pair: Pair):
    assert pair.decoder.num_parameters > 1000
    assert pair.decoder.weight_bytes == 4 * pair.decoder.num_parameters
    assert pair.decoder.quantization == "none"
    assert pair.decoder.vocab_size == tiny.VOCAB


def test_a_context_longer_than_the_first_one_takes_the_long_factors(tmp_path: Path):
    short = {"original_max_position_embeddings": 8}
    model = tiny.make("phi3", tmp_path, **short, rope_parameters=tiny.LONGROPE | short)
    with torch.inference_mode():
        expected = model(torch.tensor([FIRST])).logits[0]
    driver = Driver(load_model(tiny.source_of(tmp_path), tiny.build(context_tokens=64)))
    assert_close(torch.cat([driver.feed({0: part})[0] for part in (FIRST[:7], FIRST[7:20], FIRST[20:])]), expected)


@pytest.mark.parametrize("activations", [torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])
@pytest.mark.parametrize("name", tiny.NATIVE)
def test_bfloat16_weights(name: str, activations: torch.dtype, tmp_path: Path):
    """Against float32 arithmetic on the same weights. Eight bits of every number are kept, and random layers amplify
    what is lost; a mixture that is almost undecided may then choose another expert, hence the median over tokens.
    """
    model = tiny.make(name, tmp_path)
    model.bfloat16().save_pretrained(tmp_path)
    with torch.inference_mode():
        expected = model.float()(torch.tensor([FIRST])).logits[0]
    build = tiny.build(dtype=activations, matmul_dtype=torch.bfloat16, context_tokens=64)
    driver = Driver(load_model(tiny.source_of(tmp_path), build))
    ours = torch.cat([driver.feed({0: part})[0] for part in (FIRST[:9], FIRST[9:20], FIRST[20:])])
    error = (ours - expected).norm(dim=-1) / expected.norm(dim=-1)
    assert error.median() < 0.05
