"""Llama and what is built like it: SmolLM2, Mistral, Ministral 3, SmolLM3, Granite."""

from __future__ import annotations

from dataclasses import replace

from engine.models.config import ModelConfig
from engine.models.spec import DecoderSpec, QueryGrowth, common_spec, layer_types, windows


def llama(config: ModelConfig, context_tokens: int | None = None) -> DecoderSpec:
    bias = config.flag("attention_bias", False)
    return replace(
        common_spec(config, context_tokens),
        qkv_bias=bias,
        output_bias=bias,
        mlp_bias=config.flag("mlp_bias", False),
    )


def mistral(config: ModelConfig, context_tokens: int | None = None) -> DecoderSpec:
    """Llama with a sliding window on every layer, if any."""
    spec = common_spec(config, context_tokens)
    return replace(spec, windows=(config.optional_size("sliding_window"),) * spec.num_layers)


def ministral3(config: ModelConfig, context_tokens: int | None = None) -> DecoderSpec:
    """Mistral by YaRN, with queries that grow beyond the context it was first trained for."""
    spec = mistral(config, context_tokens)
    rope = config.section("rope_parameters")
    beta = 0.0 if rope is None else rope.number("llama_4_scaling_beta", 0.0)
    if rope is None or beta == 0.0:
        return spec
    return replace(spec, query_growth=QueryGrowth(beta, rope.size("original_max_position_embeddings")))


def smollm3(config: ModelConfig, context_tokens: int | None = None) -> DecoderSpec:
    """Llama in which every few layers know no positions."""
    spec = llama(config.with_defaults(rope_theta=2_000_000.0, tie_word_embeddings=True), context_tokens)
    interval = config.size("no_rope_layer_interval", 4)
    turning = config.items("no_rope_layers") or [(i + 1) % interval for i in range(spec.num_layers)]
    window = config.optional_size("sliding_window") if config.flag("use_sliding_window", False) else None
    return replace(
        spec,
        ropes=tuple(rope if turns else None for rope, turns in zip(spec.ropes, turning, strict=True)),
        windows=windows(layer_types(config, ["full_attention"] * spec.num_layers), window),
    )


def granite(config: ModelConfig, context_tokens: int | None = None) -> DecoderSpec:
    """Llama with a scale at each place where one can be."""
    return replace(
        llama(config, context_tokens),
        embedding_scale=config.number("embedding_multiplier", 1.0),
        residual_scale=config.number("residual_multiplier", 1.0),
        attention_scale=config.number("attention_multiplier", 1.0),
        logit_scale=1.0 / config.number("logits_scaling", 1.0),
    )
