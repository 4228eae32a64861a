"""The native library's operations as operators of torch, `torch.ops.mistralrs.*`.

Each takes float32 tensors on the CPU, calls the library with their addresses and returns new dense tensors. A fake
implementation states shapes, so that a model can be traced, exported or compiled with the operators in it. Whoever
calls one asks `takes` first: there the library or torch is chosen. The call of a whole step (`NativeStack`) is no
operator: it is what they are fused into.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from engine.kernels import native
from engine.kernels.library import AttentionArguments, Library, MatrixArguments
from engine.quant.base import GGMLType

CACHE_FORMATS = {
    torch.float32: GGMLType.F32.file_id,
    torch.float16: GGMLType.F16.file_id,
    torch.bfloat16: GGMLType.BF16.file_id,
    torch.float8_e4m3fn: 100,
}
"""Types of a KV cache that the library reads, and their `engine::Format`."""

_operators = torch.library.Library("mistralrs", "DEF")


def takes(*tensors: Tensor) -> bool:
    """Whether the library is there and these tensors are of the kind it computes with."""
    return native() is not None and all(x.dtype is torch.float32 and x.device.type == "cpu" for x in tensors)


def _define(schema: str, compute: Callable[..., Any], shapes: Callable[..., Any]) -> Callable[..., Any]:
    name = schema.partition("(")[0]
    _operators.define(schema, tags=torch.Tag.pt2_compliant_tag)
    _operators.impl(name, compute, "CPU")
    torch.library.register_fake(f"mistralrs::{name}", shapes, lib=_operators)
    return getattr(torch.ops.mistralrs, name).default


def _like(x: Tensor, *_: Any) -> Tensor:
    return x.new_empty(x.shape)


def _like_both(x: Tensor, other: Tensor, *_: Any) -> tuple[Tensor, Tensor]:
    return x.new_empty(x.shape), other.new_empty(other.shape)


def _library() -> Library:
    library = native()
    assert library is not None, "asked by the caller"
    return library


def _linear(x: Tensor, weight: Tensor, bias: Tensor | None, rows: int, format: int, precision: int) -> Tensor:
    x = x if x.stride(1) == 1 else x.contiguous()
    bias = None if bias is None else bias.contiguous()
    tokens, columns = x.shape
    out = torch.empty(tokens, rows)
    address = None if bias is None else bias.data_ptr()
    matrix = MatrixArguments(data=weight.data_ptr(), bias=address, rows=rows, columns=columns, format=format)
    _library().linear(ctypes.byref(matrix), x.data_ptr(), x.stride(0), out.data_ptr(), tokens, precision)
    return out


def _linear_shape(x: Tensor, weight: Tensor, bias: Tensor | None, rows: int, *_: Any) -> Tensor:
    return x.new_empty(x.shape[0], rows)


linear = _define(
    "linear(Tensor x, Tensor weight, Tensor? bias, int rows, int format, int precision) -> Tensor",
    _linear,
    _linear_shape,
)
"""x (T, columns) → (T, rows) for a `NativeMatrix`, whose bytes, rows and format these are, and `engine::Precision`."""


def _look_up(ids: Tensor, weight: Tensor, rows: int, columns: int, format: int) -> Tensor:
    ids = ids.contiguous()
    out = torch.empty(ids.numel(), columns)
    matrix = MatrixArguments(data=weight.data_ptr(), bias=None, rows=rows, columns=columns, format=format)
    if not _library().dequantize_rows(ctypes.byref(matrix), ids.data_ptr(), ids.numel(), out.data_ptr()):
        raise IndexError(f"A row id is outside 0 … {rows - 1}.")
    return out


def _look_up_shape(ids: Tensor, weight: Tensor, rows: int, columns: int, *_: Any) -> Tensor:
    return ids.new_empty(ids.numel(), columns, dtype=torch.float32)


look_up = _define(
    "look_up(Tensor ids, Tensor weight, int rows, int columns, int format) -> Tensor",
    _look_up,
    _look_up_shape,
)
"""ids (N,) int64 → (N, columns), rows of a `NativeMatrix`. Raises IndexError for an id that is no row."""


def _rms_norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    rows = x if x.dim() == 3 else x.reshape(-1, x.shape[-1]).unsqueeze(1)
    rows = dense_heads(rows)
    out = torch.empty(x.shape)
    inputs = rows.data_ptr(), None, weight.data_ptr()
    _library().rms_norm(*inputs, None, out.data_ptr(), *rows.shape, rows.stride(0), eps)
    return out


rms_norm = _define(
    "rms_norm(Tensor x, Tensor weight, float eps) -> Tensor",
    _rms_norm,
    _like,
)
"""x (..., width), weight (width,) dense → as x."""


def _add_rms_norm(x: Tensor, residual: Tensor, weight: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    x, residual = x.contiguous(), residual.contiguous()
    normed, total = torch.empty(x.shape), torch.empty(x.shape)
    rows, width = x.shape
    inputs, outputs = (x.data_ptr(), residual.data_ptr(), weight.data_ptr()), (total.data_ptr(), normed.data_ptr())
    _library().rms_norm(*inputs, *outputs, rows, 1, width, width, eps)
    return normed, total


add_rms_norm = _define(
    "add_rms_norm(Tensor x, Tensor residual, Tensor weight, float eps) -> (Tensor, Tensor)",
    _add_rms_norm,
    _like_both,
)
"""x and residual (T, width) → (normalised sum, sum)."""


def _rotary(query: Tensor, key: Tensor, positions: Tensor, table: Tensor) -> tuple[Tensor, Tensor]:
    query, key, positions = dense_heads(query), dense_heads(key), positions.contiguous()
    turned_query, turned_key = torch.empty(query.shape), torch.empty(key.shape)
    tokens, heads, head_dim = query.shape
    queries = query.data_ptr(), query.stride(0), turned_query.data_ptr(), heads
    keys = key.data_ptr(), key.stride(0), turned_key.data_ptr(), key.shape[1]
    length, _, half = table.shape
    places = table.data_ptr(), length, positions.data_ptr(), tokens
    if not _library().rotary(*queries, *keys, *places, head_dim, 2 * half):
        raise IndexError(f"A position is outside the rotary table of {length}.")
    return turned_query, turned_key


rotary = _define(
    "rotary(Tensor query, Tensor key, Tensor positions, Tensor table) -> (Tensor, Tensor)",
    _rotary,
    _like_both,
)
"""query (T, H, D), key (T, KV, D), positions (T,) int64, table as from `RotaryEmbedding.table` → the two turned.

Raises IndexError when a position is beyond the table."""


def _gated(gate_up: Tensor, activation: int) -> Tensor:
    gate_up = gate_up.contiguous()
    tokens, width = gate_up.shape[0], gate_up.shape[1] // 2
    out = torch.empty(tokens, width)
    _library().gated(gate_up.data_ptr(), out.data_ptr(), tokens, width, activation)
    return out


def _gated_shape(gate_up: Tensor, *_: Any) -> Tensor:
    return gate_up.new_empty(gate_up.shape[0], gate_up.shape[1] // 2)


gated = _define(
    "gated(Tensor gate_up, int activation) -> Tensor",
    _gated,
    _gated_shape,
)
"""gate_up (T, 2I) → activation(gate) · up, (T, I); activations as in `engine.layers.activation`."""


def _mix_experts(x: Tensor, mixture: int, precision: int) -> Tensor:
    x = x.contiguous()
    out = torch.empty(x.shape)
    _library().mix_experts(mixture, x.data_ptr(), out.data_ptr(), x.shape[0], precision)
    return out


mix_experts = _define("mix_experts(Tensor x, int mixture, int precision) -> Tensor", _mix_experts, _like)
"""x (T, hidden) through a mixture of experts → as x; `mixture` is the address of its `MixtureArguments`: hundreds of
matrices as a list of tensors would cost more than the products of a token."""


def _paged_attention(  # noqa: PLR0913, PLR0917 - an operator takes tensors and numbers only
    query: Tensor,
    key: Tensor,
    value: Tensor,
    cache: Tensor,
    query_starts: Tensor,
    context_lens: Tensor,
    block_tables: Tensor,
    slots: Tensor,
    sinks: Tensor | None,
    scale: float,
    window: int,
    soft_cap: float,
) -> Tensor:
    query, key, value = dense_heads(query), dense_heads(key), dense_heads(value)
    sinks = None if sinks is None else sinks.contiguous()
    out = torch.empty(query.shape)
    arguments = attention_arguments(
        cache, query_starts, context_lens, block_tables, slots, query.shape[1], scale, soft_cap
    )
    arguments.query, arguments.query_stride = query.data_ptr(), query.stride(0)
    arguments.key, arguments.key_stride = key.data_ptr(), key.stride(0)
    arguments.value, arguments.value_stride = value.data_ptr(), value.stride(0)
    arguments.out, arguments.cache = out.data_ptr(), cache.data_ptr()
    arguments.sinks = None if sinks is None else sinks.data_ptr()
    arguments.window = window
    _library().attention(ctypes.byref(arguments))
    return out


paged_attention = _define(
    "paged_attention(Tensor query, Tensor key, Tensor value, Tensor(a!) cache, Tensor query_starts, "
    "Tensor context_lens, Tensor block_tables, Tensor slots, Tensor? sinks, float scale, int window, float soft_cap) "
    "-> Tensor",
    _paged_attention,
    _like,
)
"""As `engine.attention.base.Attention`, with the tensors of its `Step`; a window or cap of 0 is none."""


def attention_arguments(
    cache: Tensor,
    query_starts: Tensor,
    context_lens: Tensor,
    block_tables: Tensor,
    slots: Tensor,
    heads: int,
    scale: float,
    soft_cap: float,
) -> AttentionArguments:
    """What all layers of a step share whose caches are like `cache`, of one of `CACHE_FORMATS` and contiguous."""
    _, blocks, kv_heads, block_size, head_dim = cache.shape
    return AttentionArguments(
        query_starts=query_starts.data_ptr(),
        context_lens=context_lens.data_ptr(),
        block_tables=block_tables.data_ptr(),
        slots=slots.data_ptr(),
        tokens=slots.shape[0],
        sequences=context_lens.shape[0],
        table_stride=block_tables.stride(0),
        blocks=blocks,
        heads=heads,
        kv_heads=kv_heads,
        head_dim=head_dim,
        block_size=block_size,
        scale=scale,
        soft_cap=soft_cap,
        format=CACHE_FORMATS[cache.dtype],
    )


def dense_heads(x: Tensor) -> Tensor:
    """x (T, heads, D) with the heads of a token one behind the other; tokens may lie apart."""
    return x if x.stride(2) == 1 and x.stride(1) == x.shape[2] else x.contiguous()
