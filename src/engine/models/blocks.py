"""What a native decoder layer is made of: attention, a feed-forward block, and the norms around them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.attention.base import Step
from engine.attention.paged import paged_attention
from engine.layers.linear import Linear, LinearGroup
from engine.layers.moe import MixtureOfExperts
from engine.layers.norm import RMSNorm
from engine.layers.rotary import RotaryEmbedding
from engine.models.spec import DecoderSpec


@dataclass(frozen=True, slots=True)
class AttentionBlock:
    spec: DecoderSpec
    qkv: LinearGroup
    output: Linear
    rotary: RotaryEmbedding | None
    window: int | None
    query_norm: RMSNorm | None
    key_norm: RMSNorm | None

    def __call__(self, x: Tensor, step: Step, cache: Tensor) -> Tensor:
        """x (T, hidden) → (T, hidden); writes this layer's keys and values into `cache`."""
        spec = self.spec
        heads = self.qkv(x).view(x.shape[0], spec.num_heads + 2 * spec.num_kv_heads, spec.head_dim)
        query, key, value = heads.split([spec.num_heads, spec.num_kv_heads, spec.num_kv_heads], 1)  # (T, heads, D)
        if self.query_norm is not None and self.key_norm is not None:
            query, key = self.query_norm(query), self.key_norm(key)
        if self.rotary is not None:
            query, key = self.rotary(query, key, step.positions)
        if (growth := spec.query_growth) is not None:
            scale = 1 + growth.beta * torch.log1p((step.positions // growth.period).float())  # (T,)
            query = (query * scale.view(-1, 1, 1)).to(key.dtype)
        out = paged_attention(
            query,
            key,
            value,
            cache,
            step,
            scale=spec.attention_scale,
            sliding_window=self.window,
            soft_cap=spec.attention_soft_cap,
        )
        return self.output(out.reshape(x.shape[0], -1))


@dataclass(frozen=True, slots=True)
class FeedForward:
    gate_up: LinearGroup
    down: Linear
    activation: Callable[[Tensor], Tensor]

    @property
    def linears(self) -> list[Linear]:
        return [*self.gate_up.parts, self.down]

    def __call__(self, x: Tensor) -> Tensor:
        """x (T, hidden) → (T, hidden)."""
        return self.down(self.activation(self.gate_up(x)))


@dataclass(frozen=True, slots=True)
class Layer:
    input_norm: RMSNorm
    attention: AttentionBlock
    attention_output_norm: RMSNorm | None
    feed_forward_norm: RMSNorm
    feed_forward: FeedForward | MixtureOfExperts
    feed_forward_output_norm: RMSNorm | None
    residual_scale: float

    @property
    def linears(self) -> list[Linear]:
        """The matrices that all tokens are multiplied with."""
        block = self.feed_forward
        if isinstance(block, MixtureOfExperts):
            others = [] if block.shared is None else [*block.shared.block.gate_up.parts, block.shared.block.down]
        else:
            others = block.linears
        return [*self.attention.qkv.parts, self.attention.output, *others]

    def __call__(self, normed: Tensor, residual: Tensor, step: Step, cache: Tensor) -> tuple[Tensor, Tensor]:
        """Normalised input and residual stream (T, hidden) → (what to add to the stream, the stream)."""
        update = self._finish(self.attention(normed, step, cache), self.attention_output_norm)
        normed, residual = self.feed_forward_norm.add(update, residual)
        return self._finish(self.feed_forward(normed), self.feed_forward_output_norm), residual

    def _finish(self, update: Tensor, norm: RMSNorm | None) -> Tensor:
        if norm is not None:
            update = norm(update)
        return update if self.residual_scale == 1.0 else update * self.residual_scale
