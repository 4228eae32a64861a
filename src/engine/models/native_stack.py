"""A decoder from token ids to hidden states in one native call a step: what Python costs a layer is a quarter of a
small model's step.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from engine.adapters.layers import Adapter, AdapterSites
from engine.adapters.native import NativeAdapter
from engine.attention.base import KVCacheView, Step
from engine.attention.paged_native import shared_arguments
from engine.kernels import native
from engine.kernels.library import AdapterRowsArguments, DecoderLayerArguments, DecoderStepArguments
from engine.layers.activation import GELU_TANH, SILU
from engine.layers.linear import Embedding, Linear, native_precision
from engine.layers.moe import MixtureOfExperts
from engine.layers.norm import RMSNorm
from engine.layers.rotary import RotaryEmbedding
from engine.models.blocks import FeedForward, Layer
from engine.models.spec import DecoderSpec


class NativeStack:
    """The embedding and the layers of a decoder, each with the norm after it, where all of them fit the library.

    They fit when every weight is in the library's layout, no expert is shared by all tokens and no query has grown. The
    numbers are those of calling the layers one by one: the same kernels run in the same order.
    """

    def __init__(
        self,
        spec: DecoderSpec,
        embedding: Embedding,
        layers: Sequence[tuple[Layer, RMSNorm]],
        sites: AdapterSites,
    ) -> None:
        self._spec = spec
        self._sites = sites
        self._embedding = embedding
        self._layers = layers
        self._linears = [linear for layer, _ in layers for linear in _linears(layer)]
        self._matmul_dtypes = {linear.matmul_dtype for linear in self._linears}
        blocks = [layer.feed_forward for layer, _ in layers]
        self._fits = all(isinstance(block, FeedForward) or block.shared is None for block in blocks)
        self._products = [linear for layer, _ in layers for linear in _products(layer)]
        self._adapters: WeakKeyDictionary[Adapter, NativeAdapter | None] = WeakKeyDictionary()
        """Those seen so far; None for one whose matrices do not fit."""
        self._described: _Described | None = None
        self._caches: _Caches | None = None

    def __call__(self, token_ids: Tensor, step: Step, cache: KVCacheView, wanted: Tensor | None) -> Tensor | None:
        """token_ids (T,) int64 → normalised hidden states (T, hidden); writes keys and values into `cache`.

        With `wanted` (W,) int64, ascending, only those rows, (W, hidden): the last layer leaves out the others. None,
        with nothing done, when the layers have to be called one by one. Raises IndexError for an id that is no token.
        """
        library = native()
        if library is None or token_ids.device.type != "cpu" or self._embedding.dtype is not torch.float32:
            return None
        longest = max(step.context_lens_host)
        growth, rows = self._spec.query_growth, self._sites.step.rows
        if (
            not self._fits
            or (growth is not None and longest > growth.period)
            or (rows and not library.applies_adapters)
        ):
            return None
        described = self._describe(longest)
        if described is None:
            return None
        if self._caches is None or self._caches.view is not cache:
            self._caches = _Caches.of(cache, len(self._layers))
        if self._caches is None:
            return None
        spec, caches = self._spec, self._caches
        attention = shared_arguments(caches.first, step, spec.num_heads, spec.attention_scale, spec.attention_soft_cap)
        adapters = self._adapter_rows()
        if attention is None or adapters is None:
            return None
        token_ids = token_ids.contiguous()
        out = torch.empty(token_ids.shape[0], spec.hidden_size)
        arguments = DecoderStepArguments(
            embedding=described.embedding,
            token_ids=token_ids.data_ptr(),
            out=out.data_ptr(),
            first_norm=self._layers[0][0].input_norm.weight.data_ptr(),
            positions=step.positions.data_ptr(),
            wanted=None if wanted is None else wanted.data_ptr(),
            num_wanted=0 if wanted is None else wanted.shape[0],
            caches=ctypes.addressof(caches.pointers),
            attention=attention,
            hidden=spec.hidden_size,
            inner=spec.intermediate_size,
            eps=spec.norm_eps,
            embedding_scale=spec.embedding_scale,
            residual_scale=spec.residual_scale,
            activation=SILU if spec.activation == "silu" else GELU_TANH,
            precision=native_precision(next(iter(self._matmul_dtypes)) or torch.float32),
            adapters=ctypes.addressof(adapters),
            num_adapters=len(adapters),
        )
        if not library.decoder_step(ctypes.byref(arguments), described.layers, len(self._layers)):
            raise IndexError(f"A token id is outside the vocabulary of {self._embedding.weight.shape[0]}.")
        return out if wanted is None else out[: wanted.shape[0]]

    def _adapter_rows(self) -> ctypes.Array[AdapterRowsArguments] | None:
        """Whose rows the step has, in the library's words; None when one of the adapters does not fit."""
        rows = self._sites.step.rows
        for part in rows:
            if part.adapter not in self._adapters:
                self._adapters[part.adapter] = NativeAdapter.of(part.adapter, self._products)
        described = [self._adapters[part.adapter] for part in rows]
        arguments = [
            AdapterRowsArguments(ctypes.addressof(adapter.additions), part.start, part.stop)
            for adapter, part in zip(described, rows, strict=True)
            if adapter is not None
        ]
        return (AdapterRowsArguments * len(rows))(*arguments) if len(arguments) == len(rows) else None

    def _describe(self, positions: int) -> _Described | None:
        """The layers in the library's words, good for so many positions; None when one of them does not fit."""
        if self._described is None or self._described.positions < positions:
            if len(self._matmul_dtypes) > 1:
                return None
            embedding = self._embedding.native_address()
            if embedding is None or any(linear.native_address() is None for linear in self._linears):
                return None
            rotaries = {layer.attention.rotary for layer, _ in self._layers} - {None}
            tables = {rotary: rotary.table(positions) for rotary in rotaries if rotary is not None}
            shortest = min((table.shape[0] for table in tables.values()), default=sys.maxsize)
            layers = [_arguments(layer, next_norm, tables) for layer, next_norm in self._layers]
            self._described = _Described(embedding, (DecoderLayerArguments * len(layers))(*layers), shortest, tables)
        return self._described


@dataclass(frozen=True, slots=True)
class _Described:
    embedding: int
    """Address of the table."""
    layers: ctypes.Array[DecoderLayerArguments]
    positions: int
    """How far the rotary tables reach."""
    tables: dict[RotaryEmbedding, Tensor]
    """Kept for as long as `layers` points to them."""


@dataclass(frozen=True, slots=True)
class _Caches:
    """Where the keys and values of every layer are."""

    view: KVCacheView
    first: Tensor
    pointers: ctypes.Array[ctypes.c_void_p]

    @classmethod
    def of(cls, view: KVCacheView, count: int) -> _Caches | None:
        """None when the layers' caches are not of one kind."""
        caches = [view.layer(index) for index in range(count)]
        shape, dtype = caches[0].shape, caches[0].dtype
        if not all(cache.shape == shape and cache.dtype is dtype and cache.is_contiguous() for cache in caches):
            return None
        return cls(view, caches[0], (ctypes.c_void_p * count)(*[cache.data_ptr() for cache in caches]))


def _linears(layer: Layer) -> list[Linear]:
    return [*layer.attention.qkv.parts, layer.attention.output, *layer.feed_forward.linears]


def _products(layer: Layer) -> list[Linear | None]:
    """The matrices that adapters may add to, in the order of `engine::Product` of decoder.h."""
    block = layer.feed_forward
    inside = [] if isinstance(block, MixtureOfExperts) else block.gate_up.parts
    down = None if isinstance(block, MixtureOfExperts) else block.down
    return [*_padded(layer.attention.qkv.parts, 3), layer.attention.output, *_padded(inside, 2), down]


def _padded(parts: Sequence[Linear], count: int) -> list[Linear | None]:
    return [*parts, *[None] * (count - len(parts))]


def _arguments(layer: Layer, next_norm: RMSNorm, tables: dict[RotaryEmbedding, Tensor]) -> DecoderLayerArguments:
    attention, feed_forward = layer.attention, layer.feed_forward
    table = None if attention.rotary is None else tables[attention.rotary]
    arguments = DecoderLayerArguments(
        qkv=tuple(linear.native_address() for linear in attention.qkv.parts),
        output=attention.output.native_address(),
        query_norm=_address(attention.query_norm),
        key_norm=_address(attention.key_norm),
        attention_output_norm=_address(layer.attention_output_norm),
        feed_forward_norm=_address(layer.feed_forward_norm),
        feed_forward_output_norm=_address(layer.feed_forward_output_norm),
        next_norm=_address(next_norm),
        rotary_table=None if table is None else table.data_ptr(),
        rotary_dim=0 if table is None else 2 * table.shape[2],
        window=attention.window or 0,
    )
    if isinstance(feed_forward, MixtureOfExperts):
        arguments.mixture = feed_forward.native_address()
    else:
        arguments.gate_up = tuple(linear.native_address() for linear in feed_forward.gate_up.parts)
        arguments.down = feed_forward.down.native_address()
    return arguments


def _address(norm: RMSNorm | None) -> int | None:
    return None if norm is None else norm.weight.data_ptr()
