"""What someone asked of a model: every field may be None, meaning "decide for me".

`engine.plan` turns these into a frozen `EngineConfig`. Picklable: they travel to the worker process.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from engine.adapters.asked import AdapterLimits, AdapterOption


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """Which model to run and within which limits."""

    model_id: str | None = None
    """Hub repository, local folder or .gguf file; None means the built-in default model."""
    alias: str | None = None
    """Name clients use instead of `model_id`."""
    format: Literal["plain", "gguf"] = "plain"
    quantized_file: str | None = None
    """GGUF file name(s) inside the repository or folder, `;`-separated for split files."""
    tok_model_id: str | None = None
    """Repository or folder that supplies tokenizer and template for a GGUF file."""
    tokenizer: Path | None = None
    """A tokenizer.json to use instead."""
    arch: str | None = None
    """Run as this architecture; `transformers` forces the broad path."""
    dtype: Literal["auto", "bf16", "f16", "f32"] = "auto"
    isq: str | None = None
    """Quantise while loading, to a level of `engine.quant.levels`."""
    quant: str | None = None
    """The same, but a ready-made GGUF file of that level is taken where the model has one."""
    revision: str | None = None
    token_source: str = "cache"
    """`literal:X`, `env:X`, `path:X`, `cache` or `none`."""
    hf_cache: Path | None = None
    chat_template: Path | None = None
    """A .jinja or .json file; wins over the model's own template."""
    adapters: tuple[AdapterOption, ...] = ()
    """LoRA adapters to load with the model."""
    default_adapter: str | None = None
    """Alias of the one that answers when a request names none; None: the model as it is."""
    tool_adapter: str | None = None
    """Alias of the one that answers instead where tools are offered."""
    adapter_limits: AdapterLimits = field(default_factory=AdapterLimits)
    cpu: bool = False
    threads: int | None = None
    seed: int | None = None

    max_model_len: int | None = None
    """Context limit in tokens; None: what the model was trained for, as far as memory goes."""
    max_seqs: int = 32
    max_num_batched_tokens: int | None = None
    """Token budget of one step, decode and prefill chunks together."""
    max_prompt_tokens: int | None = None
    """Most tokens of one prompt in a step; None: whatever the budget leaves."""
    no_kv_cache: bool = False
    """Recompute everything each step (for measurements)."""
    prefix_cache_n: int = 16
    """0 turns the prefix cache off."""
    pa_block_size: int | None = None
    """Tokens a KV block holds."""
    pa_context_len: int | None = None
    """Room for this many tokens, all sequences together."""
    pa_memory_mb: int | None = None
    pa_memory_fraction: float | None = None
    pa_cache_type: Literal["auto", "f32", "bf16", "f16", "f8e4m3"] = "auto"
    max_waiting: int = 512
    """Requests that may queue before new ones are refused."""
