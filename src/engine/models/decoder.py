"""The native decoder: shared layers put together as a family's spec says."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from engine.adapters.layers import AdapterSites
from engine.attention.base import KVCacheView, LayerCacheSpec, Step
from engine.layers.activation import gelu_tanh_mul, silu_mul
from engine.layers.linear import Embedding
from engine.layers.moe import MixtureOfExperts, SharedExpert
from engine.layers.norm import RMSNorm
from engine.layers.rotary import RotaryEmbedding
from engine.loading.weights import Weights
from engine.models.blocks import AttentionBlock, FeedForward, Layer
from engine.models.native_stack import NativeStack
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
        self.sites = AdapterSites(weights.build)
        self.sites.watch(linear for layer in layers for linear in layer.linears)
        self._stack = NativeStack(spec, self._embedding, self._layers, self.sites)
        if spec.tied_head:
            self._head = self._embedding.as_linear(weights.build.matmul_dtype)
            self._head.settle()
        else:
            self._head = weights.linear("lm_head", spec.vocab_size, spec.hidden_size)
        weights.check_all_used(_IGNORED)
        self.quantization = weights.quantization
        self.weight_bytes = weights.nbytes
        self.num_parameters = weights.num_parameters

    def forward(self, token_ids: Tensor, step: Step, cache: KVCacheView, wanted: Tensor | None = None) -> Tensor:
        """As `Decoder.forward` of `base`."""
        if (hidden := self._stack(token_ids, step, cache, wanted)) is not None:
            return hidden
        residual = self._embedding(token_ids)
        if self._spec.embedding_scale != 1.0:
            residual = residual * torch.tensor(self._spec.embedding_scale, dtype=residual.dtype)
        normed = self._first_norm(residual)
        for index, (layer, next_norm) in enumerate(self._layers):
            update, residual = layer(normed, residual, step, cache.layer(index))
            normed, residual = next_norm.add(update, residual)
        return normed if wanted is None else normed[wanted]

    def logits(self, hidden: Tensor) -> Tensor:
        """(N, hidden) → (N, vocab) float32, soft cap and logit scale applied."""
        scores = self._head(hidden).float()
        if self._spec.logit_scale != 1.0:
            scores = scores * self._spec.logit_scale
        if (cap := self._spec.logit_soft_cap) is not None:
            scores = cap * torch.tanh(scores / cap)
        return scores


class _Builder:
    """Makes layers out of named weights."""

    def __init__(self, spec: DecoderSpec, weights: Weights) -> None:
        self._spec = spec
        self._weights = weights
        self._rotaries: dict[Rope, RotaryEmbedding] = {}

    def norm(self, name: str, size: int) -> RMSNorm:
        weight = self._weights.vector(f"{name}.weight", size)
        return RMSNorm(weight + self._spec.norm_offset, self._spec.norm_eps)

    def layer(self, index: int) -> Layer:
        spec, name = self._spec, f"model.layers.{index}"
        sandwich = spec.sandwich_norms
        after_attention = self.norm(f"{name}.post_attention_layernorm", spec.hidden_size)
        experts = spec.experts[index]
        return Layer(
            input_norm=self.norm(f"{name}.input_layernorm", spec.hidden_size),
            attention=self._attention(index),
            attention_output_norm=after_attention if sandwich else None,
            feed_forward_norm=(
                self.norm(f"{name}.pre_feedforward_layernorm", spec.hidden_size) if sandwich else after_attention
            ),
            feed_forward=self._mixture(name, experts)
            if experts
            else self._feed_forward(f"{name}.mlp", spec.intermediate_size),
            feed_forward_output_norm=(
                self.norm(f"{name}.post_feedforward_layernorm", spec.hidden_size) if sandwich else None
            ),
            residual_scale=spec.residual_scale,
        )

    def _attention(self, index: int) -> AttentionBlock:
        spec, name = self._spec, f"model.layers.{index}.self_attn"
        hidden, queries, keys = spec.hidden_size, spec.num_heads * spec.head_dim, spec.num_kv_heads * spec.head_dim
        if spec.fused_checkpoint:
            parts = {f"{name}.qkv_proj": queries + 2 * keys}
        else:
            parts = {f"{name}.q_proj": queries, f"{name}.k_proj": keys, f"{name}.v_proj": keys}
        return AttentionBlock(
            spec,
            self._weights.group(parts, hidden, bias=spec.qkv_bias),
            self._weights.linear(f"{name}.o_proj", hidden, queries, bias=spec.output_bias),
            self._rotary(spec.ropes[index]),
            spec.windows[index],
            self.norm(f"{name}.q_norm", spec.head_dim) if spec.qk_norm else None,
            self.norm(f"{name}.k_norm", spec.head_dim) if spec.qk_norm else None,
        )

    def _feed_forward(self, name: str, inner: int) -> FeedForward:
        spec, hidden, bias = self._spec, self._spec.hidden_size, self._spec.mlp_bias
        if spec.fused_checkpoint:
            parts = {f"{name}.gate_up_proj": 2 * inner}
        else:
            parts = {f"{name}.gate_proj": inner, f"{name}.up_proj": inner}
        gate_up = self._weights.group(parts, hidden, bias=bias)
        down = self._weights.linear(f"{name}.down_proj", hidden, inner, bias=bias)
        return FeedForward(gate_up, down, _ACTIVATIONS[spec.activation])

    def _mixture(self, layer: str, experts: Experts) -> MixtureOfExperts:
        hidden, inner = self._spec.hidden_size, experts.intermediate_size
        name = f"{layer}.{experts.block}"
        router = self._weights.linear(f"{name}.gate", experts.count, hidden)
        blocks = [
            FeedForward(
                self._weights.group(
                    {f"{name}.experts.{i}.{experts.gate}": inner, f"{name}.experts.{i}.{experts.up}": inner}, hidden
                ),
                self._weights.linear(f"{name}.experts.{i}.{experts.down}", hidden, inner),
                _ACTIVATIONS[self._spec.activation],
            )
            for i in range(experts.count)
        ]
        shared = None
        if experts.shared_size is not None:
            gate = self._weights.linear(f"{name}.shared_expert_gate", 1, hidden)
            shared = SharedExpert(gate, self._feed_forward(f"{name}.shared_expert", experts.shared_size))
        return MixtureOfExperts(router, blocks, experts.per_token, normalize=experts.normalize, shared=shared)

    def _rotary(self, rope: Rope | None) -> RotaryEmbedding | None:
        if rope is None:
            return None
        if rope not in self._rotaries:
            self._rotaries[rope] = rope.layer(self._weights.build.device)
        return self._rotaries[rope]
