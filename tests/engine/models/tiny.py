"""Tiny random models of many architectures, made by `transformers` and saved as checkpoints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import AutoModelForCausalLM, PreTrainedModel

from engine.loading.source import ModelSource
from engine.models.base import BuildConfig
from engine.request import SamplingParams

VOCAB = 96
_SIZES: dict[str, Any] = {
    "vocab_size": VOCAB,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
_LLAMA3_ROPE = {
    "rope_type": "llama3",
    "rope_theta": 10_000.0,
    "factor": 4.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}
_YARN = {"rope_type": "yarn", "rope_theta": 10_000.0, "factor": 4.0, "original_max_position_embeddings": 32}
_MINISTRAL_ROPE = {
    **_YARN,
    "original_max_position_embeddings": 16,
    "beta_fast": 32.0,
    "beta_slow": 1.0,
    "mscale": 1.0,
    "mscale_all_dim": 1.0,
    "llama_4_scaling_beta": 0.1,
}
LONGROPE = {
    "rope_type": "longrope",
    "rope_theta": 10_000.0,
    "short_factor": [1.0, 1.1],
    "long_factor": [2.0, 4.0],
    "original_max_position_embeddings": 64,
    "partial_rotary_factor": 0.5,
}
_GEMMA: dict[str, Any] = {"head_dim": 16, "query_pre_attn_scalar": 24, "sliding_window": 6}

CONFIGS: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("LlamaConfig", {"rope_parameters": _LLAMA3_ROPE, "tie_word_embeddings": True}),
    "llama-biased": (
        "LlamaConfig",
        {"attention_bias": True, "mlp_bias": True, "head_dim": 16, "rope_parameters": _YARN},
    ),
    "mistral": ("MistralConfig", {"sliding_window": 6}),
    "qwen2": ("Qwen2Config", {"use_sliding_window": True, "sliding_window": 5, "max_window_layers": 1}),
    "qwen3": ("Qwen3Config", {"head_dim": 16}),
    "gemma2": ("Gemma2Config", {**_GEMMA, "attn_logit_softcapping": 2.0, "final_logit_softcapping": 3.0}),
    "gemma3": (
        "Gemma3TextConfig",
        {**_GEMMA, "layer_types": ["sliding_attention", "full_attention"] * 2, "num_hidden_layers": 4},
    ),
    "phi3": ("Phi3Config", {"rope_parameters": LONGROPE, "original_max_position_embeddings": 64, "sliding_window": 7}),
    "smollm3": ("SmolLM3Config", {"no_rope_layers": [1, 0, 1]}),
    "granite": (
        "GraniteConfig",
        {"embedding_multiplier": 3.0, "residual_multiplier": 0.5, "attention_multiplier": 0.2, "logits_scaling": 4.0},
    ),
    "mixtral": ("MixtralConfig", {"num_local_experts": 4, "num_experts_per_tok": 2}),
    "qwen3-moe": (
        "Qwen3MoeConfig",
        {
            "num_experts": 6,
            "num_experts_per_tok": 2,
            "moe_intermediate_size": 16,
            "head_dim": 16,
            "norm_topk_prob": True,
        },
    ),
    "ministral3": ("Ministral3Config", {"head_dim": 8, "rope_parameters": _MINISTRAL_ROPE}),
    "qwen2-moe": (
        "Qwen2MoeConfig",
        {
            "num_experts": 6,
            "num_experts_per_tok": 2,
            "moe_intermediate_size": 16,
            "shared_expert_intermediate_size": 32,
            "mlp_only_layers": [1],
        },
    ),
    "opt": ("OPTConfig", {"ffn_dim": 48, "word_embed_proj_dim": 32}),
    "gpt-neox": ("GPTNeoXConfig", {"rotary_pct": 0.5}),
    "cohere": ("CohereConfig", {}),
    "starcoder2": ("Starcoder2Config", {"sliding_window": 6, "use_bias": True}),
    "gpt2": ("GPT2Config", {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 128}),
    "olmo2": ("Olmo2Config", {}),
    "gpt-oss": ("GptOssConfig", {"num_local_experts": 4, "num_experts_per_tok": 2, "head_dim": 8, "sliding_window": 6}),
    "phi": ("PhiConfig", {}),
    "gemma": ("GemmaConfig", {"head_dim": 16}),
    "glm4": ("Glm4Config", {"head_dim": 8}),
    "deepseek": (
        "DeepseekV2Config",
        {
            "num_key_value_heads": 4,
            "kv_lora_rank": 16,
            "q_lora_rank": 24,
            "qk_rope_head_dim": 8,
            "qk_nope_head_dim": 8,
            "v_head_dim": 12,
            "n_routed_experts": 4,
            "num_experts_per_tok": 2,
            "moe_intermediate_size": 24,
            "first_k_dense_replace": 1,
        },
    ),
}
BROAD = ("gpt2", "opt", "gpt-neox", "cohere", "starcoder2", "olmo2", "gpt-oss", "phi", "gemma", "glm4", "deepseek")
"""Run by the transformers path only."""
NATIVE = [name for name in CONFIGS if name not in BROAD]


def make(name: str, folder: Path, **changes: Any) -> PreTrainedModel:
    """A random model of that kind, saved to `folder` as a checkpoint."""
    torch.manual_seed(0)
    config_class, settings = CONFIGS[name]
    sizes = {"vocab_size": VOCAB} if name == "gpt2" else _SIZES
    config = getattr(transformers, config_class)(**(sizes | settings | changes))
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager").float().eval()
    with torch.no_grad():
        for parameter_name, parameter in model.named_parameters():
            is_norm = parameter.dim() == 1 and "bias" not in parameter_name
            parameter.normal_(0.0, 0.3).add_(1.0 if is_norm else 0.0)
    model.save_pretrained(folder)
    return model


def source_of(folder: Path) -> ModelSource:
    return ModelSource(
        name=folder.name,
        notice="",
        kind="safetensors",
        weight_files=tuple(sorted(folder.glob("*.safetensors"))),
        config=json.loads((folder / "config.json").read_text()),
        tokenizer_file=None,
        chat_template=None,
        special_tokens={},
        eos_token_ids=(2,),
        sampling_defaults=SamplingParams(),
    )


def build(arch: str | None = None, **changes: Any) -> BuildConfig:
    settings: dict[str, Any] = {"dtype": torch.float32, "matmul_dtype": torch.float32, "device": torch.device("cpu")}
    return BuildConfig(**(settings | changes), arch=arch)
