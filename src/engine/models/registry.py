"""The native families: class names of model configs, what `--arch` calls them, and how their configs read."""

from __future__ import annotations

from collections.abc import Callable

from engine.models.config import ModelConfig
from engine.models.gemma import gemma2, gemma3
from engine.models.llama import granite, llama, ministral3, mistral, smollm3
from engine.models.phi3 import phi3
from engine.models.qwen import mixtral, qwen2, qwen2_moe, qwen3, qwen3_moe
from engine.models.spec import DecoderSpec

Family = Callable[[ModelConfig, int | None], DecoderSpec]
"""(config, context to serve) → spec."""

FAMILIES: dict[str, Family] = {
    "LlamaForCausalLM": llama,
    "MistralForCausalLM": mistral,
    "Ministral3ForCausalLM": ministral3,
    "MixtralForCausalLM": mixtral,
    "Qwen2ForCausalLM": qwen2,
    "Qwen2MoeForCausalLM": qwen2_moe,
    "Qwen3ForCausalLM": qwen3,
    "Qwen3MoeForCausalLM": qwen3_moe,
    "Gemma2ForCausalLM": gemma2,
    "Gemma3ForCausalLM": gemma3,
    "Phi3ForCausalLM": phi3,
    "SmolLM3ForCausalLM": smollm3,
    "GraniteForCausalLM": granite,
}

ARCH_NAMES = {name.removesuffix("ForCausalLM").lower(): name for name in FAMILIES}
"""What `--arch` takes, besides `transformers`: `llama`, `qwen3moe` and so on."""
