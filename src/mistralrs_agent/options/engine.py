"""Options about running the model: scheduling, caches, speculation."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from mistralrs_agent.options.section import Rule, Section, conflicts, flag


class Runtime(Section):
    """How many sequences run together."""

    heading: ClassVar[str] = "Scheduling"
    tables: ClassVar[tuple[str, ...]] = ("runtime",)

    max_seqs: Annotated[int, Field(gt=0), flag("--max-seqs")] = 32
    """Sequences that run at the same time."""
    max_num_batched_tokens: Annotated[
        int | None,
        Field(gt=0),
        flag("--max-num-batched-tokens", also=("--max-batch-input-tokens", "--max-batch-tokens")),
    ] = None
    """Tokens in one step, prompts and replies together; 512 on a CPU and 4096 on a GPU when unset."""
    max_prompt_chunk: Annotated[
        int | None, Field(gt=0), flag("--max-prompt-chunk", also=("--max-request-input-tokens",))
    ] = None
    """Tokens of one prompt in one step; whatever the step has left when unset."""
    max_waiting: Annotated[
        int, Field(ge=0), flag("--max-waiting", also=("--max-queue", "--max-queue-size", "--max-pending-requests"))
    ] = 512
    """Requests that may wait before new ones are refused with status 429."""
    no_kv_cache: Annotated[bool, flag("--no-kv-cache")] = False
    """Recompute the whole sequence in each step (slow; for measurements)."""
    prefix_cache_n: Annotated[int, Field(ge=0), flag("--prefix-cache-n")] = 16
    """0 turns the prefix cache off; any other number turns it on (it may use all free blocks of the cache)."""
    enable_prefix_caching: Annotated[bool | None, flag("--enable-prefix-caching", optional_value=True)] = None
    """`false` turns the prefix cache off too, whatever the number."""
    enable_chunked_prefill: Annotated[bool, flag("--enable-chunked-prefill", also=("--enable-in-flight-batching",))] = (
        False
    )
    """Split long prompts over steps that replies take part in; always done, and taken for other servers' sake."""
    max_decode_steps_before_prefill: Annotated[int, flag("--max-decode-steps-before-prefill", supported=False)] = 8
    """Reply steps before waiting prompts are served; here prompts and replies share every step."""


class PagedAttention(Section):
    """How the key-value cache is laid out and how large it grows."""

    heading: ClassVar[str] = "Paged attention"
    tables: ClassVar[tuple[str, ...]] = ("paged_attn",)
    rules: ClassVar[tuple[Rule, ...]] = (conflicts("context_len", "memory_mb", "memory_fraction"),)

    mode: Annotated[
        Literal["auto", "on", "paged", "off"], flag("--paged-attn", also=("--cache-strategy",), not_yet=("off",))
    ] = "auto"
    """Use a paged key-value cache; it is always on, on every device."""
    context_len: Annotated[int | None, Field(gt=0), flag("--pa-context-len")] = None
    """Room for this many tokens, all sequences together."""
    memory_mb: Annotated[int | None, Field(gt=0), flag("--pa-memory-mb")] = None
    """Room of this many MiB instead."""
    memory_fraction: Annotated[
        float | None, Field(gt=0, le=1), flag("--pa-memory-fraction", also=("--device-memory-utilization",))
    ] = None
    """Use this share of the device's memory, weights included, instead."""
    block_size: Annotated[
        Literal[8, 16, 32, 64, 128] | None, flag("--pa-block-size", also=("--kv-cache-page-size",))
    ] = None
    """Tokens in one block of the cache; 32 when unset."""
    cache_type: Annotated[
        Literal["auto", "f32", "bf16", "f16", "f8e4m3", "float32", "bfloat16", "float16", "float8_e4m3fn"],
        flag("--pa-cache-type", also=("--kv-cache-format",)),
    ] = "auto"
    """Type of the cached keys and values; the long names mean the short ones."""


class Speculation(Section):
    """Drafting several tokens at once."""

    heading: ClassVar[str] = "Speculation"
    tables: ClassVar[tuple[str, ...]] = ("runtime",)

    mtp: Annotated[bool, flag("--mtp", supported=False)] = False
    """Draft with the heads inside the checkpoint."""
    mtp_model: Annotated[str | None, flag("--mtp-model", supported=False)] = None
    """Draft with this model."""
    mtp_n_predict: Annotated[int | None, flag("--mtp-n-predict", supported=False)] = None
    """Tokens to draft at once."""
