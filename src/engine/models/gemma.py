"""Gemma 2 and the text side of Gemma 3."""

from __future__ import annotations

from dataclasses import replace

from engine.models.config import ModelConfig
from engine.models.rope import rope_of
from engine.models.spec import DecoderSpec, common_spec, layer_types, windows

_GEMMA = {"head_dim": 256, "hidden_act": "gelu_pytorch_tanh", "tie_word_embeddings": True}


def gemma2(config: ModelConfig, context_tokens: int | None = None) -> DecoderSpec:
    """Norms before and after each block, scores and logits softly capped, a window on every other layer."""
    config = config.with_defaults(**_GEMMA)
    spec = _gemma(config, common_spec(config, context_tokens))
    window = config.size("sliding_window", 4096)
    alternating = ["full_attention" if i % 2 else "sliding_attention" for i in range(spec.num_layers)]
    return replace(
        spec,
        windows=windows(layer_types(config, alternating), window),
        attention_soft_cap=config.optional_number("attn_logit_softcapping", 50.0),
        logit_soft_cap=config.optional_number("final_logit_softcapping", 30.0),
    )


def gemma3(config: ModelConfig, context_tokens: int | None = None) -> DecoderSpec:
    """Gemma 2 without caps, with normalised queries and keys; windowed layers turn faster than the full ones."""
    config = config.with_defaults(
        **_GEMMA, vocab_size=262_208, num_attention_heads=8, num_key_value_heads=4, max_position_embeddings=131_072
    )
    spec = _gemma(config, common_spec(config, context_tokens))
    interval = config.size("sliding_window_pattern", 6)
    pattern = ["sliding_attention" if (i + 1) % interval else "full_attention" for i in range(spec.num_layers)]
    types = layer_types(config, pattern)
    full = rope_of(config, spec.head_dim, layer_type="full_attention", theta=1_000_000.0)
    local = rope_of(
        config, spec.head_dim, layer_type="sliding_attention", theta_key="rope_local_base_freq", scaled=False
    )
    window = config.size("sliding_window", 4096)
    return replace(
        spec,
        qk_norm=True,
        ropes=tuple(local if t == "sliding_attention" else full for t in types),
        windows=windows(types, window),
        attention_soft_cap=config.optional_number("attn_logit_softcapping"),
        logit_soft_cap=config.optional_number("final_logit_softcapping"),
    )


def _gemma(config: ModelConfig, spec: DecoderSpec) -> DecoderSpec:
    return replace(
        spec,
        sandwich_norms=True,
        norm_offset=1.0,
        embedding_scale=spec.hidden_size**0.5,
        attention_scale=config.number("query_pre_attn_scalar", 256) ** -0.5,
    )
