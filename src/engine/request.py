"""What a caller asks of an engine, and what comes back: plain data, no torch.

Everything here is frozen and picklable: it crosses the pipe to the worker process.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class SamplingParams:
    """How the next token is chosen and when a reply ends. Every field is decided; a model's own defaults are
    in `ModelInfo.sampling_defaults`, which callers adapt with `dataclasses.replace`.
    """

    temperature: float = 1.0
    """Below 1e-7 is greedy."""
    top_k: int = 0
    """0: off."""
    top_p: float = 1.0
    """Nucleus mass over the top-k survivors, renormalised."""
    min_p: float = 0.0
    """Drop tokens with p <= min_p * max(p)."""
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    repetition_penalty: float = 1.0
    logit_bias: Mapping[int, float] = field(default_factory=dict[int, float])
    dry_multiplier: float = 0.0
    """0: off. Else tokens that continue a repetition of `n >= dry_allowed_length` tokens lose
    `dry_multiplier * dry_base ** (n - dry_allowed_length)`."""
    dry_base: float = 1.75
    dry_allowed_length: int = 2
    dry_sequence_breakers: tuple[str, ...] = ("\n", ":", '"', "*")
    """Texts no repetition reaches across."""
    dry_range: int = 0
    """How many of the last tokens, prompt and reply, are searched for repetitions; 0: all."""
    seed: int | None = None
    """The same seed gives the same draws, whatever else runs; None: another one for each request."""
    max_tokens: int | None = None
    """None: until the context is full."""
    min_tokens: int = 0
    """End-of-sequence and stops are held back until this many tokens exist."""
    stop: tuple[str, ...] = ()
    stop_token_ids: tuple[int, ...] = ()
    ignore_eos: bool = False
    logprobs: int | None = None
    """None: off; k: report the chosen token and the k most likely ones."""
    n: int = 1
    """Independent replies to one prompt, which is prefilled once."""


@dataclass(frozen=True, slots=True)
class Constraint:
    """A grammar the whole reply must follow, enforced by token masks (llguidance)."""

    kind: Literal["json_schema", "regex", "lark", "llguidance"]
    grammar: str
    """JSON text of the schema, the regular expression, Lark text, or a serialised llguidance grammar."""


@dataclass(frozen=True, slots=True)
class Request:
    """One prompt to continue."""

    id: str
    prompt: tuple[int, ...]
    """Token ids, special tokens included."""
    sampling: SamplingParams = field(default_factory=SamplingParams)
    constraint: Constraint | None = None
    cache_salt: str = ""
    """Prefix-cache entries are shared only between requests with the same salt."""
    adapter: str | None = None
    """Alias or generation of a loaded adapter; `none`: the model as it is; None: the engine's default."""
    truncate: bool = False
    """Drop the oldest prompt tokens instead of refusing a prompt that is too long."""
    continues_text: bool = False
    """The reply goes on where the prompt's text ends (raw completion), so a first space belongs to it."""
    timeout_s: float | None = None
    """Seconds after which the reply ends, however far it is, with the reason `timeout`; waiting counts."""
    skip_special_tokens: bool = True
    """Leave special tokens out of the text of the reply."""


class FinishReason(StrEnum):
    STOP = "stop"
    LENGTH = "length"
    TOOL_CALLS = "tool_calls"
    TIMEOUT = "timeout"
    """The request's own time limit passed."""
    CANCELED = "canceled"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """Natural-log probability of one token, after penalties, bias and temperature, before top-k, top-p, min-p."""

    token_id: int
    text: str
    bytes: bytes
    logprob: float
    top: tuple[TokenLogprob, ...] = ()
    """The most likely tokens at this position, best first; empty inside itself."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts and times of one request, or the sum over several."""

    prompt_tokens: int = 0
    cached_tokens: int = 0
    """Prompt tokens taken from the prefix cache."""
    completion_tokens: int = 0
    queue_s: float = 0.0
    prefill_s: float = 0.0
    """From the first scheduled chunk to the first token."""
    decode_s: float = 0.0
    """From the first token to the last."""

    @property
    def total_tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.cached_tokens + other.cached_tokens,
            self.completion_tokens + other.completion_tokens,
            self.queue_s + other.queue_s,
            self.prefill_s + other.prefill_s,
            self.decode_s + other.decode_s,
        )


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of one reply. The last piece of a choice has a `finish_reason`; the request's last one has `usage`."""

    request_id: str
    index: int = 0
    """Which of the `n` choices this belongs to."""
    text: str = ""
    """Safe to show: whole characters, nothing that may still become a stop string."""
    token_ids: tuple[int, ...] = ()
    logprobs: tuple[TokenLogprob, ...] = ()
    finish_reason: FinishReason | None = None
    stop_sequence: str | None = None
    usage: Usage | None = None
    error: str = ""
    """What went wrong, where the engine and not the reply failed: nothing more comes for the request."""

    def __reduce__(self) -> tuple[type[Delta], tuple[Any, ...]]:
        """Pickled for every token: several times faster than the way of frozen dataclasses."""
        return Delta, tuple([getattr(self, name) for name in self.__slots__])


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What a loaded model is, for start logs, `/v1/models`, status lines and request checks."""

    id: str
    """The name clients use."""
    architecture: str
    """Class name in the model's config, such as `LlamaForCausalLM`."""
    path: Literal["native", "transformers"]
    """Which decoder runs it, and in `path_reason` why."""
    path_reason: str
    context_tokens: int
    vocab_size: int
    dtype: str
    """Of activations: `bfloat16`, `float16`, `float32`."""
    quantization: str
    """Such as `Q4_1` or `none`."""
    device: str
    parameters: int
    weight_bytes: int
    kv_cache_tokens: int
    """Positions the KV cache holds, all sequences together."""
    kernels: str
    """Which implementation of the hot operations is in use, such as `native avx512` or `torch`."""
    eos_token_ids: tuple[int, ...]
    sampling_defaults: SamplingParams
    has_chat_template: bool
    notice: str = ""
    """Something a user should know, such as that this is a small demonstration model."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """How often values fell where, since the engine started."""

    bounds: tuple[float, ...] = ()
    """Upper bounds, each included in its part; ascending."""
    counts: tuple[int, ...] = (0,)
    """Values in each part; the last one is above all bounds."""
    total: float = 0.0
    """Sum of the values."""


@dataclass(frozen=True, slots=True)
class EngineStats:
    """A snapshot of load, for metrics and status lines. Counts are since the engine started."""

    running: int
    waiting: int
    kv_blocks_used: int
    kv_blocks_total: int
    capacity: int = 0
    """Most sequences that run at the same time."""
    prefix_cache_lookups: int = 0
    """In blocks, as the next two."""
    prefix_cache_hits: int = 0
    prefix_cache_evictions: int = 0
    preemptions: int = 0
    tokens_processed: int = 0
    """That went through the model, of prompts and replies."""
    prompt_tokens: int = 0
    """Of prompts that got a first token, those from the prefix cache included."""
    generated_tokens: int = 0
    completed: Mapping[FinishReason, int] = field(default_factory=dict[FinishReason, int])
    """Replies that ended, by why."""
    first_token_s: Distribution = field(default_factory=Distribution)
    """From a request's arrival to its first token, queueing included."""
    between_tokens_s: Distribution = field(default_factory=Distribution)
    """Between one sampled token of a reply and the next."""
    step_s: Mapping[str, Distribution] = field(default_factory=dict[str, Distribution])
    """How long a step took, by what was in it: `prefill`, `decode` or `mixed`."""
    step_sequences: Mapping[str, Distribution] = field(default_factory=dict[str, Distribution])
    """How many sequences took part, likewise."""
    grammar_s: Distribution = field(default_factory=Distribution)
    """Compiling the grammar of a request."""
