"""A damaged model ends in one clear error that names what is wrong, never in a crash or a huge allocation."""

from __future__ import annotations

import struct
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from gguf import GGMLQuantizationType as Type
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from engine.errors import CorruptModel, ModelLoadError, ModelNotFound, UnsupportedModel
from engine.loading.gguf import read_gguf
from engine.loading.load import load_model
from engine.loading.source import resolve
from engine.options import ModelOptions
from tests.engine.loading.gguf_files import write_model
from tests.engine.models import tiny


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("healthy")
    write_model(tiny.make("llama", folder / "hf"), "llama", folder / "model.gguf", (Type.Q8_0,))
    return (folder / "model.gguf").read_bytes()


def load(path: Path) -> None:
    load_model(resolve(ModelOptions(model_id=str(path)), lambda _: None), tiny.build())


def test_the_healthy_file_loads(healthy: bytes, tmp_path: Path):
    path = tmp_path / "model.gguf"
    path.write_bytes(healthy)
    load(path)


@pytest.mark.parametrize("keep", [0, 3, 4, 8, 23, 200, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_gguf_file(keep: float, healthy: bytes, tmp_path: Path):
    path = tmp_path / "model.gguf"
    path.write_bytes(healthy[: int(keep * len(healthy)) if isinstance(keep, float) else keep])
    with pytest.raises(CorruptModel, match=str(path)):
        load(path)


def test_a_file_that_is_not_gguf(tmp_path: Path):
    path = tmp_path / "model.gguf"
    path.write_bytes(b"<html>Not found</html>" * 100)
    with pytest.raises(CorruptModel, match="is not a GGUF file: it starts with b'<htm'"):
        load(path)


def test_a_file_that_is_not_there(tmp_path: Path):
    with pytest.raises(ModelNotFound, match=r"nowhere\.gguf"):
        load(tmp_path / "nowhere.gguf")


@pytest.mark.parametrize("version", [1, 4, 0x03000000])
def test_a_version_we_do_not_read(version: int, healthy: bytes, tmp_path: Path):
    path = tmp_path / "model.gguf"
    path.write_bytes(healthy[:4] + struct.pack("<I", version) + healthy[8:])
    with pytest.raises(UnsupportedModel, match="versions 2 and 3 are supported"):
        read_gguf(path)


@pytest.mark.parametrize("offset", [8, 16, 24])
def test_a_huge_count_allocates_nothing(offset: int, healthy: bytes, tmp_path: Path):
    path = tmp_path / "model.gguf"
    path.write_bytes(healthy[:offset] + struct.pack("<Q", 2**62) + healthy[offset + 8 :])
    with pytest.raises(CorruptModel):
        read_gguf(path)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_flipped_bytes_in_the_header_are_survived(data: st.DataObject, healthy: bytes, tmp_path: Path):
    body = bytearray(healthy)
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, 3000))] = data.draw(st.integers(0, 255))
    path = tmp_path / "model.gguf"
    path.write_bytes(body)
    with suppress(ModelLoadError):
        load(path)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    tiny.make("qwen2", tmp_path)
    return tmp_path


def change(checkpoint: Path, name: str, value: torch.Tensor | None) -> None:
    tensors = load_file(checkpoint / "model.safetensors")
    tensors.pop(name, None)
    save_file(tensors if value is None else tensors | {name: value}, checkpoint / "model.safetensors", {"format": "pt"})


@pytest.mark.parametrize("arch", [None, "transformers"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("model.layers.1.mlp.up_proj.weight", None),
        ("model.norm.weight", torch.ones(31)),
        ("model.layers.7.mlp.up_proj.weight", torch.ones(48, 32)),
    ],
    ids=["missing", "mis-shaped", "left-over"],
)
def test_the_wrong_tensor_is_named(arch: str | None, name: str, value: torch.Tensor | None, checkpoint: Path):
    change(checkpoint, name, value)
    with pytest.raises(CorruptModel, match=name):
        load_model(tiny.source_of(checkpoint), tiny.build(arch))


@pytest.mark.parametrize("arch", [None, "transformers"])
@pytest.mark.parametrize("keep", [0, 5, 1000, -100])
def test_a_truncated_safetensors_file(arch: str | None, keep: int, checkpoint: Path):
    path = checkpoint / "model.safetensors"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(CorruptModel, match=r"valid safetensors|cannot be read"):
        load_model(tiny.source_of(checkpoint), tiny.build(arch))


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("hidden_size", None, "lacks 'hidden_size'"),
        ("hidden_size", "big", "'hidden_size' is 'big', should be a whole number"),
        ("num_attention_heads", 0, "'num_attention_heads' is 0, should be between 1"),
        ("num_hidden_layers", 2**32 - 1, "'num_hidden_layers' is 4294967295, should be between 1 and 4096"),
        ("hidden_act", "relu6", "Activation 'relu6' is not supported; supported: silu"),
        ("rope_parameters", {"rope_type": "spiral"}, "RoPE scaling 'spiral' is not supported; supported: default"),
        ("quantization_config", {"quant_method": "gptq"}, "quantised by 'gptq'"),
        ("layer_types", ["full_attention"] * 2, "layer_types"),
    ],
)
def test_a_wrong_config_entry_is_named(key: str, value: object, message: str, checkpoint: Path):
    source = tiny.source_of(checkpoint)
    source.config[key] = value
    with pytest.raises((CorruptModel, UnsupportedModel), match=message):
        load_model(source, tiny.build())


@pytest.mark.parametrize(
    ("model_type", "message"),
    [
        ("mamba", "keep other state than keys and values"),
        ("t5", "encoder-decoder"),
        ("bloom", "cannot run on a paged cache"),
        ("falcon", "cannot run on a paged cache"),
        ("stablelm", "cannot run on a paged cache"),
        ("clip_vision_model", "no causal language model"),
        ("lfm2", r"layers \(conv\) that keep other state"),
        ("made_up", "no model type 'made_up'"),
    ],
)
def test_architectures_that_cannot_run_say_why(model_type: str, message: str, checkpoint: Path):
    source = tiny.source_of(checkpoint)
    source.config.clear()
    source.config.update({"architectures": ["SomeModel"], "model_type": model_type, "num_hidden_layers": 2})
    if model_type == "lfm2":
        source.config["layer_types"] = ["conv", "full_attention"]
    with pytest.raises(UnsupportedModel, match=message):
        load_model(source, tiny.build())


def test_layers_that_do_not_pass_on_what_attention_needs_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(tiny.CONFIGS, "nemotron", ("NemotronConfig", {}))
    tiny.make("nemotron", tmp_path)
    with pytest.raises(UnsupportedModel, match="NemotronForCausalLM does not run on a paged cache: its layers keep"):
        load_model(tiny.source_of(tmp_path), tiny.build())


def test_an_architecture_that_does_not_exist_is_refused(checkpoint: Path):
    with pytest.raises(UnsupportedModel, match=r"--arch 'gwen' is not known; known: llama, .*transformers"):
        load_model(tiny.source_of(checkpoint), tiny.build("gwen"))


def test_weights_in_sixteen_bits_stay_so_under_float32_activations(checkpoint: Path):
    tensors = {name: value.to(torch.bfloat16) for name, value in load_file(checkpoint / "model.safetensors").items()}
    save_file(tensors, checkpoint / "model.safetensors", {"format": "pt"})
    decoder = load_model(tiny.source_of(checkpoint), tiny.build())
    matrices = sum(value.numel() for value in tensors.values() if value.dim() == 2)
    assert decoder.weight_bytes == 2 * matrices + 4 * (decoder.num_parameters - matrices)


def test_an_absurd_number_of_layers_allocates_nothing(healthy: bytes, tmp_path: Path):
    path = tmp_path / "model.gguf"
    key = b"llama.block_count" + struct.pack("<I", 4)
    start = healthy.index(key) + len(key)
    path.write_bytes(healthy[:start] + struct.pack("<I", 2**32 - 1) + healthy[start + 4 :])
    with pytest.raises(CorruptModel, match="a model with 4294967295 layers"):
        load(path)
