"""From what someone asked and what there is to what will be done. Every decision is made here, once, and can be told.

Precedence of the cache-size options: asking for two of `--pa-context-len`, `--pa-memory-mb` and `--pa-memory-fraction`
is refused at the command line, so at most one is set.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch

from engine import kernels
from engine.attention.base import LayerCacheSpec
from engine.config import EngineConfig
from engine.engine import Engine
from engine.errors import ModelLoadError, UnsupportedModel
from engine.kv_cache import bytes_per_token
from engine.loading.load import load_model
from engine.loading.source import ModelSource
from engine.loading.tokenizer import load_tokenizer
from engine.models.base import BuildConfig, Decoder
from engine.options import ModelOptions
from engine.request import ModelInfo

_DTYPES = {"bf16": torch.bfloat16, "f16": torch.float16, "f32": torch.float32}
_CACHE_DTYPES = _DTYPES | {"f8e4m3": torch.float8_e4m3fn}
_BLOCK_SIZES = (8, 16, 32, 64, 128)
_CPU_CACHE_FRACTION = 0.25
"""Share of available memory the KV cache may grow to on a CPU; it takes pages only as it fills."""
_GPU_CACHE_FRACTION = 0.9
"""Share of a GPU's memory for weights and cache together."""
_GPU_RESERVE_BYTES = 512 << 20
_SHARED_LOADING_BYTES = 1 << 30
"""Smaller models are copied by one thread: sharing tensors of this size costs more than it saves, on a busy machine
several times the whole load."""


def build_engine(options: ModelOptions, source: ModelSource, report: Callable[[str], None]) -> tuple[Engine, ModelInfo]:
    """Load a model and put an engine around it.

    Raises: ModelLoadError and its kinds.
    """
    threads = options.threads or os.cpu_count() or 1
    kernels.set_threads(threads)
    build = plan_build(options)
    tokenizing = ThreadPoolExecutor(1, "tokenizer")  # its construction is the library's, and takes as long as weights
    tokenizer = tokenizing.submit(load_tokenizer, source)
    try:
        weight_bytes = sum(file.stat().st_size for file in source.weight_files)
        torch.set_num_threads(threads if weight_bytes >= _SHARED_LOADING_BYTES else 1)
        model = load_model(source, build, report)
    except (OSError, MemoryError) as error:
        raise ModelLoadError(f"Cannot load {source.name}: {error}") from error
    finally:
        torch.set_num_threads(threads)
        tokenizing.shutdown()
    config = plan_engine(options, source, model, build)
    info = _describe(options, source, model, build, config)
    report(_summary(info, config))
    engine = Engine(model, tokenizer.result(), config, source.eos_token_ids)
    for alias, folder in source.adapters:
        adapter = engine.adapters.load(alias, folder)
        report(f"Adapter {alias}: rank {adapter.rank}, {adapter.nbytes / 2**20:,.1f} MiB, from {folder}")
    engine.adapters.check_default()
    return engine, info


def plan_build(options: ModelOptions) -> BuildConfig:
    """Device and number formats.

    On a CPU activations are float32, unless `f16` is asked for. `auto` rounds them to eight bits for products with
    quantised weights and to bfloat16 for those with bfloat16 weights; the built-in model is so small that this changes
    what it says, and takes them as `f32` does: exactly, or beside quantised weights with sixteen bits. `bf16` keeps
    float32 weights as bfloat16. On a GPU `auto` is bfloat16, or float16 where that is missing.
    """
    if options.cpu or not torch.cuda.is_available():
        best = torch.float32 if options.model_id is None else torch.int8
        device, products = torch.device("cpu"), _DTYPES.get(options.dtype, best)
        activations = torch.float16 if products is torch.float16 else torch.float32
    else:
        device = torch.device("cuda:0")
        best = torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
        activations = products = _DTYPES.get(options.dtype, best)
    return BuildConfig(
        dtype=activations, matmul_dtype=products, device=device, arch=options.arch, context_tokens=options.max_model_len
    )


def plan_engine(options: ModelOptions, source: ModelSource, model: Decoder, build: BuildConfig) -> EngineConfig:
    """Sizes of context, cache and steps.

    Raises: ModelLoadError when what was asked for does not fit.
    """
    on_gpu = build.device.type == "cuda"
    block_size = options.pa_block_size or 32
    if block_size not in _BLOCK_SIZES:
        raise ModelLoadError(f"--pa-block-size must be one of {_BLOCK_SIZES}, got {block_size}.")
    cache_dtype = _cache_dtype(options, build)
    token_bytes = bytes_per_token(model.cache_layers, cache_dtype)
    trained = context_of(source.config)
    wanted = options.max_model_len or trained
    if wanted > trained:
        raise ModelLoadError(f"--max-seq-len {wanted} is more than the {trained} tokens this model was trained for.")
    room = _cache_tokens(options, model, build, token_bytes, wanted)
    context = min(wanted, room)
    if context < wanted and options.max_model_len is not None:
        raise ModelLoadError(
            f"The KV cache has room for {room} tokens, less than --max-seq-len {wanted}; "
            "lower it or allow the cache more memory."
        )
    if context < min(wanted, block_size):
        raise ModelLoadError(f"The KV cache has room for {room} tokens only; allow it more memory.")
    return EngineConfig(
        device=build.device,
        cache_dtype=cache_dtype,
        context_tokens=context,
        block_size=block_size,
        num_blocks=-(-room // block_size),
        max_seqs=options.max_seqs,
        max_batched_tokens=options.max_num_batched_tokens or (4096 if on_gpu else 512),
        max_prompt_tokens=options.max_prompt_tokens,
        window=None if options.no_kv_cache else _window(model.cache_layers),
        prefix_cache=options.prefix_cache_n > 0 and not options.no_kv_cache,
        recompute=options.no_kv_cache,
        max_waiting=options.max_waiting,
        seed=options.seed,
        adapter_limits=options.adapter_limits,
        default_adapter=options.default_adapter,
    )


def context_of(config: dict[str, object]) -> int:
    """Tokens a model was trained for, from its Hugging Face style config.

    Raises: UnsupportedModel when the config does not say.
    """
    text = config.get("text_config")
    for place in (config, text if isinstance(text, dict) else {}):
        for key in ("max_position_embeddings", "n_positions", "n_ctx", "seq_length", "max_seq_len"):
            value = place.get(key)
            if isinstance(value, int) and value > 0:
                return value
    raise UnsupportedModel("The model's config names no context length (max_position_embeddings).")


def _window(layers: Sequence[LayerCacheSpec]) -> int | None:
    """How far back the layer sees that sees farthest; None when one sees everything."""
    windows = [layer.sliding_window for layer in layers]
    return max((window for window in windows if window is not None), default=None) if None not in windows else None


def _cache_dtype(options: ModelOptions, build: BuildConfig) -> torch.dtype:
    """Half precision holds twice the tokens and halves what attention reads; `--dtype f32` keeps everything exact.

    Where products with rounded activations are fine, attention takes its own in bfloat16, straight from such a cache.
    """
    if options.pa_cache_type != "auto":
        return _CACHE_DTYPES[options.pa_cache_type]
    if build.matmul_dtype is torch.int8 and kernels.has_bfloat_products():
        return torch.bfloat16
    if build.dtype is torch.float32 and options.dtype != "f32":
        return torch.float16
    return build.dtype


def _cache_tokens(options: ModelOptions, model: Decoder, build: BuildConfig, token_bytes: int, context: int) -> int:
    """How many positions the cache holds, all sequences together."""
    if options.pa_context_len is not None:
        return options.pa_context_len
    if options.pa_memory_mb is not None:
        return (options.pa_memory_mb << 20) // token_bytes
    if build.device.type == "cuda":
        free, total = torch.cuda.mem_get_info(build.device)
        used = total - free
        share = options.pa_memory_fraction or _GPU_CACHE_FRACTION
        room = int(total * share) - used - _GPU_RESERVE_BYTES
    else:
        room = int(available_memory() * (options.pa_memory_fraction or _CPU_CACHE_FRACTION))
    return min(max(0, room) // token_bytes, options.max_seqs * context)


def available_memory() -> int:
    """Bytes of host memory that can be used without swapping."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    kib = next(line.split()[1] for line in lines if line.startswith("MemAvailable"))
    return int(kib) << 10


def _describe(
    options: ModelOptions, source: ModelSource, model: Decoder, build: BuildConfig, config: EngineConfig
) -> ModelInfo:
    return ModelInfo(
        id=options.alias or source.name,
        architecture=model.architecture,
        path=model.path,
        path_reason=model.path_reason,
        context_tokens=config.context_tokens,
        vocab_size=model.vocab_size,
        dtype=str(build.dtype).removeprefix("torch."),
        quantization=model.quantization,
        device=str(config.device),
        parameters=model.num_parameters,
        weight_bytes=model.weight_bytes,
        kv_cache_tokens=config.num_blocks * config.block_size,
        kernels=kernels.describe(),
        eos_token_ids=source.eos_token_ids,
        sampling_defaults=source.sampling_defaults,
        has_chat_template=source.chat_template is not None,
        notice=source.notice,
    )


def _summary(info: ModelInfo, config: EngineConfig) -> str:
    """The start-up log's lines about what was decided and why."""
    return (
        f"{info.id}: {info.architecture}, {info.parameters / 1e6:,.0f} M parameters, quantisation {info.quantization}, "
        f"{info.weight_bytes / 2**20:,.0f} MiB of weights, {info.dtype} on {info.device}, kernels: {info.kernels}; "
        f"{info.path} decoder ({info.path_reason}); context {info.context_tokens:,} tokens, "
        f"KV cache {info.kv_cache_tokens:,} tokens ({str(config.cache_dtype).removeprefix('torch.')})"
    )
