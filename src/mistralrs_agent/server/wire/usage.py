"""Token counts and probabilities in OpenAI's words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine import TokenLogprob, Usage


def usage_body(usage: Usage) -> dict[str, Any]:
    """OpenAI's counts, and the reference's rates and times."""
    seconds = usage.prefill_s + usage.decode_s
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
        "avg_tok_per_sec": _rate(usage.total_tokens, seconds),
        "avg_prompt_tok_per_sec": _rate(usage.prompt_tokens, usage.prefill_s),
        "avg_compl_tok_per_sec": _rate(usage.completion_tokens, usage.decode_s),
        "total_time_sec": round(seconds, 6),
        "total_prompt_time_sec": round(usage.prefill_s, 6),
        "total_completion_time_sec": round(usage.decode_s, 6),
    }


def chat_logprobs(tokens: Sequence[TokenLogprob]) -> dict[str, Any] | None:
    """`choices[].logprobs` of the chat API; null when none were asked for."""
    if not tokens:
        return None
    return {"content": [_token(t) | {"top_logprobs": [_token(top) for top in t.top]} for t in tokens], "refusal": None}


def _token(token: TokenLogprob) -> dict[str, Any]:
    return {"token": token.text, "bytes": list(token.bytes), "logprob": token.logprob}


def text_logprobs(tokens: Sequence[TokenLogprob], text_offset: int) -> dict[str, Any] | None:
    """`choices[].logprobs` of the completions API. `text_offset`: characters of this choice before these tokens."""
    if not tokens:
        return None
    offsets: list[int] = []
    for token in tokens:
        offsets.append(text_offset)
        text_offset += len(token.text)
    return {
        "tokens": [t.text for t in tokens],
        "token_logprobs": [t.logprob for t in tokens],
        "top_logprobs": [{top.text: top.logprob for top in t.top} for t in tokens],
        "text_offset": offsets,
    }


def _rate(tokens: int, seconds: float) -> float:
    return round(tokens / seconds, 3) if seconds > 0 else 0.0
