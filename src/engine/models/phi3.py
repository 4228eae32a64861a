"""Phi-3, 3.5 mini and 4 mini: Llama with fused projections; part of a head may turn, by LongRoPE."""

from __future__ import annotations

from dataclasses import replace

from engine.models.config import ModelConfig
from engine.models.spec import DecoderSpec, common_spec


def phi3(config: ModelConfig, context_tokens: int | None = None) -> DecoderSpec:
    spec = common_spec(config, context_tokens)
    window = config.optional_size("sliding_window")
    return replace(spec, fused_checkpoint=True, windows=(window,) * spec.num_layers)
