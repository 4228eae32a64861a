"""DRY ("don't repeat yourself"): a token that would continue a repetition is held back, the more the longer the part
that is repeated already. After p-e-w's proposal (text-generation-webui, 2024).

The last tokens are looked for among all earlier ones, within `reach` tokens and not across sequence breakers. A token
that followed an earlier occurrence of the last `n >= allowed_length` tokens loses `multiplier * base ** (n -
allowed_length)`; of several occurrences the longest counts, and none counts as longer than 50.
"""

from __future__ import annotations

from math import exp, log

MAX_MATCH = 50
_MAX_EXPONENT = 69.0
"""Of e: about 1e30, enough to rule a token out."""


class Repetitions:
    """Follows one growing sequence. A new token costs work for each earlier occurrence of the last `allowed_length`
    tokens, which are few in text; earlier tokens are never looked through.
    """

    def __init__(
        self, multiplier: float, base: float, allowed_length: int, reach: int, breakers: frozenset[int]
    ) -> None:
        """`multiplier` and `base` are above 0. `reach`: how many of the last tokens count; 0: all."""
        self._log_multiplier = log(multiplier)
        self._log_base = log(base)
        self._allowed_length = allowed_length
        self._reach = reach
        self._breakers = breakers
        self._tokens: list[int] = []
        self._unbroken = 0  # tokens since the last breaker
        self._ends: dict[tuple[int, ...], list[int]] = {}  # where each run of `allowed_length` tokens ends
        self._matches: dict[int, int] = {}  # where an occurrence of the last tokens ends → its length

    def push(self, token_id: int) -> None:
        position = len(self._tokens)
        self._tokens.append(token_id)
        previous, self._matches = self._matches, {}
        self._unbroken = 0 if token_id in self._breakers else self._unbroken + 1
        if self._unbroken < self._allowed_length:
            return
        ends = self._ends.setdefault(tuple(self._tokens[-self._allowed_length :]), [])
        first = position + 1 - self._reach if self._reach else 0
        for end in reversed(ends):
            if end < first:
                break
            self._matches[end] = previous.get(end - 1, self._allowed_length - 1) + 1
        ends.append(position)

    def penalties(self) -> dict[int, float]:
        """Token id → what is taken from its logit now."""
        lengths: dict[int, int] = {}
        for end, length in self._matches.items():
            follower = self._tokens[end + 1]
            if follower not in self._breakers and length > lengths.get(follower, 0):
                lengths[follower] = min(length, MAX_MATCH)
        return {token: self._penalty(length) for token, length in lengths.items()}

    def _penalty(self, length: int) -> float:
        return exp(min(self._log_multiplier + self._log_base * (length - self._allowed_length), _MAX_EXPONENT))
