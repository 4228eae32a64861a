"""Quantising while loading gives the model that the packed weights stand for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from gguf import GGMLQuantizationType as Type
from torch import Tensor
from transformers import AutoModelForCausalLM, PreTrainedModel

from engine.errors import CorruptModel, UnsupportedModel
from engine.loading import weights
from engine.loading.load import load_model
from engine.loading.source import ModelSource, resolve
from engine.models.base import Decoder
from engine.options import ModelOptions
from engine.quant.base import GGMLType
from engine.quant.levels import LEVELS, format_for
from engine.quant.quantize import quantize
from tests.engine.loading.gguf_files import write_model
from tests.engine.models import tiny
from tests.engine.steps import Driver

TOKENS = torch.randint(3, tiny.VOCAB, (17,), generator=torch.Generator().manual_seed(5)).tolist()
WIDE = {"hidden_size": 256, "intermediate_size": 512, "num_hidden_layers": 1, "head_dim": 64}
CLOSE = {"rtol": 1e-3, "atol": 2e-2}
"""Logits, about 10 in size: activations beside quantised weights have sixteen bits."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("wide")
    tiny.make("qwen3", path, **WIDE)
    return path


def quantised(folder: Path, format: str) -> ModelSource:
    return replace(tiny.source_of(folder), quantize_to=format)


def model_of(folder: Path) -> PreTrainedModel:
    return AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager").float().eval()


def logits_of_rounded(model: PreTrainedModel, format: str) -> Tensor:
    """What `transformers` says when every matrix is replaced by what its packed form stands for."""
    with torch.inference_mode():
        for name, parameter in model.named_parameters():
            if parameter.dim() > 1 and (chosen := format_for(name, parameter.shape[-1], format)):
                rows = parameter.flatten(0, -2)  # of all experts
                parameter.copy_(quantize(rows, GGMLType[chosen]).dequantize().view(parameter.shape))
        return model(torch.tensor([TOKENS])).logits[0]


def logits(decoder: Decoder) -> Tensor:
    return Driver(decoder).feed({0: TOKENS})[0]


@pytest.mark.parametrize("format", sorted(set(LEVELS.values())))
def test_every_level_gives_the_logits_of_its_packed_weights(format: str, folder: Path):
    decoder = load_model(quantised(folder, format), tiny.build())
    assert decoder.quantization.split(" + ")[0] == format
    torch.testing.assert_close(logits(decoder), logits_of_rounded(model_of(folder), format), **CLOSE)


def test_a_bar_tells_how_much_is_quantised(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(weights, "_REPORT_SECONDS", 0.0)
    told: list[str] = []
    load_model(quantised(folder, "Q4_0"), tiny.build(), told.append)
    bars = [line for line in told if line.startswith("Quantising to Q4_0 ")]
    full = [bar.count("█") for bar in bars]
    assert full == sorted(full) and full[0] < full[-1] == 30
    assert "100 %" in bars[-1] and "░" not in bars[-1]


def test_the_transformers_path_quantises_too(folder: Path):
    decoder = load_model(quantised(folder, "Q4_K"), tiny.build("transformers"))
    assert (decoder.path, decoder.quantization) == ("transformers", "Q4_K + Q6_K")
    torch.testing.assert_close(logits(decoder), logits_of_rounded(model_of(folder), "Q4_K"), **CLOSE)


def test_a_tied_head_shares_the_promoted_embedding(tmp_path: Path):
    tiny.make("llama", tmp_path, **WIDE)
    decoder = load_model(quantised(tmp_path, "Q4_0"), tiny.build())
    assert decoder.quantization == "Q4_0 + Q6_K"
    torch.testing.assert_close(logits(decoder), logits_of_rounded(model_of(tmp_path), "Q4_0"), **CLOSE)


def test_experts_are_quantised_and_their_router_is_not(tmp_path: Path):
    tiny.make("qwen3-moe", tmp_path, **WIDE | {"moe_intermediate_size": 256})
    decoder = load_model(quantised(tmp_path, "Q4_0"), tiny.build())
    assert decoder.weight_bytes < 0.7 * decoder.num_parameters
    torch.testing.assert_close(logits(decoder), logits_of_rounded(model_of(tmp_path), "Q4_0"), **CLOSE)


@pytest.mark.parametrize("type", [Type.BF16, Type.F16, Type.F32], ids=lambda type: type.name)
def test_a_plain_gguf_file_is_quantised(type: Type, folder: Path, tmp_path: Path):
    model = model_of(folder)
    write_model(model, "qwen3", tmp_path / "model.gguf", (type,))
    source = resolve(ModelOptions(model_id=str(tmp_path / "model.gguf"), isq="5"), lambda _: None)
    decoder = load_model(source, tiny.build())
    assert decoder.quantization == "Q5_K + Q8_0"
    torch.testing.assert_close(logits(decoder), logits_of_rounded(model, "Q5_K"), **CLOSE)


def test_packed_weights_are_not_packed_again(folder: Path, tmp_path: Path):
    model = model_of(folder)
    write_model(model, "qwen3", tmp_path / "model.gguf", (Type.Q8_0,))
    source = resolve(ModelOptions(model_id=str(tmp_path / "model.gguf"), isq="4"), lambda _: None)
    with pytest.raises(UnsupportedModel, match=r"quantised already .* is Q8_0"):
        load_model(source, tiny.build())


def test_quant_takes_the_ready_made_file_of_the_level_and_quantises_where_there_is_none(folder: Path, tmp_path: Path):
    model = model_of(folder)
    write_model(model, "qwen3", tmp_path / "tiny-BF16.gguf", (Type.BF16,))
    write_model(model, "qwen3", tmp_path / "tiny-Q8_0.gguf", (Type.Q8_0,))
    ready = resolve(ModelOptions(model_id=str(tmp_path), quant="8"), lambda _: None)
    assert (ready.weight_files, ready.quantize_to) == ((tmp_path / "tiny-Q8_0.gguf",), None)
    (tmp_path / "tiny-Q8_0.gguf").unlink()
    other = resolve(ModelOptions(model_id=str(tmp_path), quant="8"), lambda _: None)
    assert (other.weight_files, other.quantize_to) == ((tmp_path / "tiny-BF16.gguf",), "Q8_0")


def test_a_weight_that_is_no_number_is_named(tmp_path: Path):
    model = tiny.make("qwen3", tmp_path, **WIDE)
    with torch.no_grad():
        model.get_parameter("model.layers.0.mlp.up_proj.weight")[3, 7] = torch.inf
    model.save_pretrained(tmp_path)
    with pytest.raises(CorruptModel, match=r"'model.layers.0.mlp.up_proj.weight' cannot be quantised: .*infinite"):
        load_model(quantised(tmp_path, "Q4_K"), tiny.build())
