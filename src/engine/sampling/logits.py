"""What happens to logits before a token is drawn: penalties, bias, and what may not be chosen."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.sequence import Sequence


def adjust(logits: Tensor, sequence: Sequence, eos_token_ids: tuple[int, ...]) -> Tensor:
    """Return the logits (vocab,) of one sequence, adjusted in this order: frequency, presence and repetition
    penalties, bias, tokens held back by `min_tokens`, the grammar. The input may be modified.
    """
    params = sequence.request.sampling
    if params.frequency_penalty or params.presence_penalty:
        reply = torch.tensor(sequence.token_ids[sequence.num_prompt_tokens :], device=logits.device, dtype=torch.int64)
        counts = torch.bincount(reply, minlength=logits.shape[0])
        logits = logits - params.frequency_penalty * counts - params.presence_penalty * (counts > 0)
    if params.repetition_penalty != 1.0:
        seen = torch.tensor(sequence.token_ids, device=logits.device, dtype=torch.int64).unique()
        old = logits[seen]
        logits[seen] = torch.where(old > 0, old / params.repetition_penalty, old * params.repetition_penalty)
    for token_id, bias in params.logit_bias.items():
        logits[token_id] += bias
    if sequence.num_generated < params.min_tokens:
        logits[[*eos_token_ids, *params.stop_token_ids]] = -torch.inf
    if sequence.constraint is not None:
        logits = logits.masked_fill(~sequence.constraint.allowed().to(logits.device), -torch.inf)
    return logits


def is_plain(sequence: Sequence) -> bool:
    """Greedy, with nothing that `adjust` would change and no log-probabilities: arg-max of the raw logits is enough."""
    params = sequence.request.sampling
    return (
        params.temperature < GREEDY_BELOW
        and sequence.constraint is None
        and params.logprobs is None
        and params.repetition_penalty == 1.0
        and not (params.frequency_penalty or params.presence_penalty or params.logit_bias)
        and sequence.num_generated >= params.min_tokens
    )


GREEDY_BELOW = 1e-7
"""Temperatures below this mean: take the most likely token."""
