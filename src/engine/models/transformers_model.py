"""The broad path: any causal language model of the `transformers` library, on our paged cache.

The library's model runs as it is, but its attention function is ours: it gets the current step and the cache through
the keyword arguments every model hands down to its attention layers. Linear layers whose weights came packed are
replaced by ours. Refused is what does not work this way: models that keep other state than keys and values, and those
whose attention cannot be exchanged.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import AttentionInterface, PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutputWithPast
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING
from transformers.pytorch_utils import Conv1D
from transformers.utils.generic import ModelOutput

from engine.adapters.layers import AdapterSites
from engine.attention.base import KVCacheView, LayerCacheSpec, Step
from engine.attention.paged import paged_attention
from engine.errors import UnsupportedModel
from engine.layers.linear import Embedding, Linear
from engine.models.base import BuildConfig

ATTENTION = "engine_paged"
"""Name of our attention function in the library's registry."""
_KNOWN_LAYER_TYPES = {"full_attention", "sliding_attention", "attention"}


def causal_class(config: PreTrainedConfig) -> type[PreTrainedModel]:
    """The class that runs a config.

    Raises: UnsupportedModel when there is none, or we cannot run it on a paged cache; the message says why.
    """
    name = ", ".join(config.architectures or [type(config).__name__])
    if config.is_encoder_decoder:
        raise UnsupportedModel(f"{name} is an encoder-decoder; only decoders are supported.")
    if type(config) not in MODEL_FOR_CAUSAL_LM_MAPPING:
        raise UnsupportedModel(f"{name} is no causal language model, as far as the transformers library knows.")
    model_class = cast("Any", MODEL_FOR_CAUSAL_LM_MAPPING[type(config)])  # its class attributes are what we ask for
    other = set(getattr(config, "layer_types", None) or ()) - _KNOWN_LAYER_TYPES
    if model_class._is_stateful or other:
        which = f" ({', '.join(sorted(other))})" if other else ""
        raise UnsupportedModel(f"{name} has layers{which} that keep other state than keys and values.")
    if not model_class._supports_attention_backend:
        raise UnsupportedModel(f"{name} computes attention in a way that cannot run on a paged cache.")
    if getattr(config, "num_kv_shared_layers", 0):
        raise UnsupportedModel(f"{name} has layers that share the keys and values of others.")
    if "position_ids" not in inspect.signature(model_class.forward).parameters:
        raise UnsupportedModel(f"{name} cannot be told the positions of its tokens.")
    return model_class


@dataclass(frozen=True, slots=True)
class Packed:
    """Weights that are in our layers inside the model and not among its parameters."""

    quantization: str = "none"
    num_parameters: int = 0
    nbytes: int = 0


class TransformersDecoder:
    """A model of the `transformers` library behind the `Decoder` protocol."""

    path: Literal["native", "transformers"] = "transformers"

    def __init__(
        self, architecture: str, model: PreTrainedModel, reason: str, packed: Packed, build: BuildConfig
    ) -> None:
        """`model` has its weights, and was built with `attn_implementation=ATTENTION`.

        Raises: UnsupportedModel when a trial step shows that its attention does not fit a paged cache.
        """
        self.architecture = architecture
        self.path_reason = reason
        self.quantization = packed.quantization
        self.vocab_size: int = model.config.get_text_config().vocab_size
        own = [] if packed.num_parameters else list(model.parameters())
        self.num_parameters = packed.num_parameters + sum(parameter.numel() for parameter in own)
        self.weight_bytes = packed.nbytes + sum(parameter.nbytes for parameter in own)
        self.sites = _sites(model, build)
        self._backbone: nn.Module = model.base_model
        self._passthrough = _Passthrough()
        setattr(model, model.base_model_prefix, self._passthrough)
        self._head = model
        self.cache_layers = self._probe()

    def forward(self, token_ids: Tensor, step: Step, cache: KVCacheView, wanted: Tensor | None = None) -> Tensor:
        """As `Decoder.forward` of `base`."""
        hidden = self._run(token_ids, step.positions, _PagedStep(step, cache)).last_hidden_state[0]
        return hidden if wanted is None else hidden[wanted]

    def logits(self, hidden: Tensor) -> Tensor:
        """(N, hidden) → (N, vocab) float32, soft cap and logit scale applied."""
        return self._head(inputs_embeds=hidden.unsqueeze(0), use_cache=False).logits[0].float()

    def _run(self, token_ids: Tensor, positions: Tensor, engine: _Attender) -> Any:
        return self._backbone(
            input_ids=token_ids.unsqueeze(0), position_ids=positions.unsqueeze(0), use_cache=False, engine=engine
        )

    @torch.inference_mode()
    def _probe(self) -> list[LayerCacheSpec]:
        """Run one token and see what each attention layer keeps."""
        device = next(self._backbone.parameters()).device
        tokens = torch.zeros(1, dtype=torch.int64, device=device)
        probe = _Probe()
        try:
            output = self._run(tokens, tokens, probe)
            self._passthrough.output_class = type(output)
            self.logits(output.last_hidden_state[0])
        except (TypeError, ValueError, KeyError, AttributeError, RuntimeError) as error:
            raise UnsupportedModel(f"{self.architecture} does not run on a paged cache: {error}") from error
        expected = self._head.config.get_text_config().num_hidden_layers
        if len(probe.layers) != expected:
            raise UnsupportedModel(
                f"{self.architecture} has {expected} layers but {len(probe.layers)} calls of causal attention; "
                "the others would need state that is not kept."
            )
        return probe.layers


def _sites(model: PreTrainedModel, build: BuildConfig) -> AdapterSites:
    """Every linear layer that all tokens go through, so neither the head nor experts."""
    sites = AdapterSites(build)
    for name, module in model.named_modules():
        if module is model.get_output_embeddings() or ".experts." in name:
            continue
        if isinstance(module, OwnLayer) and isinstance(module.layer, Linear):
            sites.watch([module.layer])
        elif isinstance(module, nn.Linear):
            sites.watch_module(name, module, module.out_features, module.in_features)
        elif isinstance(module, Conv1D):
            sites.watch_module(name, module, module.nf, module.nx)
    return sites


class _Attender(Protocol):
    """Who answers the model's attention layers, in the order they ask."""

    def attend(self, call: _Call) -> Tensor: ...


@dataclass(frozen=True, slots=True)
class _Call:
    """What one layer asks for."""

    query: Tensor
    """(T, H, D)"""
    key: Tensor
    """(T, KV, D)"""
    value: Tensor
    """(T, KV, D), padded with zeros if its heads are narrower than those of the keys."""
    scale: float
    sliding_window: int | None
    soft_cap: float | None
    sinks: Tensor | None


@dataclass(slots=True)
class _PagedStep:
    step: Step
    cache: KVCacheView
    layer: int = 0

    def attend(self, call: _Call) -> Tensor:
        layer, self.layer = self.layer, self.layer + 1
        return paged_attention(
            call.query,
            call.key,
            call.value,
            self.cache.layer(layer),
            self.step,
            scale=call.scale,
            sliding_window=call.sliding_window,
            soft_cap=call.soft_cap,
            sinks=call.sinks,
        )


@dataclass(slots=True)
class _Probe:
    layers: list[LayerCacheSpec] = field(default_factory=list[LayerCacheSpec])

    def attend(self, call: _Call) -> Tensor:
        self.layers.append(LayerCacheSpec(call.key.shape[1], call.key.shape[2], call.sliding_window))
        return torch.zeros_like(call.query)


def _attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    engine: _Attender | None = None,
    scaling: float | None = None,
    sliding_window: int | None = None,
    softcap: float | None = None,
    s_aux: Tensor | None = None,
    **others: Any,
) -> tuple[Tensor, None]:
    """query (1, H, T, D), key and value (1, KV, T, D) → (1, T, H, D), as the library's attention functions do."""
    if engine is None:
        raise ValueError("its layers keep from attention what the model is told")
    if attention_mask is not None or not others.get("is_causal", getattr(module, "is_causal", True)):
        raise ValueError("its attention is not simply causal")
    query, key, value = (heads[0].transpose(0, 1).contiguous() for heads in (query, key, value))
    value_dim = value.shape[-1]
    value = functional.pad(value, (0, key.shape[-1] - value_dim))
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    out = engine.attend(_Call(query, key, value, scale, sliding_window, softcap, s_aux))
    return out[..., :value_dim].unsqueeze(0), None


AttentionInterface.register(ATTENTION, _attention)


class _Passthrough(nn.Module):
    """Stands where the backbone was, so that calling the whole model applies its head to given hidden states."""

    def __init__(self) -> None:
        super().__init__()
        self.output_class: type[ModelOutput] = BaseModelOutputWithPast
        """What the backbone returns, which the head may look into."""

    @property
    def decoder(self) -> _Passthrough:
        """What a head of the OPT kind calls instead."""
        return self

    def forward(self, *_: Any, inputs_embeds: Tensor, **__: Any) -> ModelOutput:
        return self.output_class(last_hidden_state=inputs_embeds)


class OwnLayer(nn.Module):
    """One of our layers in the place of one of the library's."""

    def __init__(self, layer: Linear | Embedding, width: int, scale: float = 1.0) -> None:
        super().__init__()
        self.layer = layer
        self._width = width
        self._scale = scale

    def forward(self, x: Tensor) -> Tensor:
        """(…, in) → (…, out), or ids (…) → (…, hidden)."""
        if isinstance(self.layer, Linear):
            return self.layer(x.reshape(-1, x.shape[-1])).view(*x.shape[:-1], self._width)
        vectors = self.layer(x.reshape(-1)).view(*x.shape, self._width)
        return vectors if self._scale == 1.0 else vectors * torch.tensor(self._scale, dtype=vectors.dtype)
