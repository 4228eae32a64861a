"""Chooses the next token of each sequence: one native call for all of them, or torch operations row by row."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence as Items
from dataclasses import dataclass
from math import isfinite

import torch
from tokenizers import Tokenizer
from torch import Tensor

from engine import kernels
from engine.kernels.library import Library
from engine.request import SamplingParams
from engine.sampling.constraint import MaskThreads
from engine.sampling.state import SamplingState
from engine.sampling.torch_sampling import choose
from engine.sampling.uniform import stream_key
from engine.sequence import Sequence


@dataclass(frozen=True, slots=True)
class Sampled:
    """A chosen token and, where asked for, natural-log probabilities."""

    token_id: int
    logprob: float | None = None
    top: tuple[tuple[int, float], ...] = ()
    """The most likely tokens, best first."""


class Sampler:
    """Knows the vocabulary; what belongs to one reply is in its `SamplingState`."""

    def __init__(self, tokenizer: Tokenizer, eos_token_ids: tuple[int, ...]) -> None:
        self._tokenizer = tokenizer
        self._eos_token_ids = eos_token_ids
        added = tokenizer.get_added_tokens_decoder()
        self._special_ids = {token.content: token_id for token_id, token in added.items() if token.special}
        self._breakers: dict[tuple[str, ...], frozenset[int]] = {}
        self._mask_threads = MaskThreads()

    def state(self, params: SamplingParams, seed: int, index: int) -> SamplingState:
        """For choice `index` of a request whose random numbers start from `seed`."""
        return SamplingState(
            params,
            stream_key(seed, index),
            end_ids=self._eos_token_ids,
            breakers=self._breaker_ids(params.dry_sequence_breakers) if params.dry_multiplier else frozenset(),
            # special tokens are left out of the text, so these are never found there
            stop_texts={self._special_ids[text]: text for text in params.stop if text in self._special_ids},
        )

    def start_masks(self, sequences: Items[Sequence]) -> None:
        """Begin, on other threads, what `sample` of these sequences will need of their grammars. To be called before
        the model runs.
        """
        for sequence in sequences:
            if sequence.constraint is not None:
                sequence.constraint.start_mask(self._mask_threads)

    def sample(self, logits: Tensor, sequences: Items[Sequence]) -> list[Sampled | None]:
        """Choose one token per row of `logits` (N, vocab) float32, which are changed; None where the model produced
        NaN or infinity, or nothing that is possible.
        """
        for sequence in sequences:
            sequence.sampling.prepare(sequence.token_ids, sequence.num_prompt_tokens)
        library = kernels.native()
        if library is not None and logits.device.type == "cpu":
            return _sample_native(library, logits, sequences)
        return _sample_torch(logits, sequences)

    def _breaker_ids(self, breakers: tuple[str, ...]) -> frozenset[int]:
        """The last token of each text behind a letter: how the text ends in the middle of a reply."""
        if breakers not in self._breakers:
            encoded = [self._tokenizer.encode(f"a{text}", add_special_tokens=False).ids for text in breakers]
            self._breakers[breakers] = frozenset(ids[-1] for ids in encoded if ids)
        return self._breakers[breakers]


def _sample_native(library: Library, logits: Tensor, sequences: Items[Sequence]) -> list[Sampled | None]:
    masks = []  # kept until the call is over
    for sequence in sequences:
        if sequence.constraint is not None:
            masks.append(mask := sequence.constraint.mask())
            sequence.sampling.row.mask = mask.ctypes.data
    addresses = (ctypes.c_void_p * len(sequences))(*[sequence.sampling.address for sequence in sequences])
    library.sample(addresses, logits.data_ptr(), logits.stride(0), len(sequences), logits.shape[1])
    return [_native_result(sequence.sampling) for sequence in sequences]


def _native_result(state: SamplingState) -> Sampled | None:
    row = state.row
    if row.token < 0:
        return None
    if row.top_count < 0:
        return Sampled(row.token)
    top = zip(row.top_ids[: row.num_top], row.top_logprobs[: row.num_top], strict=True)
    return Sampled(row.token, row.logprob, tuple(top))


@torch.inference_mode()
def _sample_torch(logits: Tensor, sequences: Items[Sequence]) -> list[Sampled | None]:
    highest, best = logits.max(dim=-1)
    results: list[Sampled | None] = []
    for row, high, token_id, sequence in zip(logits, highest.tolist(), best.tolist(), sequences, strict=True):
        state, constraint = sequence.sampling, sequence.constraint
        if not isfinite(high):
            results.append(None)
        elif state.is_greedy and not state.changes_logits and state.row.top_count < 0 and constraint is None:
            results.append(Sampled(token_id))
        else:
            chosen = choose(row, state, None if constraint is None else constraint.mask())
            results.append(None if chosen is None else Sampled(chosen.token_id, chosen.logprob, chosen.top))
    return results
