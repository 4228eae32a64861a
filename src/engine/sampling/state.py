"""What choosing the tokens of one reply needs to know and to remember."""

from __future__ import annotations

import ctypes
from collections.abc import Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from engine.kernels.library import SampleRow
from engine.request import SamplingParams
from engine.sampling.dry import Repetitions
from engine.sampling.uniform import uniform

GREEDY_BELOW = 1e-7
"""Temperatures below this mean: take the most likely token."""
HELD_BACK = -1e9
"""Added to the logits of tokens that end the reply while `min_tokens` is not reached: they lose against every token a
grammar allows, and win when it allows nothing else."""


class SamplingState:
    """Parameters of one reply as the sampler takes them, and counts that grow with the reply.

    `row` is what the native sampler reads and writes; the torch one reads the arrays behind its pointers.
    """

    def __init__(
        self,
        params: SamplingParams,
        key: int,
        *,
        end_ids: Collection[int] = (),
        breakers: frozenset[int] = frozenset(),
        stop_texts: Mapping[int, str] | None = None,
    ) -> None:
        """`key`: of the reply's random numbers. `end_ids`: tokens that end a reply of any request. `breakers`: tokens
        that end a repetition. `stop_texts`: stop strings that are single special tokens, by id.
        """
        self.stop_tokens: dict[int, str | None] = dict.fromkeys(params.stop_token_ids) | dict(stop_texts or {})
        """Tokens that end this reply → the stop string they stand for, if any."""
        self._key = key
        self._min_tokens = params.min_tokens
        self._bias = TokenValues(params.logit_bias)
        self._held_back = TokenValues({**params.logit_bias, **dict.fromkeys([*end_ids, *self.stop_tokens], HELD_BACK)})
        penalizes = params.frequency_penalty or params.presence_penalty or params.repetition_penalty != 1.0
        self._counts = TokenCounts(whole=params.repetition_penalty != 1.0) if penalizes else None
        self._repetitions = (
            Repetitions(params.dry_multiplier, params.dry_base, params.dry_allowed_length, params.dry_range, breakers)
            if params.dry_multiplier
            else None
        )
        self._num_followed = 0
        self.is_greedy = params.temperature < GREEDY_BELOW
        self.changes_logits = bool(penalizes or self._repetitions or params.logit_bias or params.min_tokens)
        self.row = SampleRow(
            scale=0.0 if self.is_greedy else 1.0 / params.temperature,
            top_p=params.top_p,
            min_p=params.min_p,
            frequency=params.frequency_penalty,
            presence=params.presence_penalty,
            repetition=params.repetition_penalty,
            top_k=params.top_k,
            top_count=-1 if params.logprobs is None else params.logprobs,
        )
        self.address = ctypes.addressof(self.row)
        self.dry = TokenValues({})
        self.bias = self._bias
        self.seen = (np.empty(0, np.int32), np.empty(0, np.int32))
        """Ids of the tokens so far, each once, and how often each is in the reply."""

    def prepare(self, token_ids: Sequence[int], num_prompt_tokens: int) -> None:
        """Get ready to choose the token after `token_ids`, prompt and reply so far."""
        num_generated = len(token_ids) - num_prompt_tokens
        if not self.is_greedy:
            self.row.uniform = uniform(self._key, num_generated)
        if self.changes_logits:
            self._follow(token_ids, num_prompt_tokens)
            self._set_bias(self._held_back if num_generated < self._min_tokens else self._bias)

    def _set_bias(self, bias: TokenValues) -> None:
        self.bias = bias
        self.row.bias_ids, self.row.biases, self.row.num_biased = bias.pointers

    def _follow(self, token_ids: Sequence[int], num_prompt_tokens: int) -> None:
        """Count what came since the last time."""
        start, self._num_followed = self._num_followed, len(token_ids)
        if self._counts is not None:
            self._counts.add(token_ids[start:num_prompt_tokens], to_reply=False)
            self._counts.add(token_ids[max(start, num_prompt_tokens) :], to_reply=True)
            self.seen = self._counts.arrays
            self.row.seen_ids, self.row.seen_counts, self.row.num_seen = self._counts.pointers
        if self._repetitions is not None:
            for token_id in token_ids[start:]:
                self._repetitions.push(token_id)
            self.dry = TokenValues(self._repetitions.penalties())
            self.row.dry_ids, self.row.dry_penalties, self.row.num_dry = self.dry.pointers


class TokenValues:
    """A number for each of a few tokens, as arrays and as pointers to them (ids, values, count)."""

    def __init__(self, values: Mapping[int, float]) -> None:
        self.ids = np.fromiter(values, np.int32, len(values))
        self.values = np.fromiter(values.values(), np.float32, len(values))
        self.pointers = (self.ids.ctypes.data, self.values.ctypes.data, len(values))


class TokenCounts:
    """How often each token is in a reply; tokens of the prompt count zero times."""

    def __init__(self, *, whole: bool) -> None:
        """`whole`: prompt tokens are listed too."""
        self._whole = whole
        self._slots: dict[int, int] = {}
        self._grow(64)

    def add(self, token_ids: Sequence[int], *, to_reply: bool) -> None:
        if not to_reply and not self._whole:
            return
        for token_id in token_ids:
            slot = self._slots.setdefault(token_id, len(self._slots))
            if slot == len(self._ids):
                self._grow(2 * slot)
            self._ids[slot] = token_id
            self._counts[slot] += to_reply

    @property
    def arrays(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        return self._ids[: len(self._slots)], self._counts[: len(self._slots)]

    @property
    def pointers(self) -> tuple[int, int, int]:
        return *self._addresses, len(self._slots)

    def _grow(self, capacity: int) -> None:
        ids, counts = np.zeros(capacity, np.int32), np.zeros(capacity, np.int32)
        if self._slots:
            ids[: len(self._ids)], counts[: len(self._ids)] = self._ids, self._counts
        self._ids, self._counts = ids, counts
        self._addresses = ids.ctypes.data, counts.ctypes.data
