"""The tensors of GGUF files under their Hugging Face names, packed as they are.

Two conventions differ and are undone here. Llama-like files store the rows of the query and key projections in the
order interleaved RoPE wants; whole rows are moved back to the half-split order. Gemma files store 1 + w for norms.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import prod

import torch
from torch import Tensor

from engine.errors import CorruptModel, UnsupportedModel
from engine.loading.gguf import GGUFFile, TensorInfo
from engine.loading.gguf_config import Config, architecture_of
from engine.quant.base import GGMLType, PackedTensor

_TYPES = {type.file_id: type for type in GGMLType if type is not GGMLType.FP8}
_PLAIN = {GGMLType.F32: torch.float32, GGMLType.F16: torch.float16, GGMLType.BF16: torch.bfloat16}
_OTHER_TYPES = {
    9: "Q8_1", 15: "Q8_K", 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S", 20: "IQ4_NL", 21: "IQ3_S",
    22: "IQ2_S", 23: "IQ4_XS", 24: "I8", 25: "I16", 26: "I32", 27: "I64", 28: "F64", 29: "IQ1_M", 34: "TQ1_0",
    35: "TQ2_0", 39: "MXFP4",
}  # fmt: skip
"""Types we cannot compute with, for the error that names them."""

_TOP = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}
_LAYER = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_qkv": "self_attn.qkv_proj",
    "attn_output": "self_attn.o_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
    "ffn_gate_inp": "mlp.gate",
    "ffn_gate_inp_shexp": "mlp.shared_expert_gate",
    "ffn_gate_shexp": "mlp.shared_expert.gate_proj",
    "ffn_up_shexp": "mlp.shared_expert.up_proj",
    "ffn_down_shexp": "mlp.shared_expert.down_proj",
    "ffn_gate_exps": "mlp.experts.{expert}.gate_proj",
    "ffn_up_exps": "mlp.experts.{expert}.up_proj",
    "ffn_down_exps": "mlp.experts.{expert}.down_proj",
}
_GEMMA_LAYER = {
    "post_attention_norm": "post_attention_layernorm",
    "ffn_norm": "pre_feedforward_layernorm",
    "post_ffw_norm": "post_feedforward_layernorm",
}
_RENAMED = {
    "gemma2": _GEMMA_LAYER,
    "gemma3": _GEMMA_LAYER,
    "phi3": {"ffn_up": "mlp.gate_up_proj"},
}
_MIXTRAL = {
    "ffn_gate_inp": "block_sparse_moe.gate",
    "ffn_gate_exps": "block_sparse_moe.experts.{expert}.w1",
    "ffn_up_exps": "block_sparse_moe.experts.{expert}.w3",
    "ffn_down_exps": "block_sparse_moe.experts.{expert}.w2",
}
_INTERLEAVED_ROPE = {"llama", "mistral3", "smollm3", "granite"}
_PERMUTED = {"attn_q": "num_attention_heads", "attn_k": "num_key_value_heads"}
_NOT_WEIGHTS = ("rope_freqs.weight", "rope_factors_long.weight", "rope_factors_short.weight")
"""Part of the config, see `gguf_config`."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where one tensor of the model lies."""

    file: GGUFFile
    tensor: TensorInfo
    expert: int | None = None
    """Which slice of a tensor that stacks the experts."""
    permuted_heads: int | None = None
    """Rows lie in interleaved order, in this many heads."""
    norm_plus_one: bool = False


class GGUFWeights:
    """All tensors of the (one or more) files of a model."""

    def __init__(self, files: Sequence[GGUFFile], config: Config) -> None:
        """`config` as `hf_config` gives it.

        Raises: UnsupportedModel for a tensor of a type we do not have, CorruptModel for one of unknown name.
        """
        self.origin = files[0].path.name
        self._places: dict[str, _Place] = {}
        architecture = architecture_of(files[0])
        for file in files:
            for tensor in file.tensors.values():
                if tensor.name not in _NOT_WEIGHTS:
                    _check_type(file, tensor)
                    self._places |= _place(file, tensor, architecture, config)

    def names(self) -> Iterable[str]:
        return self._places.keys()

    def shape(self, name: str) -> tuple[int, ...]:
        place = self._places[name]
        return place.tensor.shape if place.expert is None else place.tensor.shape[1:]

    def release(self, name: str) -> None:
        place = self._places[name]
        place.file.release(place.tensor, _nbytes(place.tensor))

    def read(self, name: str) -> Tensor | PackedTensor:
        place = self._places[name]
        type, shape = _TYPES[place.tensor.type_id], place.tensor.shape
        row_bytes = shape[-1] // type.block_elements * type.block_bytes
        rows = prod(shape[:-1])
        view = place.file.bytes_of(place.tensor, rows * row_bytes)
        data = torch.frombuffer(view, dtype=torch.uint8).view(rows, row_bytes)
        if place.expert is not None:
            shape = shape[1:]
            data = data[place.expert * shape[0] : (place.expert + 1) * shape[0]]
        if type in _PLAIN:
            plain = _half_split(data.view(_PLAIN[type]).view(shape), place.permuted_heads)
            return plain.float() - 1 if place.norm_plus_one else plain
        return PackedTensor(type, _half_split(data, place.permuted_heads), shape)


def _nbytes(tensor: TensorInfo) -> int:
    type = _TYPES[tensor.type_id]
    return prod(tensor.shape) // type.block_elements * type.block_bytes


def _check_type(file: GGUFFile, tensor: TensorInfo) -> None:
    type = _TYPES.get(tensor.type_id)
    if type is None:
        name = _OTHER_TYPES.get(tensor.type_id, f"number {tensor.type_id}")
        supported = ", ".join(type.name for type in _TYPES.values())
        raise UnsupportedModel(f"{file.path}: tensor {tensor.name!r} has type {name}; supported: {supported}.")
    if not tensor.shape or tensor.shape[-1] % type.block_elements:
        raise CorruptModel(
            f"{file.path}: tensor {tensor.name!r} of shape {tensor.shape} is no whole number of {type.name} blocks."
        )


def _place(file: GGUFFile, tensor: TensorInfo, architecture: str, config: Config) -> dict[str, _Place]:
    """Hugging Face name → place, one entry, or one an expert."""
    if name := _TOP.get(tensor.name):
        return {name: _Place(file, tensor, norm_plus_one=_is_gemma_norm(architecture, tensor))}
    prefix, _, rest = tensor.name.partition(".")
    layer, _, rest = rest.partition(".")
    part, _, kind = rest.rpartition(".")
    names = _LAYER | _RENAMED.get(architecture, {})
    if config["model_type"] == "mixtral":
        names |= _MIXTRAL
    if prefix != "blk" or part not in names:
        raise CorruptModel(f"{file.path}: tensor {tensor.name!r} does not belong to a {architecture} model.")
    name = f"model.layers.{layer}.{names[part]}.{kind}"
    if "{expert}" in name:
        return {name.format(expert=i): _Place(file, tensor, expert=i) for i in range(tensor.shape[0])}
    if part == "ffn_gate_inp_shexp" and len(tensor.shape) == 1:  # a matrix of one row, which some files flatten
        tensor = replace(tensor, shape=(1, *tensor.shape))
    heads = config[_PERMUTED[part]] if architecture in _INTERLEAVED_ROPE and part in _PERMUTED else None
    assert heads is None or isinstance(heads, int)
    plus_one = _is_gemma_norm(architecture, tensor)
    return {name: _Place(file, tensor, permuted_heads=heads, norm_plus_one=plus_one)}


def _is_gemma_norm(architecture: str, tensor: TensorInfo) -> bool:
    return architecture.startswith("gemma") and tensor.name.endswith("_norm.weight")


def _half_split(rows: Tensor, heads: int | None) -> Tensor:
    """Rows (heads · D, …) from the order 0, D/2, 1, D/2 + 1, … in each head to 0, 1, 2, …; None: as is."""
    if heads is None:
        return rows
    return rows.view(heads, -1, 2, *rows.shape[1:]).transpose(1, 2).reshape(rows.shape)
