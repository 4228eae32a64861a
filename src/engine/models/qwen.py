"""Qwen2 (and 2.5), Qwen3, and the mixtures of experts Qwen2-MoE, Qwen3-MoE and Mixtral."""

from __future__ import annotations

from dataclasses import replace

from engine.models.config import ModelConfig
from engine.models.llama import mistral
from engine.models.spec import DecoderSpec, Experts, common_spec, layer_types, windows


def qwen2(config: ModelConfig, context_tokens: int | None = None) -> DecoderSpec:
    """Llama with biases on queries, keys and values; the upper layers may have a sliding window."""
    spec = common_spec(config, context_tokens)
    return replace(spec, qkv_bias=True, windows=_windows(config, spec.num_layers))


def qwen3(config: ModelConfig, context_tokens: int | None = None) -> DecoderSpec:
    """Qwen2 without biases, with normalised queries and keys."""
    spec = common_spec(config.with_defaults(head_dim=128), context_tokens)
    bias = config.flag("attention_bias", False)
    return replace(spec, qk_norm=True, qkv_bias=bias, output_bias=bias, windows=_windows(config, spec.num_layers))


def qwen2_moe(config: ModelConfig, context_tokens: int | None = None) -> DecoderSpec:
    """Qwen2 with a mixture of experts, one of which is shared by all tokens."""
    spec = replace(qwen2(config, context_tokens), qkv_bias=config.flag("qkv_bias", True))
    experts = replace(_experts(config), shared_size=config.size("shared_expert_intermediate_size"))
    return replace(spec, experts=_on_layers(config, spec, experts))


def qwen3_moe(config: ModelConfig, context_tokens: int | None = None) -> DecoderSpec:
    spec = qwen3(config, context_tokens)
    window = config.optional_size("sliding_window") if config.flag("use_sliding_window", False) else None
    return replace(spec, experts=_on_layers(config, spec, _experts(config)), windows=(window,) * spec.num_layers)


def _experts(config: ModelConfig) -> Experts:
    return Experts(
        count=config.size("num_experts", config.integer("num_local_experts", 0)),
        per_token=config.size("num_experts_per_tok"),
        intermediate_size=config.size("moe_intermediate_size"),
        normalize=config.flag("norm_topk_prob", False),
    )


def _on_layers(config: ModelConfig, spec: DecoderSpec, experts: Experts) -> tuple[Experts | None, ...]:
    """The mixture on every layer, or on every few, but for those listed as dense."""
    interval = config.size("decoder_sparse_step", 1)
    dense = config.items("mlp_only_layers") or []
    return tuple(None if i in dense or (i + 1) % interval else experts for i in range(spec.num_layers))


def mixtral(config: ModelConfig, context_tokens: int | None = None) -> DecoderSpec:
    """Mistral with a mixture of experts on every layer."""
    spec = mistral(config.with_defaults(rope_theta=1_000_000.0), context_tokens)
    experts = Experts(
        count=config.size("num_local_experts"),
        per_token=config.size("num_experts_per_tok", 2),
        intermediate_size=spec.intermediate_size,
        normalize=True,
        block="block_sparse_moe",
        gate="w1",
        up="w3",
        down="w2",
    )
    return replace(spec, experts=(experts,) * spec.num_layers)


def _windows(config: ModelConfig, layers: int) -> tuple[int | None, ...]:
    """Newer configs list the layers with a window, older ones say from which layer on."""
    window = config.optional_size("sliding_window") if config.flag("use_sliding_window", False) else None
    first = config.integer("max_window_layers", 28)
    upper = ["sliding_attention" if i >= first else "full_attention" for i in range(layers)]
    return windows(layer_types(config, upper), window)
