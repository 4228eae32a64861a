"""Chooses the next token of each sequence."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

import torch
from torch import Tensor

from engine.request import SamplingParams
from engine.sampling.logits import GREEDY_BELOW, adjust, is_plain
from engine.sequence import Sequence

CANDIDATES = 1024
"""How many of the most likely tokens are looked at before sorting a whole vocabulary for top-p."""


@dataclass(frozen=True, slots=True)
class Sampled:
    """A chosen token and, where asked for, natural-log probabilities."""

    token_id: int
    logprob: float | None = None
    top: tuple[tuple[int, float], ...] = ()
    """The most likely tokens, best first."""


class Sampler:
    """Stateless but for what it must know of the vocabulary; randomness belongs to each sequence."""

    def __init__(self, eos_token_ids: tuple[int, ...]) -> None:
        self._eos_token_ids = eos_token_ids

    @torch.inference_mode()
    def sample(self, logits: Tensor, sequences: list[Sequence]) -> list[Sampled | None]:
        """Choose one token per row of `logits` (N, vocab); None where the model produced no finite numbers."""
        highest, best = logits.max(dim=-1)
        rows = zip(highest.tolist(), best.tolist(), logits, sequences, strict=True)
        return [
            None if not isfinite(high) else Sampled(token) if is_plain(sequence) else self._choose(row, sequence)
            for high, token, row, sequence in rows
        ]

    def _choose(self, row: Tensor, sequence: Sequence) -> Sampled:
        params = sequence.request.sampling
        row = adjust(row, sequence, self._eos_token_ids)
        greedy = params.temperature < GREEDY_BELOW
        scaled = row if greedy else row / params.temperature
        token_id = int(scaled.argmax()) if greedy else draw(scaled.softmax(-1), params, sequence.random.random())
        if params.logprobs is None:
            return Sampled(token_id)
        logprobs = scaled.log_softmax(-1)
        top = logprobs.topk(min(params.logprobs, logprobs.shape[0]))
        ranked = zip(top.indices.tolist(), top.values.tolist(), strict=True)
        possible = tuple(pair for pair in ranked if isfinite(pair[1]))  # a grammar rules the others out
        return Sampled(token_id, float(logprobs[token_id]), possible)


def draw(probabilities: Tensor, params: SamplingParams, uniform: float) -> int:
    """Draw a token id from (vocab,) probabilities after top-k, top-p and min-p, by inverting the cumulative
    distribution at `uniform` in [0, 1).
    """
    kept, ids = candidates(probabilities, params)
    cumulative = kept.cumsum(-1)
    position = int(torch.searchsorted(cumulative, uniform * float(cumulative[-1]), right=True))
    return int(ids[min(position, ids.shape[0] - 1)])


def candidates(probabilities: Tensor, params: SamplingParams) -> tuple[Tensor, Tensor]:
    """Probabilities and ids that survive top-k, then top-p on their renormalised mass, then min-p of the maximum."""
    vocab = probabilities.shape[0]
    limit = params.top_k if 0 < params.top_k < vocab else vocab
    if limit == vocab and params.top_p >= 1.0:
        kept, ids = probabilities, torch.arange(vocab, device=probabilities.device)
    else:
        kept, ids = probabilities.topk(min(limit, CANDIDATES))
        total = probabilities.sum() if limit == vocab else None
        if kept.shape[0] < limit and (total is None or float(kept.sum()) < params.top_p * float(total)):
            kept, ids = probabilities.topk(limit)
        if params.top_p < 1.0:
            mass = kept.sum() if total is None else total
            before = kept.cumsum(-1) - kept
            inside = before < params.top_p * mass
            inside[0] = True
            kept, ids = kept[inside], ids[inside]
    if params.min_p > 0.0:
        likely = kept > params.min_p * kept.max()
        likely |= kept == kept.max()
        kept, ids = kept[likely], ids[likely]
    return kept, ids
