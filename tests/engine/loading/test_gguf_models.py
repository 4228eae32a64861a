"""A GGUF file gives the logits of `transformers` with the same, rounded weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import torch
from gguf import GGMLQuantizationType as Type

from engine.errors import CorruptModel, UnsupportedModel
from engine.loading.gguf import read_gguf
from engine.loading.gguf_weights import GGUFWeights
from engine.loading.load import load_model
from engine.loading.source import ModelSource, resolve
from engine.options import ModelOptions
from engine.quant.base import GGMLType, PackedTensor
from tests.engine.loading.gguf_files import ARCHITECTURES, add_vocabulary, write_model
from tests.engine.models import tiny
from tests.engine.packing import random_packed
from tests.engine.steps import Driver

TOKENS = torch.randint(3, tiny.VOCAB, (17,), generator=torch.Generator().manual_seed(5)).tolist()
TYPES = (Type.Q8_0, Type.Q4_0, Type.F16, Type.Q4_1, Type.Q5_0, Type.BF16, Type.Q5_1)
AS_THE_FORMAT_HAS_IT: dict[str, dict[str, Any]] = {
    "qwen2": {"use_sliding_window": False},
    "qwen2-moe": {"mlp_only_layers": []},
    "gemma2": {"query_pre_attn_scalar": 16},
    "gemma3": {
        "layer_types": ["sliding_attention"] * 5 + ["full_attention"],
        "num_hidden_layers": 6,
        "query_pre_attn_scalar": 16,
    },
    "smollm3": {"no_rope_layers": [1, 1, 1]},
}
"""Where a file says nothing about a choice that a config has."""


def source_of(path: Path) -> ModelSource:
    return resolve(ModelOptions(model_id=str(path)), lambda _: None)


def write(name: str, folder: Path, types: tuple[Type, ...] = TYPES) -> tuple[Path, torch.Tensor]:
    """A tiny model as GGUF, and the logits it should give."""
    changes = AS_THE_FORMAT_HAS_IT.get(name, {})
    model = tiny.make(name, folder / "hf", **changes)
    path = folder / f"{name}.gguf"
    write_model(model, ARCHITECTURES[name], path, types)
    with torch.inference_mode():
        return path, model(torch.tensor([TOKENS])).logits[0]


CLOSE = {"rtol": 1e-3, "atol": 5e-3}
"""Logits, about 1 in size: activations beside quantised weights have sixteen bits, which random layers amplify."""


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_native_path_equals_transformers(name: str, tmp_path: Path):
    path, expected = write(name, tmp_path)
    decoder = load_model(source_of(path), tiny.build(context_tokens=64))
    assert decoder.path == "native"
    assert "Q4_0" in decoder.quantization
    torch.testing.assert_close(Driver(decoder).feed({0: TOKENS})[0], expected, **CLOSE)
    driver = Driver(decoder)
    parts = [driver.feed({0: part})[0] for part in (TOKENS[:9], TOKENS[9:15], TOKENS[15:16], TOKENS[16:])]
    torch.testing.assert_close(torch.cat(parts), expected, **CLOSE)


@pytest.mark.parametrize(
    "type", [type for type in Type if type.name.endswith("_K") and type.name in GGMLType.__members__]
)
def test_a_model_of_super_blocks_equals_transformers(type: Type, tmp_path: Path):
    model = tiny.make("qwen3", tmp_path / "hf", hidden_size=256, intermediate_size=512, head_dim=64)
    write_model(model, "qwen3", tmp_path / "model.gguf", (type,))
    decoder = load_model(source_of(tmp_path / "model.gguf"), tiny.build())
    assert (decoder.path, decoder.quantization) == ("native", type.name)
    with torch.inference_mode():
        expected = model(torch.tensor([TOKENS])).logits[0]
    torch.testing.assert_close(Driver(decoder).feed({0: TOKENS})[0], expected, rtol=1e-3, atol=2e-2)


@pytest.mark.parametrize("name", [name for name in ARCHITECTURES if name not in ("mixtral", "qwen2-moe", "qwen3-moe")])
def test_the_transformers_path_equals_transformers(name: str, tmp_path: Path):
    path, expected = write(name, tmp_path)
    decoder = load_model(source_of(path), tiny.build("transformers", context_tokens=64))
    assert decoder.path == "transformers"
    torch.testing.assert_close(Driver(decoder).feed({0: TOKENS})[0], expected, **CLOSE)


def test_weights_stay_packed_in_memory(tmp_path: Path):
    path, _ = write("llama", tmp_path, (Type.Q4_0,))
    for arch in (None, "transformers"):
        decoder = load_model(source_of(path), tiny.build(arch))
        assert decoder.weight_bytes < 1.5 * decoder.num_parameters  # 18 bytes for 32, and a few small plain tensors


def test_experts_on_the_transformers_path_are_refused_by_name(tmp_path: Path):
    path, _ = write("mixtral", tmp_path)
    with pytest.raises(UnsupportedModel, match="not possible on the transformers path"):
        load_model(source_of(path), tiny.build("transformers"))


@pytest.mark.parametrize("type", [type for type in GGMLType if type is not GGMLType.FP8], ids=lambda type: type.name)
def test_every_block_format_is_read_as_it_is(type: GGMLType, tmp_path: Path):
    packed = random_packed(type, 6, 256, seed=3)
    path = tmp_path / "model.gguf"
    writer = gguf.GGUFWriter(path, "qwen2")
    raw = packed.data.numpy()
    writer.add_tensor("blk.0.ffn_up.weight", raw, raw_dtype=Type(type.file_id), raw_shape=raw.shape)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    weights = GGUFWeights([read_gguf(path)], {"model_type": "qwen2"})
    found = weights.read("model.layers.0.mlp.up_proj.weight")
    values = found.dequantize() if isinstance(found, PackedTensor) else found.float()
    np.testing.assert_array_equal(values.numpy(), gguf.dequantize(raw, Type(type.file_id)))


def test_a_type_we_do_not_have_is_named(tmp_path: Path):
    path = tmp_path / "model.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    raw = np.zeros((4, 66), np.uint8)
    writer.add_tensor("token_embd.weight", raw, raw_dtype=Type.IQ2_XXS, raw_shape=raw.shape)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with pytest.raises(UnsupportedModel, match=r"token_embd.weight' has type IQ2_XXS; supported: .*Q4_K"):
        GGUFWeights([read_gguf(path)], {"model_type": "llama"})


def test_an_unknown_architecture_is_named(tmp_path: Path):
    path = tmp_path / "model.gguf"
    writer = gguf.GGUFWriter(path, "rwkv7")
    add_vocabulary(writer, 20)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with pytest.raises(UnsupportedModel, match="'rwkv7'; supported as GGUF: llama"):
        source_of(path)


def test_split_files_are_found_from_the_first(tmp_path: Path):
    path, expected = write("qwen3", tmp_path)
    parts = _split(path)
    source = source_of(parts[0])
    assert source.weight_files == parts
    decoder = load_model(source, tiny.build())
    torch.testing.assert_close(Driver(decoder).feed({0: TOKENS})[0], expected, **CLOSE)
    parts[1].unlink()
    with pytest.raises(CorruptModel, match="00002-of-00002"):
        source_of(parts[0])


def _split(path: Path) -> tuple[Path, Path]:
    """The same model in two files, as `llama-gguf-split` writes them."""
    reader = gguf.GGUFReader(path)
    parts = tuple(path.with_name(f"model-0000{i + 1}-of-00002.gguf") for i in range(2))
    for number, part in enumerate(parts):
        writer = gguf.GGUFWriter(part, "qwen3")
        if number == 0:
            for name, field in reader.fields.items():
                if not name.startswith("GGUF.") and name != "general.architecture":
                    sub_type = field.types[1] if len(field.types) > 1 else None
                    writer.add_key_value(name, field.contents(), field.types[0], sub_type)
        writer.add_uint16("split.count", 2)
        for index, tensor in enumerate(reader.tensors):
            if index % 2 == number:
                writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
    return parts


def test_a_model_keeps_its_files_when_the_source_is_pickled(tmp_path: Path):
    import pickle

    path, _ = write("llama", tmp_path)
    source = source_of(path)
    assert pickle.loads(pickle.dumps(source)) == source
    assert replace(source, name="other").weight_files == (path,)
