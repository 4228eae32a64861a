"""From GGUF metadata to the config a Hugging Face checkpoint of the same model would have."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from engine.errors import CorruptModel, UnsupportedModel
from engine.loading.gguf import GGUFFile, MetadataValue

Config = dict[str, object]

_COMMON = {
    "context_length": "max_position_embeddings",
    "embedding_length": "hidden_size",
    "block_count": "num_hidden_layers",
    "feed_forward_length": "intermediate_size",
    "attention.head_count": "num_attention_heads",
    "attention.layer_norm_rms_epsilon": "rms_norm_eps",
}
"""Keys every model has, and what they are called in a config."""
_MAX_LAYERS = 4096
"""More than any real model has: lists of this length are made before the tensors are looked at."""


@dataclass(frozen=True, slots=True)
class _Family:
    """What is particular to one `general.architecture`."""

    model_class: str
    model_type: str
    extra: Callable[[_Metadata], Config] = field(default=lambda _: {})
    """Config entries beyond the common ones."""


class _Metadata:
    """Typed access to the `<architecture>.*` entries of the first file, and to the tensors of all."""

    def __init__(self, files: Sequence[GGUFFile], architecture: str) -> None:
        self.file = files[0]
        self.architecture = architecture
        self.tensors = {name: (file, tensor) for file in files for name, tensor in file.tensors.items()}

    def __contains__(self, key: str) -> bool:
        return f"{self.architecture}.{key}" in self.file.metadata

    def get(self, key: str, default: MetadataValue | None = None) -> MetadataValue:
        value = self.file.metadata.get(f"{self.architecture}.{key}", default)
        if value is None:
            raise CorruptModel(f"{self.file.path}: metadata key '{self.architecture}.{key}' is missing.")
        return value

    def integer(self, key: str, default: int | None = None) -> int:
        value = self.get(key, default)
        if isinstance(value, list) and len(set(map(str, value))) == 1:  # some files say it once a layer
            value = value[0]
        if not isinstance(value, int):
            raise UnsupportedModel(
                f"{self.file.path}: '{self.architecture}.{key}' is {value!r}; one number for all layers is supported."
            )
        return value

    def number(self, key: str, default: float | None = None) -> float:
        value = self.get(key, default)
        if not isinstance(value, int | float):
            raise CorruptModel(f"{self.file.path}: '{self.architecture}.{key}' is {value!r}, not a number.")
        return float(value)

    def factors(self, name: str) -> list[float] | None:
        """The values of a small tensor; None when there is none of that name."""
        return self.tensors[name][0].floats(name) if name in self.tensors else None


def _llama(metadata: _Metadata) -> Config:
    return _experts(metadata, "num_local_experts") if metadata.integer("expert_count", 0) else {}


def _experts(metadata: _Metadata, count_key: str) -> Config:
    config: Config = {
        count_key: metadata.integer("expert_count"),
        "num_experts_per_tok": metadata.integer("expert_used_count"),
    }
    if "expert_feed_forward_length" in metadata:
        config["moe_intermediate_size"] = metadata.integer("expert_feed_forward_length")
    return config


def _qwen2_moe(metadata: _Metadata) -> Config:
    return _experts(metadata, "num_experts") | {
        "shared_expert_intermediate_size": metadata.integer("expert_shared_feed_forward_length"),
        "norm_topk_prob": False,
        "decoder_sparse_step": 1,
        "mlp_only_layers": [],
    }


def _qwen3_moe(metadata: _Metadata) -> Config:
    return _experts(metadata, "num_experts") | {"norm_topk_prob": True, "decoder_sparse_step": 1, "mlp_only_layers": []}


def _gemma2(metadata: _Metadata) -> Config:
    layers = metadata.integer("block_count")
    return {
        "sliding_window": metadata.integer("attention.sliding_window", 4096),
        "layer_types": ["full_attention" if i % 2 else "sliding_attention" for i in range(layers)],
        "attn_logit_softcapping": metadata.number("attn_logit_softcapping", 50.0),
        "final_logit_softcapping": metadata.number("final_logit_softcapping", 30.0),
        # the 27B model alone scales by hidden size / heads instead of the head size
        "query_pre_attn_scalar": 144 if layers == 46 else metadata.integer("attention.key_length", 256),
    }


def _gemma3(metadata: _Metadata) -> Config:
    layers = metadata.integer("block_count")
    head_dim = metadata.integer("attention.key_length", 256)
    heads = metadata.integer("attention.head_count")
    full = {"rope_type": "default", "rope_theta": metadata.number("rope.freq_base", 1_000_000.0)}
    if "rope.scaling.factor" in metadata:
        full |= {"rope_type": "linear", "factor": metadata.number("rope.scaling.factor")}
    local = {"rope_type": "default", "rope_theta": metadata.number("rope.freq_base_swa", 10_000.0)}
    return {
        "sliding_window": metadata.integer("attention.sliding_window", 1024),
        "layer_types": ["sliding_attention" if (i + 1) % 6 else "full_attention" for i in range(layers)],
        # the 27B model alone scales by hidden size / heads instead of the head size
        "query_pre_attn_scalar": metadata.integer("embedding_length") // heads if layers == 62 else head_dim,
        "rope_parameters": {"full_attention": full, "sliding_attention": local},
    }


def _phi3(metadata: _Metadata) -> Config:
    config: Config = {"partial_rotary_factor": metadata.integer("rope.dimension_count") / _head_dim(metadata)}
    original = metadata.integer("rope.scaling.original_context_length", metadata.integer("context_length"))
    config["original_max_position_embeddings"] = original
    if window := metadata.integer("attention.sliding_window", 0):
        config["sliding_window"] = window
    return config


def _smollm3(metadata: _Metadata) -> Config:
    layers = metadata.integer("block_count")
    return {"no_rope_layers": [int((i + 1) % 4 != 0) for i in range(layers)], "use_sliding_window": False}


def _ministral3(metadata: _Metadata) -> Config:
    rope = dict(_rope_parameters(metadata))
    if beta := metadata.number("attention.temperature_scale", 0.0):
        rope["llama_4_scaling_beta"] = beta
        rope["original_max_position_embeddings"] = metadata.integer("rope.scaling.original_context_length")
    return {"rope_parameters": rope}


def _granite(metadata: _Metadata) -> Config:
    return {
        "embedding_multiplier": metadata.number("embedding_scale", 1.0),
        "residual_multiplier": metadata.number("residual_scale", 1.0),
        "attention_multiplier": metadata.number("attention.scale", _head_dim(metadata) ** -0.5),
        "logits_scaling": metadata.number("logit_scale", 1.0),
    }


_FAMILIES = {
    "llama": _Family("LlamaForCausalLM", "llama", _llama),
    "mistral3": _Family("Ministral3ForCausalLM", "ministral3", _ministral3),
    "qwen2": _Family("Qwen2ForCausalLM", "qwen2"),
    "qwen2moe": _Family("Qwen2MoeForCausalLM", "qwen2_moe", _qwen2_moe),
    "qwen3": _Family("Qwen3ForCausalLM", "qwen3"),
    "qwen3moe": _Family("Qwen3MoeForCausalLM", "qwen3_moe", _qwen3_moe),
    "gemma2": _Family("Gemma2ForCausalLM", "gemma2", _gemma2),
    "gemma3": _Family("Gemma3ForCausalLM", "gemma3_text", _gemma3),
    "phi3": _Family("Phi3ForCausalLM", "phi3", _phi3),
    "smollm3": _Family("SmolLM3ForCausalLM", "smollm3", _smollm3),
    "granite": _Family("GraniteForCausalLM", "granite", _granite),
}
_MIXTRAL = _Family("MixtralForCausalLM", "mixtral", _llama)


def architecture_of(file: GGUFFile) -> str:
    """`general.architecture`.

    Raises: CorruptModel when it is missing, UnsupportedModel when it is not one of ours.
    """
    architecture = file.metadata.get("general.architecture")
    if not isinstance(architecture, str):
        raise CorruptModel(f"{file.path}: metadata key 'general.architecture' is missing.")
    if architecture not in _FAMILIES:
        raise UnsupportedModel(
            f"{file.path} has architecture {architecture!r}; supported as GGUF: {', '.join(_FAMILIES)}."
        )
    return architecture


def hf_config(files: Sequence[GGUFFile]) -> Config:
    """The config of a model, from its one or more files.

    Raises: CorruptModel when an entry is missing, UnsupportedModel when the architecture is not one of ours.
    """
    architecture = architecture_of(files[0])
    metadata = _Metadata(files, architecture)
    family = _FAMILIES[architecture]
    if architecture == "llama" and metadata.integer("expert_count", 0):
        family = _MIXTRAL
    if not 0 < (layers := metadata.integer("block_count")) <= _MAX_LAYERS:
        raise CorruptModel(f"{files[0].path}: a model with {layers} layers.")
    config: Config = {"architectures": [family.model_class], "model_type": family.model_type}
    config |= {name: _entry(metadata, key) for key, name in _COMMON.items()}
    config["num_key_value_heads"] = metadata.integer(
        "attention.head_count_kv", metadata.integer("attention.head_count")
    )
    config["head_dim"] = _head_dim(metadata)
    config["vocab_size"] = _vocab_size(metadata)
    config["tie_word_embeddings"] = "output.weight" not in metadata.tensors
    config["attention_bias"] = "blk.0.attn_q.bias" in metadata.tensors
    for name, key in (("bos_token_id", "bos"), ("eos_token_id", "eos"), ("pad_token_id", "padding")):
        config[name] = files[0].metadata.get(f"tokenizer.ggml.{key}_token_id")
    config["rope_parameters"] = _rope_parameters(metadata)
    return config | family.extra(metadata)


def _entry(metadata: _Metadata, key: str) -> int | float:
    return metadata.number(key) if key.endswith("epsilon") else metadata.integer(key)


def _head_dim(metadata: _Metadata) -> int:
    heads = metadata.integer("attention.head_count")
    if heads <= 0:
        raise CorruptModel(f"{metadata.file.path}: a model with {heads} attention heads.")
    return metadata.integer("attention.key_length", metadata.integer("embedding_length") // heads)


def _vocab_size(metadata: _Metadata) -> int:
    """Rows of the embedding table: what metadata and tokenizer say may be less, for padding."""
    if "token_embd.weight" not in metadata.tensors:
        raise CorruptModel(f"{metadata.file.path} has no embedding table ('token_embd.weight').")
    return metadata.tensors["token_embd.weight"][1].shape[0]


def _rope_parameters(metadata: _Metadata) -> Mapping[str, object]:
    """RoPE as a config says it. Factors stored as tensors become `longrope`, whose lists mean the same."""
    rope: dict[str, object] = {"rope_type": "default", "rope_theta": metadata.number("rope.freq_base", 10_000.0)}
    context = metadata.integer("context_length")
    original = metadata.integer("rope.scaling.original_context_length", context)
    if factors := metadata.factors("rope_freqs.weight"):
        same_for_all = {"long_factor": factors, "short_factor": factors, "attention_factor": 1.0}
        return rope | {"rope_type": "longrope", "original_max_position_embeddings": context, **same_for_all}
    long, short = (metadata.factors(f"rope_factors_{size}.weight") for size in ("long", "short"))
    if long and short:
        rope |= {"rope_type": "longrope", "long_factor": long, "short_factor": short}
        rope["original_max_position_embeddings"] = original
        if "rope.scaling.attn_factor" in metadata:
            rope["attention_factor"] = metadata.number("rope.scaling.attn_factor")
        return rope
    kind = metadata.get("rope.scaling.type", "none")
    if kind == "none" or "rope.scaling.factor" not in metadata:
        return rope
    if kind not in ("linear", "yarn"):
        raise UnsupportedModel(f"{metadata.file.path}: RoPE scaling {kind!r}; supported: none, linear, yarn, longrope.")
    rope |= {"rope_type": kind, "factor": metadata.number("rope.scaling.factor")}
    if kind == "yarn":
        rope["original_max_position_embeddings"] = original
        for name in ("beta_fast", "beta_slow"):
            if f"rope.scaling.yarn_{name}" in metadata:
                rope[name] = metadata.number(f"rope.scaling.yarn_{name}")
        if "rope.scaling.yarn_log_multiplier" in metadata:
            rope |= {"mscale": 1.0, "mscale_all_dim": metadata.number("rope.scaling.yarn_log_multiplier")}
    return rope
