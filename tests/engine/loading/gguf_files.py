"""Writes GGUF files with the reference `gguf` package, laid out as llama.cpp's converter does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from gguf import GGMLQuantizationType as Type
from transformers import PreTrainedModel

from engine.quant.base import GGMLType
from engine.quant.quantize import quantize

ARCHITECTURES = {
    "llama": "llama",
    "mixtral": "llama",
    "ministral3": "mistral3",
    "qwen2": "qwen2",
    "qwen2-moe": "qwen2moe",
    "qwen3": "qwen3",
    "qwen3-moe": "qwen3moe",
    "gemma2": "gemma2",
    "gemma3": "gemma3",
    "phi3": "phi3",
    "smollm3": "smollm3",
    "granite": "granite",
}
_INTERLEAVED = ("llama", "mistral3", "smollm3", "granite")


def write_model(model: PreTrainedModel, arch: str, path: Path, types: tuple[Type, ...]) -> None:
    """Write `model`, its matrices cycling through `types`, and round the model's own weights to what was written."""
    config = model.config
    names = gguf.get_tensor_name_map(
        next(a for a, name in gguf.MODEL_ARCH_NAMES.items() if name == arch), config.num_hidden_layers
    )
    writer = gguf.GGUFWriter(path, arch)
    _write_metadata(writer, arch, config)
    matrices = 0
    for name, parameter in model.named_parameters():
        values = parameter.detach().numpy()
        if values.ndim == 1:
            offset = 1.0 if arch.startswith("gemma") and "norm" in name else 0.0
            writer.add_tensor(_name(names, name), _permuted(arch, name, values + offset, config))
            continue
        type = types[matrices % len(types)]
        type = type if values.shape[-1] % gguf.GGML_QUANT_SIZES[type][0] == 0 else Type.F32
        matrices += 1
        if type.name.endswith("_K"):  # which the package cannot make
            packed = quantize(parameter.detach(), GGMLType[type.name]).data.numpy().reshape(len(values), -1)
        else:
            packed = gguf.quantize(values, type)
        parameter.data = torch.from_numpy(gguf.dequantize(packed, type).reshape(values.shape).copy())
        for part_name, rows in _parts(names, name, packed):
            writer.add_tensor(part_name, np.ascontiguousarray(_permuted(arch, name, rows, config)), raw_dtype=type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def add_vocabulary(writer: gguf.GGUFWriter, size: int) -> None:
    """A byte-level vocabulary of `size` tokens, three of them special."""
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    letters = [chr(code) for code in range(33, 127)]
    tokens = ["<unk>", "<s>", "</s>", "ab", *letters, *(f"<extra{i}>" for i in range(size))]
    writer.add_token_list(tokens[:size])
    writer.add_token_types([3, 3, 3] + [1] * (size - 3))
    writer.add_token_merges(["a b"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)


def _write_metadata(writer: gguf.GGUFWriter, arch: str, config: Any) -> None:
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    writer.add_key_length(head_dim)
    rope = config.rope_parameters
    rope = rope.get("full_attention", rope)
    writer.add_rope_freq_base(rope["rope_theta"])
    writer.add_rope_dimension_count(int(head_dim * rope.get("partial_rotary_factor", 1.0)))
    if rope["rope_type"] == "llama3":
        plain = 1.0 / rope["rope_theta"] ** (np.arange(0, head_dim, 2) / head_dim)
        from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

        scaled, _ = ROPE_INIT_FUNCTIONS["llama3"](config, torch.device("cpu"))
        writer.add_tensor("rope_freqs.weight", (plain / scaled.numpy()).astype(np.float32))
    if rope["rope_type"] == "longrope":
        writer.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
        for size in ("long", "short"):
            writer.add_tensor(f"rope_factors_{size}.weight", np.array(rope[f"{size}_factor"], np.float32))
    if rope["rope_type"] in ("linear", "yarn"):
        writer.add_rope_scaling_type(gguf.RopeScalingType(rope["rope_type"]))
        writer.add_rope_scaling_factor(rope["factor"])
        writer.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
    if arch == "mistral3":
        writer.add_rope_scaling_yarn_beta_fast(rope["beta_fast"])
        writer.add_rope_scaling_yarn_beta_slow(rope["beta_slow"])
        writer.add_rope_scaling_yarn_log_mul(rope["mscale_all_dim"])
        writer.add_attn_temperature_scale(rope["llama_4_scaling_beta"])
    if window := getattr(config, "sliding_window", None):
        writer.add_sliding_window(window)
    if experts := getattr(config, "num_local_experts", None) or getattr(config, "num_experts", None):
        writer.add_expert_count(experts)
        writer.add_expert_used_count(config.num_experts_per_tok)
        writer.add_expert_feed_forward_length(getattr(config, "moe_intermediate_size", config.intermediate_size))
    if arch == "qwen2moe":
        writer.add_expert_shared_feed_forward_length(config.shared_expert_intermediate_size)
    if arch == "gemma2":
        writer.add_attn_logit_softcapping(config.attn_logit_softcapping)
        writer.add_final_logit_softcapping(config.final_logit_softcapping)
    if arch == "granite":
        writer.add_embedding_scale(config.embedding_multiplier)
        writer.add_residual_scale(config.residual_multiplier)
        writer.add_attention_scale(config.attention_multiplier)
        writer.add_logit_scale(config.logits_scaling)
    add_vocabulary(writer, config.vocab_size)


def _name(names: gguf.TensorNameMap, name: str) -> str:
    found = names.get_name(name, try_suffixes=(".weight", ".bias"))
    assert found is not None, name
    return found


def _parts(names: gguf.TensorNameMap, name: str, packed: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """A matrix under its name; fused experts as the two or one stacks the converter writes."""
    layer = name.split(".")[2] if "layers" in name else ""
    if name.endswith("experts.gate_up_proj"):
        gate, up = np.split(packed, 2, 1)
        return [(f"blk.{layer}.ffn_gate_exps.weight", gate), (f"blk.{layer}.ffn_up_exps.weight", up)]
    if name.endswith("experts.down_proj"):
        return [(f"blk.{layer}.ffn_down_exps.weight", packed)]
    if name.endswith("mlp.gate.weight"):
        return [(f"blk.{layer}.ffn_gate_inp.weight", packed)]
    return [(_name(names, name), packed)]


def _permuted(arch: str, name: str, rows: np.ndarray, config: Any) -> np.ndarray:
    """Query and key rows in the order interleaved RoPE wants."""
    if arch not in _INTERLEAVED or not any(part in name for part in ("q_proj", "k_proj")):
        return rows
    heads = config.num_attention_heads if "q_proj" in name else config.num_key_value_heads
    half = rows.shape[0] // heads // 2
    order = [head * 2 * half + side * half + i for head in range(heads) for i in range(half) for side in range(2)]
    return rows[order]
