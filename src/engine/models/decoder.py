"""The native decoder: shared layers put together as a family's spec says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from engine.attention.base import KVCacheView, LayerCacheSpec, Step
from engine.attention.paged import paged_attention
from engine.layers.activation import gelu_tanh_mul, silu_mul
from engine.layers.linear import Embedding, Linear
from engine.layers.moe import MixtureOfExperts
from engine.layers.norm import RMSNorm
from engine.layers.rotary import RotaryEmbedding
from engine.loading.weights import Weights
from engine.models.rope import Rope
from engine.models.spec import DecoderSpec, Experts

_ACTIVATIONS = {"silu": silu_mul, "gelu_tanh": gelu_tanh_mul}
_IGNORED = ("rotary_emb.inv_freq", "lm_head.weight")
"""Left in checkpoints although nothing reads them: frequencies that follow from the config, the copy of a tied head."""


class NativeDecoder:
    """A decoder of a family we know, on our own layers."""

    path: Literal["native", "transformers"] = "native"

    def __init__(self, architecture: str, spec: DecoderSpec, weights: Weights) -> None:
        """Takes every tensor out of `weights`.

        Raises: CorruptModel when one is missing, left over or of another shape.
        """
        self.architecture = architecture
        self.path_reason = f"{architecture} is a native family"
        self.vocab_size = spec.vocab_size
        self.cache_layers = [LayerCacheSpec(spec.num_kv_heads, spec.head_dim, window) for window in spec.windows]
        self._spec = spec
        builder = _Builder(spec, weights)
        table = weights.matrix("model.embed_tokens.weight", spec.vocab_size, spec.hidden_size)
        self._embedding = Embedding(table, weights.build.dtype)
        layers = [builder.layer(index) for index in range(spec.num_layers)]
        self._first_norm = layers[0].input_norm
        following = [*(layer.input_norm for layer in layers[1:]), builder.norm("model.norm", spec.hidden_size)]
        self._layers = list(zip(layers, following, strict=True))  # each with the norm after it
        if spec.tied_head:
            self._head = self._embedding.as_linear(weights.build.matmul_dtype)
        else:
            self._head = weights.linear("lm_head", spec.vocab_size, spec.hidden_size)
        weights.check_all_used(_IGNORED)
        self.quantization = weights.quantization
        self.weight_bytes = weights.nbytes
        self.num_parameters = weights.num_parameters

    def forward(self, token_ids: Tensor, step: Step, cache: KVCacheView) -> Tensor:
        """token_ids (T,) int64 → final normalised hidden states (T, hidden); writes keys and values into `cache`."""
        residual = self._embedding(token_ids)
        if self._spec.embedding_scale != 1.0:
            residual = residual * torch.tensor(self._spec.embedding_scale, dtype=residual.dtype)
        normed = self._first_norm(residual)
        for index, (layer, next_norm) in enumerate(self._layers):
            update, residual = layer(normed, residual, step, cache.layer(index))
            normed, residual = next_norm.add(update, residual)
        return normed

    def logits(self, hidden: Tensor) -> Tensor:
        """(N, hidden) → (N, vocab) float32, soft cap and logit scale applied."""
        scores = self._head(hidden).float()
        if self._spec.logit_scale != 1.0:
            scores = scores * self._spec.logit_scale
        if (cap := self._spec.logit_soft_cap) is not None:
            scores = cap * torch.tanh(scores / cap)
        return scores


def _joined(linears: Sequence[Linear]) -> Callable[[Tensor], Tensor]:
    """x (T, in) → outputs of all layers side by side, (T, sum of out); one product if their weights go together."""
    fused = Linear.fused(linears)
    return fused if fused is not None else lambda x: torch.cat([linear(x) for linear in linears], -1)


class _Attention:
    def __init__(
        self,
        spec: DecoderSpec,
        qkv: Callable[[Tensor], Tensor],
        output: Linear,
        rotary: RotaryEmbedding | None,
        window: int | None,
        query_norm: RMSNorm | None,
        key_norm: RMSNorm | None,
    ) -> None:
        self._spec = spec
        self._qkv = qkv
        self._output = output
        self._rotary = rotary
        self._window = window
        self._query_norm = query_norm
        self._key_norm = key_norm

    def __call__(self, x: Tensor, step: Step, cache: Tensor) -> Tensor:
        spec = self._spec
        heads = self._qkv(x).view(x.shape[0], spec.num_heads + 2 * spec.num_kv_heads, spec.head_dim)
        query, key, value = heads.split([spec.num_heads, spec.num_kv_heads, spec.num_kv_heads], 1)  # (T, heads, D)
        if self._query_norm is not None and self._key_norm is not None:
            query, key = self._query_norm(query), self._key_norm(key)
        if self._rotary is not None:
            query, key = self._rotary(query, key, step.positions)
        out = paged_attention(
            query,
            key,
            value,
            cache,
            step,
            scale=spec.attention_scale,
            sliding_window=self._window,
            soft_cap=spec.attention_soft_cap,
        )
        return self._output(out.reshape(x.shape[0], -1))


class _FeedForward:
    def __init__(
        self, gate_up: Callable[[Tensor], Tensor], down: Linear, activation: Callable[[Tensor], Tensor]
    ) -> None:
        self._gate_up = gate_up
        self._down = down
        self._activation = activation

    def __call__(self, x: Tensor) -> Tensor:
        return self._down(self._activation(self._gate_up(x)))


@dataclass(frozen=True, slots=True)
class _Layer:
    input_norm: RMSNorm
    attention: _Attention
    attention_output_norm: RMSNorm | None
    feed_forward_norm: RMSNorm
    feed_forward: Callable[[Tensor], Tensor]
    feed_forward_output_norm: RMSNorm | None
    residual_scale: float

    def __call__(self, normed: Tensor, residual: Tensor, step: Step, cache: Tensor) -> tuple[Tensor, Tensor]:
        """Normalised input and residual stream (T, hidden) → (what to add to the stream, the stream)."""
        update = self._finish(self.attention(normed, step, cache), self.attention_output_norm)
        normed, residual = self.feed_forward_norm.add(update, residual)
        return self._finish(self.feed_forward(normed), self.feed_forward_output_norm), residual

    def _finish(self, update: Tensor, norm: RMSNorm | None) -> Tensor:
        if norm is not None:
            update = norm(update)
        return update if self.residual_scale == 1.0 else update * self.residual_scale


class _Builder:
    """Makes layers out of named weights."""

    def __init__(self, spec: DecoderSpec, weights: Weights) -> None:
        self._spec = spec
        self._weights = weights
        self._rotaries: dict[Rope, RotaryEmbedding] = {}

    def norm(self, name: str, size: int) -> RMSNorm:
        weight = self._weights.vector(f"{name}.weight", size)
        return RMSNorm(weight + self._spec.norm_offset, self._spec.norm_eps)

    def layer(self, index: int) -> _Layer:
        spec, name = self._spec, f"model.layers.{index}"
        sandwich = spec.sandwich_norms
        after_attention = self.norm(f"{name}.post_attention_layernorm", spec.hidden_size)
        experts = spec.experts[index]
        return _Layer(
            input_norm=self.norm(f"{name}.input_layernorm", spec.hidden_size),
            attention=self._attention(index),
            attention_output_norm=after_attention if sandwich else None,
            feed_forward_norm=(
                self.norm(f"{name}.pre_feedforward_layernorm", spec.hidden_size) if sandwich else after_attention
            ),
            feed_forward=self._mixture(name, experts) if experts else self._feed_forward(f"{name}.mlp"),
            feed_forward_output_norm=(
                self.norm(f"{name}.post_feedforward_layernorm", spec.hidden_size) if sandwich else None
            ),
            residual_scale=spec.residual_scale,
        )

    def _attention(self, index: int) -> _Attention:
        spec, name = self._spec, f"model.layers.{index}.self_attn"
        hidden, queries, keys = spec.hidden_size, spec.num_heads * spec.head_dim, spec.num_kv_heads * spec.head_dim
        if spec.fused_checkpoint:
            qkv = self._weights.linear(f"{name}.qkv_proj", queries + 2 * keys, hidden)
        else:
            qkv = _joined(
                [
                    self._weights.linear(f"{name}.q_proj", queries, hidden, bias=spec.qkv_bias),
                    self._weights.linear(f"{name}.k_proj", keys, hidden, bias=spec.qkv_bias),
                    self._weights.linear(f"{name}.v_proj", keys, hidden, bias=spec.qkv_bias),
                ]
            )
        return _Attention(
            spec,
            qkv,
            self._weights.linear(f"{name}.o_proj", hidden, queries, bias=spec.output_bias),
            self._rotary(spec.ropes[index]),
            spec.windows[index],
            self.norm(f"{name}.q_norm", spec.head_dim) if spec.qk_norm else None,
            self.norm(f"{name}.k_norm", spec.head_dim) if spec.qk_norm else None,
        )

    def _feed_forward(self, name: str) -> _FeedForward:
        spec, bias = self._spec, self._spec.mlp_bias
        hidden, inner = spec.hidden_size, spec.intermediate_size
        if spec.fused_checkpoint:
            gate_up = self._weights.linear(f"{name}.gate_up_proj", 2 * inner, hidden)
        else:
            gate_up = _joined(
                [
                    self._weights.linear(f"{name}.gate_proj", inner, hidden, bias=bias),
                    self._weights.linear(f"{name}.up_proj", inner, hidden, bias=bias),
                ]
            )
        down = self._weights.linear(f"{name}.down_proj", hidden, inner, bias=bias)
        return _FeedForward(gate_up, down, _ACTIVATIONS[spec.activation])

    def _mixture(self, layer: str, experts: Experts) -> MixtureOfExperts:
        hidden, inner = self._spec.hidden_size, experts.intermediate_size
        name = f"{layer}.{experts.block}"
        router = self._weights.linear(f"{name}.gate", experts.count, hidden)
        blocks = [
            _FeedForward(
                _joined(
                    [
                        self._weights.linear(f"{name}.experts.{i}.{experts.gate}", inner, hidden),
                        self._weights.linear(f"{name}.experts.{i}.{experts.up}", inner, hidden),
                    ]
                ),
                self._weights.linear(f"{name}.experts.{i}.{experts.down}", hidden, inner),
                _ACTIVATIONS[self._spec.activation],
            )
            for i in range(experts.count)
        ]
        return MixtureOfExperts(router, blocks, experts.per_token, normalize=experts.normalize)

    def _rotary(self, rope: Rope | None) -> RotaryEmbedding | None:
        if rope is None:
            return None
        if rope not in self._rotaries:
            self._rotaries[rope] = rope.layer(self._weights.build.device)
        return self._rotaries[rope]
