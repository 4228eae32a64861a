"""What tells one decoder family from another, as data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from engine.errors import CorruptModel, UnsupportedModel
from engine.models.config import ModelConfig
from engine.models.rope import Rope, rope_of


@dataclass(frozen=True, slots=True)
class Experts:
    """A mixture of experts in place of a feed-forward block."""

    count: int
    per_token: int
    intermediate_size: int
    normalize: bool
    """Weights of the chosen experts are scaled to sum to one."""
    block: str = "mlp"
    """What the block and its three projections are called in a checkpoint."""
    gate: str = "gate_proj"
    up: str = "up_proj"
    down: str = "down_proj"
    shared_size: int | None = None
    """Intermediate size of a block that every token goes through as well, weighed by a gate of its own; None: no such
    block."""


@dataclass(frozen=True, slots=True)
class QueryGrowth:
    """Queries far into a text are scaled up: 1 + beta · ln(1 + ⌊position / period⌋)."""

    beta: float
    period: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DecoderSpec:
    """A pre-norm decoder: attention and gated feed-forward blocks on a residual stream."""

    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_heads: int
    num_kv_heads: int
    head_dim: int
    norm_eps: float
    ropes: tuple[Rope | None, ...]
    """One a layer; None: the layer knows no positions."""
    windows: tuple[int | None, ...]
    """One a layer: positions a query sees, itself included; None: all."""
    experts: tuple[Experts | None, ...]
    """One a layer; None: a dense feed-forward block."""
    tied_head: bool
    activation: Literal["silu", "gelu_tanh"]
    attention_scale: float
    qkv_bias: bool = False
    output_bias: bool = False
    mlp_bias: bool = False
    qk_norm: bool = False
    """Queries and keys are normalised, head by head, before they turn."""
    fused_checkpoint: bool = False
    """The checkpoint holds `qkv_proj` and `gate_up_proj`."""
    sandwich_norms: bool = False
    """What a block adds to the residual stream is normalised as well."""
    norm_offset: float = 0.0
    """Added to every norm weight."""
    embedding_scale: float = 1.0
    residual_scale: float = 1.0
    logit_scale: float = 1.0
    query_growth: QueryGrowth | None = None
    attention_soft_cap: float | None = None
    logit_soft_cap: float | None = None

    @property
    def num_layers(self) -> int:
        return len(self.ropes)


_ACTIVATIONS: dict[str, Literal["silu", "gelu_tanh"]] = {
    "silu": "silu",
    "swish": "silu",
    "gelu_pytorch_tanh": "gelu_tanh",
    "gelu_tanh": "gelu_tanh",
}


def common_spec(config: ModelConfig, context_tokens: int | None = None) -> DecoderSpec:
    """What a config says in the words all families share; a family replaces what it does differently.

    Raises: CorruptModel for a missing or wrong entry, UnsupportedModel for an unknown activation or RoPE scaling.
    """
    layers = config.size("num_hidden_layers", limit=4096)
    heads = config.size("num_attention_heads")
    hidden = config.size("hidden_size")
    head_dim = config.size("head_dim", hidden // heads, limit=1 << 16)
    activation = config.text("hidden_act", config.text("hidden_activation", "silu"))
    if activation not in _ACTIVATIONS:
        raise UnsupportedModel(f"Activation {activation!r} is not supported; supported: {', '.join(_ACTIVATIONS)}.")
    return DecoderSpec(
        vocab_size=config.size("vocab_size"),
        hidden_size=hidden,
        intermediate_size=config.size("intermediate_size"),
        num_heads=heads,
        num_kv_heads=config.size("num_key_value_heads", heads),
        head_dim=head_dim,
        norm_eps=config.number("rms_norm_eps", 1e-6),
        ropes=(rope_of(config, head_dim, context_tokens=context_tokens),) * layers,
        windows=(None,) * layers,
        experts=(None,) * layers,
        tied_head=config.flag("tie_word_embeddings", False),
        activation=_ACTIVATIONS[activation],
        attention_scale=head_dim**-0.5,
    )


def layer_types(config: ModelConfig, otherwise: Sequence[str]) -> list[str]:
    """What kind of attention each layer has; `otherwise` for a config that does not say.

    Raises: CorruptModel when the list is not as long as the model is deep.
    """
    types = [str(name) for name in config.items("layer_types") or otherwise]
    if len(types) != config.size("num_hidden_layers"):
        raise CorruptModel(f"config.json: 'layer_types' has {len(types)} entries, should have one a layer.")
    return types


def windows(types: Sequence[str], window: int | None) -> tuple[int | None, ...]:
    """The window for the layers that slide, None for the others."""
    return tuple(window if name == "sliding_attention" else None for name in types)
