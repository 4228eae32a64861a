"""Which sampling parameters make sense; said in words when they do not."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite

from engine.errors import InvalidRequest
from engine.request import SamplingParams

MAX_CHOICES = 128
MAX_LOGPROBS = 20
"""As many as a row of the native sampler has room for."""

_RANGES = (
    ("max_tokens", 1, None),
    ("min_tokens", 0, None),
    ("n", 1, MAX_CHOICES),
    ("top_k", 0, None),
    ("top_p", 0.0, 1.0),
    ("min_p", 0.0, 1.0),
    ("temperature", None, None),
    ("frequency_penalty", None, None),
    ("presence_penalty", None, None),
    ("repetition_penalty", 0.01, 100.0),
    ("dry_multiplier", 0.0, None),
    ("dry_base", 1.0, None),
    ("dry_allowed_length", 1, None),
    ("dry_range", 0, None),
)
"""Field, lowest and highest value; every number must be finite too."""


def check_sampling(params: SamplingParams, vocab_size: int) -> None:
    """Raises: InvalidRequest, which names the field."""
    for name, lowest, highest in _RANGES:
        value: float | None = getattr(params, name)
        if value is not None:
            _check_range(name, value, lowest, highest)
    if params.logprobs is not None:
        _check_range("top_logprobs", params.logprobs, 0, MAX_LOGPROBS)
    if params.max_tokens is not None and params.min_tokens > params.max_tokens:
        raise InvalidRequest(
            f"min_tokens ({params.min_tokens}) is above max_tokens ({params.max_tokens}).", param="min_tokens"
        )
    if not all(map(isfinite, params.logit_bias.values())):
        raise InvalidRequest("logit_bias: every bias must be a finite number.", param="logit_bias")
    for name, token_ids in (("logit_bias", params.logit_bias), ("stop_token_ids", params.stop_token_ids)):
        check_token_ids(token_ids, vocab_size, name)


def check_token_ids(token_ids: Iterable[int], vocab_size: int, param: str) -> None:
    """Raises: InvalidRequest when an id is outside the vocabulary."""
    wrong = next((i for i in token_ids if not 0 <= i < vocab_size), None)
    if wrong is not None:
        raise InvalidRequest(
            f"{param}: {wrong} is not a token id; this model knows 0 to {vocab_size - 1}.", param=param
        )


def _check_range(name: str, value: float, lowest: float | None, highest: float | None) -> None:
    if not isfinite(value):
        wanted = "a finite number"
    elif highest is not None and lowest is not None and not lowest <= value <= highest:
        wanted = f"between {lowest:g} and {highest:g}"
    elif lowest is not None and value < lowest:
        wanted = f"at least {lowest:g}"
    else:
        return
    raise InvalidRequest(f"{name} must be {wanted}, got {value}.", param=name)
