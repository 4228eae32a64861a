"""A mixture of experts: each token goes through the few feed-forward blocks its router chooses."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from engine.layers.linear import Linear

Expert = Callable[[Tensor], Tensor]
"""(T, hidden) → (T, hidden)."""


class MixtureOfExperts:
    """Softmax routing to the `per_token` best experts, whose outputs are added by weight."""

    def __init__(self, router: Linear, experts: Sequence[Expert], per_token: int, *, normalize: bool) -> None:
        """`normalize`: weights of the chosen experts sum to one."""
        self.router = router
        self.experts = experts
        self.per_token = per_token
        self.normalize = normalize

    def __call__(self, x: Tensor) -> Tensor:
        """x (T, hidden) → (T, hidden)."""
        shares, chosen = self.router(x).float().softmax(-1).topk(self.per_token, -1)  # (T, per_token) each
        if self.normalize:
            shares = shares / shares.sum(-1, keepdim=True)
        out = torch.zeros_like(x)
        for expert in chosen.unique().tolist():
            tokens, rank = torch.where(chosen == expert)
            share = shares[tokens, rank].unsqueeze(-1).to(x.dtype)
            out.index_add_(0, tokens, self.experts[expert](x[tokens]) * share)
        return out
