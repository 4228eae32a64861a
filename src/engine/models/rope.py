"""Rotary frequencies from a config: plain, linear, dynamic, llama3, YaRN and LongRoPE scaling."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.errors import CorruptModel, UnsupportedModel
from engine.layers.rotary import RotaryEmbedding
from engine.models.config import ModelConfig


@dataclass(frozen=True, slots=True)
class Rope:
    """How positions turn queries and keys; equal ones share one layer."""

    inv_freq: tuple[float, ...]
    """Radians a position, half as many as dimensions that turn."""
    attention_factor: float = 1.0

    def layer(self, device: torch.device) -> RotaryEmbedding:
        return RotaryEmbedding(torch.tensor(self.inv_freq, dtype=torch.float32, device=device), self.attention_factor)


def rope_of(
    config: ModelConfig,
    head_dim: int,
    *,
    layer_type: str | None = None,
    theta: float = 10_000.0,
    theta_key: str = "rope_theta",
    scaled: bool = True,
    context_tokens: int | None = None,
) -> Rope:
    """The rotary frequencies of a model, or of its layers of one type.

    Reads `rope_parameters` (one table, or one a layer type) or the older `rope_theta` and `rope_scaling`.
    `theta` is what the family assumes; `scaled=False` leaves `rope_scaling` to the other layers.
    `context_tokens` is what will be served: it decides between the two factor lists of LongRoPE.

    Raises: UnsupportedModel for an unknown kind of scaling.
    """
    settings = config.section("rope_parameters")
    if settings is not None and layer_type is not None:
        settings = settings.section(layer_type) or settings
    if settings is None:
        settings = (config.section("rope_scaling") if scaled else None) or ModelConfig({})
        theta = config.number(theta_key, theta)
    base = settings.number("rope_theta", theta)
    fraction = settings.number("partial_rotary_factor", config.number("partial_rotary_factor", 1.0))
    turning = int(head_dim * fraction)
    plain = 1.0 / (base ** (torch.arange(0, turning, 2, dtype=torch.float32) / turning))
    kind = settings.text("rope_type", settings.text("type", "default"))
    if kind == "su":  # what the first Phi-3 configs call it
        kind = "longrope"
    if kind not in _SCALINGS:
        raise UnsupportedModel(f"RoPE scaling {kind!r} is not supported; supported: {', '.join(_SCALINGS)}.")
    context = context_tokens or config.size("max_position_embeddings", 2048)
    inv_freq, factor = _SCALINGS[kind](plain, _Scaling(settings, config, base, context))
    return Rope(tuple(inv_freq.tolist()), factor)


@dataclass(frozen=True, slots=True)
class _Scaling:
    settings: ModelConfig
    config: ModelConfig
    base: float
    context_tokens: int

    @property
    def original_tokens(self) -> int:
        """Context length before it was extended."""
        key = "original_max_position_embeddings"
        return self.settings.size(key, self.config.integer(key, self.config.integer("max_position_embeddings", 2048)))

    @property
    def extension(self) -> float:
        return self.config.size("max_position_embeddings") / self.original_tokens


def _default(inv_freq: Tensor, _: _Scaling) -> tuple[Tensor, float]:
    return inv_freq, 1.0


def _linear(inv_freq: Tensor, scaling: _Scaling) -> tuple[Tensor, float]:
    return inv_freq / scaling.settings.number("factor"), 1.0


def _llama3(inv_freq: Tensor, scaling: _Scaling) -> tuple[Tensor, float]:
    """Long waves are stretched by `factor`, short ones left alone, those between blended."""
    factor = scaling.settings.number("factor")
    low, high = scaling.settings.number("low_freq_factor"), scaling.settings.number("high_freq_factor")
    turns = scaling.original_tokens * inv_freq / (2 * math.pi)  # over the original context
    share = ((turns - low) / (high - low)).clamp(0, 1)
    return (1 - share) * inv_freq / factor + share * inv_freq, 1.0


def _yarn(inv_freq: Tensor, scaling: _Scaling) -> tuple[Tensor, float]:
    """As llama3, but blended over dimensions, and attention is sharpened by the attention factor."""
    settings = scaling.settings
    factor = settings.number("factor", scaling.extension)
    dimensions = 2 * inv_freq.numel()

    def dimension_turning(times: float) -> float:
        return dimensions * math.log(scaling.original_tokens / (times * 2 * math.pi)) / (2 * math.log(scaling.base))

    low = dimension_turning(settings.number("beta_fast", 32.0))
    high = dimension_turning(settings.number("beta_slow", 1.0))
    if settings.flag("truncate", True):
        low, high = math.floor(low), math.ceil(high)
    low, high = max(low, 0), min(high, dimensions - 1)
    stretched = ((torch.arange(inv_freq.numel(), dtype=torch.float32) - low) / max(high - low, 0.001)).clamp(0, 1)
    return inv_freq / factor * stretched + inv_freq * (1 - stretched), _yarn_attention_factor(settings, factor)


def _yarn_attention_factor(settings: ModelConfig, factor: float) -> float:
    given = settings.optional_number("attention_factor")
    if given is not None:
        return given

    def sharpening(weight: float) -> float:
        return 1.0 if factor <= 1 else 0.1 * weight * math.log(factor) + 1.0

    mscale, all_dimensions = settings.optional_number("mscale"), settings.optional_number("mscale_all_dim")
    if mscale and all_dimensions:
        return sharpening(mscale) / sharpening(all_dimensions)
    return sharpening(1.0)


def _longrope(inv_freq: Tensor, scaling: _Scaling) -> tuple[Tensor, float]:
    """One factor a frequency: the long list when the served context is longer than the original one."""
    settings, original = scaling.settings, scaling.original_tokens
    which = "long_factor" if scaling.context_tokens > original else "short_factor"
    factors = settings.items(which)
    if factors is None or len(factors) != inv_freq.numel():
        raise CorruptModel(f"config.json: RoPE needs {inv_freq.numel()} numbers in {which!r}.")
    extension = settings.number("factor", scaling.extension)
    attention = math.sqrt(1 + math.log(extension) / math.log(original)) if extension > 1 else 1.0
    stretch = torch.tensor([float(str(factor)) for factor in factors])
    return inv_freq / stretch, settings.number("attention_factor", attention)


_SCALINGS: dict[str, Callable[[Tensor, _Scaling], tuple[Tensor, float]]] = {
    "default": _default,
    "linear": _linear,
    "dynamic": _default,  # within the context a model was trained for it changes nothing
    "llama3": _llama3,
    "yarn": _yarn,
    "longrope": _longrope,
}
