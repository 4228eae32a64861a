"""The native library as Python sees it: plain C functions called through ctypes, which lets go of the GIL."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from ctypes import POINTER, Structure, c_char_p, c_double, c_float, c_int, c_int32, c_int64, c_void_p
from pathlib import Path
from typing import Any


class MatrixArguments(Structure):
    """`engine::Matrix` of api.h."""

    _fields_ = (
        ("data", c_void_p),
        ("bias", c_void_p),
        ("rows", c_int64),
        ("columns", c_int64),
        ("format", c_int),
    )


class AttentionArguments(Structure):
    """`engine::Attention` of api.h."""

    _fields_ = (
        *((name, c_void_p) for name in ("query", "key", "value", "out", "cache")),
        *((name, c_void_p) for name in ("query_starts", "context_lens", "block_tables", "slots", "sinks")),
        *((name, c_int64) for name in ("query_stride", "key_stride", "value_stride")),
        *((name, c_int64) for name in ("tokens", "sequences", "table_stride", "blocks")),
        *((name, c_int64) for name in ("heads", "kv_heads", "head_dim", "block_size", "window")),
        ("scale", c_float),
        ("soft_cap", c_float),
        ("format", c_int),
        ("precision", c_int),
    )


class LowRankPartArguments(Structure):
    """`engine::LowRankPart` of api.h."""

    _fields_ = (("up", c_void_p), ("first", c_int64), ("start", c_int64))


class LowRankArguments(Structure):
    """`engine::LowRank` of api.h."""

    _fields_ = (("down", c_void_p), ("scales", c_void_p), ("parts", c_void_p), ("num_parts", c_int64))


class AdapterRowsArguments(Structure):
    """`engine::AdapterRows` of decoder.h."""

    _fields_ = (("additions", c_void_p), ("start", c_int64), ("stop", c_int64))


class DecoderLayerArguments(Structure):
    """`engine::DecoderLayer` of decoder.h."""

    _fields_ = (
        ("qkv", c_void_p * 3),
        ("gate_up", c_void_p * 2),
        *((name, c_void_p) for name in ("output", "down", "query_norm", "key_norm")),
        *((name, c_void_p) for name in ("attention_output_norm", "feed_forward_norm", "feed_forward_output_norm")),
        *((name, c_void_p) for name in ("next_norm", "rotary_table")),
        ("rotary_dim", c_int64),
        ("window", c_int64),
        ("mixture", c_void_p),
    )


class MixtureArguments(Structure):
    """`engine::Mixture` of experts.h."""

    _fields_ = (
        *((name, c_void_p) for name in ("router", "gate_up", "down")),
        *((name, c_int64) for name in ("experts", "per_token", "inner")),
        ("normalize", c_int),
        ("activation", c_int),
    )


class DecoderStepArguments(Structure):
    """`engine::DecoderStep` of decoder.h."""

    _fields_ = (
        *((name, c_void_p) for name in ("embedding", "token_ids", "out", "first_norm", "positions", "wanted")),
        ("num_wanted", c_int64),
        ("caches", c_void_p),
        ("attention", AttentionArguments),
        ("hidden", c_int64),
        ("inner", c_int64),
        *((name, c_float) for name in ("eps", "embedding_scale", "residual_scale")),
        ("activation", c_int),
        ("precision", c_int),
        ("adapters", c_void_p),
        ("num_adapters", c_int64),
    )


class SampleRow(Structure):
    """`engine::SampleRow` of api.h."""

    _fields_ = (
        *((name, c_void_p) for name in ("mask", "dry_ids", "dry_penalties", "seen_ids", "seen_counts")),
        *((name, c_void_p) for name in ("bias_ids", "biases")),
        *((name, c_int64) for name in ("num_dry", "num_seen", "num_biased")),
        ("uniform", c_double),
        *((name, c_float) for name in ("scale", "top_p", "min_p", "frequency", "presence", "repetition")),
        ("top_k", c_int32),
        ("top_count", c_int32),
        ("token", c_int32),
        ("logprob", c_float),
        ("num_top", c_int32),
        ("top_ids", c_int32 * 20),
        ("top_logprobs", c_float * 20),
    )


class Library:
    """The loaded shared object; every attribute is one of its functions."""

    def __init__(self, path: Path) -> None:
        """Raises OSError when there is no loadable library at `path`."""
        library = ctypes.CDLL(str(path))
        pointer, number = c_void_p, c_int64

        def function(name: str, arguments: tuple[Any, ...], result: Any = None) -> Callable[..., Any]:
            found = library[name]
            found.argtypes = arguments
            found.restype = result
            return found

        self.name = function("kernels_name", (), c_char_p)
        self.have_bfloat_products = function("kernels_have_bfloat_products", (), c_int)
        self.select = function("kernels_select", (c_char_p,), c_int)
        self.set_threads = function("kernels_set_threads", (c_int,))
        self.threads = function("kernels_threads", (), c_int)
        self.interleave = function("interleave", (c_int, pointer, pointer, number, number))
        self.linear = function("linear", (pointer, pointer, number, pointer, number, c_int))
        self.quantize = function("quantize", (c_int, c_int, pointer, number, pointer), c_int)
        self.dequantize_rows = function("dequantize_rows", (pointer, pointer, number, pointer), c_int)
        self.rms_norm = function("rms_norm", (*(pointer,) * 5, *(number,) * 4, c_float))
        self.rotary = function(
            "rotary",
            (pointer, number, pointer, number) * 2 + (pointer, number, pointer, number, number, number),
            c_int,
        )
        self.gated = function("gated", (pointer, pointer, number, number, c_int))
        self.attention = function("attention", (POINTER(AttentionArguments),))
        self.mix_experts = function("mix_experts", (pointer, pointer, pointer, number, c_int))
        self.applies_adapters = hasattr(library, "kernels_apply_adapters")
        """False: built from older sources, `decoder_step` would leave them out."""
        self.decoder_step = function("decoder_step", (POINTER(DecoderStepArguments), pointer, number), c_int)
        self.sample = function("sample", (pointer, pointer, number, number, number))
