"""Choosing a token with torch operations, on any device: the same rules as the native sampler, and its fall-back."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.sampling.state import SamplingState, TokenValues

NO_WEIGHT = -87.0
"""Exponents below it weigh nothing."""


@dataclass(frozen=True, slots=True)
class Chosen:
    token_id: int
    logprob: float | None
    top: tuple[tuple[int, float], ...]


def choose(logits: Tensor, state: SamplingState, mask: NDArray[np.uint32] | None) -> Chosen | None:
    """Choose from logits (vocab,), which are changed; None when no finite number is left. `mask`: one bit a token."""
    adjust(logits, state, mask)
    highest = float(logits.max())
    if not isfinite(highest):
        return None
    exponents = (logits - highest) * (state.row.scale or 1.0)
    weights = torch.where(exponents < NO_WEIGHT, 0.0, exponents.exp())
    token_id = int(logits.argmax()) if state.is_greedy else draw(logits, weights, state)
    if state.row.top_count < 0:
        return Chosen(token_id, None, ())
    logprobs = exponents - float(weights.double().sum().log())
    ranked = _by_rank(logits, _highest(logits, state.row.top_count))[: state.row.top_count]
    top = zip(ranked.tolist(), logprobs[ranked].tolist(), strict=True)
    return Chosen(token_id, float(logprobs[token_id]), tuple(top))


def adjust(logits: Tensor, state: SamplingState, mask: NDArray[np.uint32] | None) -> None:
    """Change logits (vocab,) in this order: DRY; frequency, presence and repetition penalties; bias; the grammar."""

    def add(values: TokenValues, sign: float) -> None:
        if len(values.ids):
            logits[_tensor(values.ids, logits).long()] += sign * _tensor(values.values, logits)

    row = state.row
    add(state.dry, -1.0)
    if len(state.seen[0]):
        seen, counts = (_tensor(array, logits).long() for array in state.seen)
        old = logits[seen] - row.frequency * counts - row.presence * (counts > 0)
        logits[seen] = torch.where(old > 0, old / row.repetition, old * row.repetition)
    add(state.bias, 1.0)
    if mask is not None:
        bits = np.unpackbits(mask.view(np.uint8), count=logits.shape[0], bitorder="little").view(np.bool_)
        logits.masked_fill_(~_tensor(bits, logits), -torch.inf)


def draw(logits: Tensor, weights: Tensor, state: SamplingState) -> int:
    """Draw a token id by inverting the cumulative weights of the survivors, in order of id, at the row's uniform
    number."""
    ids = survivors(logits, weights, state)
    cumulative = weights[ids].double().cumsum(-1)
    position = int(torch.searchsorted(cumulative, state.row.uniform * float(cumulative[-1])))
    return int(ids[min(position, ids.shape[0] - 1)])


def survivors(logits: Tensor, weights: Tensor, state: SamplingState) -> Tensor:
    """Ascending ids that survive top-k, then top-p on their renormalised weights, then min-p of the highest.

    Of equal logits the lower id goes first.
    """
    row, vocab = state.row, logits.shape[0]
    if 0 < row.top_k < vocab:
        ids = _by_rank(logits, _highest(logits, row.top_k))[: row.top_k]
        total = float(weights[ids].double().sum())
    else:
        total = float(weights.double().sum())
        negligible = (1.0 - row.top_p) * total / vocab  # together less than what top-p leaves out
        ids = (weights > 0.999 * negligible).nonzero()[:, 0]
    if row.top_p < 1.0:
        ids = _by_rank(logits, ids)
        kept = weights[ids].double()
        inside = kept.cumsum(-1) - kept < row.top_p * total
        inside[0] = True
        ids = ids[inside]
    if row.min_p > 0.0:
        ids = ids[(weights[ids] > row.min_p) | (logits[ids] == logits.max())]
    return ids.sort().values


def _highest(logits: Tensor, count: int) -> Tensor:
    """Ids of at least the `count` highest possible tokens."""
    if count == 0:
        return torch.empty(0, dtype=torch.int64, device=logits.device)
    least = logits.topk(min(count, logits.shape[0])).values[-1]
    return ((logits >= least) & (logits > -torch.inf)).nonzero()[:, 0]


def _by_rank(logits: Tensor, ids: Tensor) -> Tensor:
    return ids[logits[ids].sort(descending=True, stable=True).indices]


def _tensor(array: NDArray[np.generic], like: Tensor) -> Tensor:
    return torch.from_numpy(array).to(like.device)
