"""Grammars as token masks: a `Constraint` becomes an llguidance matcher that follows one reply."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock

import numpy as np
from llguidance import LLMatcher, LLTokenizer
from numpy.typing import NDArray
from tokenizers import Tokenizer

from engine.errors import InvalidRequest
from engine.request import Constraint


class ConstraintCompiler:
    """Builds matchers for one tokenizer, on any threads. The token trie is made once, when the first grammar comes:
    it takes a second of work and 100 MB for a vocabulary of 150,000, which replies without a grammar do not need.
    """

    def __init__(self, tokenizer: Tokenizer, vocab_size: int, eos_token_ids: tuple[int, ...]) -> None:
        self._tokenizer = tokenizer
        self._vocab_size = vocab_size
        self._eos_token_ids = eos_token_ids
        self._trie: LLTokenizer | None = None
        self._making_trie = Lock()

    def timed(self, constraint: Constraint) -> Compiled:
        """Compile, and tell how long it took."""
        start = time.monotonic()
        try:
            grammar = self.compile(constraint)
        except InvalidRequest as error:
            grammar = error
        return Compiled(grammar, time.monotonic() - start)

    def compile(self, constraint: Constraint) -> ConstraintState:
        """Raises: InvalidRequest when llguidance refuses the grammar."""
        with self._making_trie:
            if self._trie is None:
                self._trie = LLTokenizer(
                    self._tokenizer.to_str(), n_vocab=self._vocab_size, eos_token=list(self._eos_token_ids) or None
                )
        try:
            grammar = _GRAMMAR_OF[constraint.kind](constraint.grammar)
        except ValueError as error:
            raise InvalidRequest(f"Invalid grammar. {error}", param="grammar") from error
        matcher = LLMatcher(self._trie, grammar, log_level=0)
        if matcher.is_error():
            raise InvalidRequest(f"Invalid grammar. {matcher.get_error()}", param="grammar")
        return ConstraintState(matcher, self._vocab_size)


_GRAMMAR_OF = {
    "json_schema": LLMatcher.grammar_from_json_schema,
    "regex": LLMatcher.grammar_from_regex,
    "lark": LLMatcher.grammar_from_lark,
    "llguidance": str,
}


@dataclass(frozen=True, slots=True)
class Compiled:
    """A request's grammar, or what is wrong with it."""

    grammar: ConstraintState | InvalidRequest
    seconds: float
    """That compiling took."""


class ConstraintState:
    """Where one reply stands in its grammar."""

    def __init__(self, matcher: LLMatcher, vocab_size: int) -> None:
        self._matcher = matcher
        self._vocab_size = vocab_size
        self._mask = np.zeros(-(-vocab_size // 32), np.uint32)
        self._computing: Future[None] | None = None

    def copy(self) -> ConstraintState:
        """For another reply that stands where this one does."""
        return ConstraintState(self._matcher.deep_copy(), self._vocab_size)

    def start_mask(self, threads: MaskThreads) -> None:
        """Compute the next mask on another thread; until `mask` has been called nothing else may be."""
        self._computing = threads.submit(self._compute)

    def mask(self) -> NDArray[np.uint32]:
        """(vocab / 32, rounded up): bit `i % 32` of word `i // 32` says whether token `i` may come next; end of
        sequence is among them when the reply may end. Good until the next mask is computed.
        """
        if self._computing is None:
            self._compute()
        else:
            self._computing.result()
            self._computing = None
        return self._mask

    def _compute(self) -> None:
        self._matcher.unsafe_compute_mask_ptr(self._mask.ctypes.data, self._mask.nbytes)

    def accept(self, token_id: int) -> bool:
        """Move on by one token of the reply; False when the matcher gave up (its limits were exceeded)."""
        return self._matcher.consume_token(token_id)

    def forced(self) -> list[int]:
        """Tokens that must come next, whatever the model says; they need no sampling."""
        return self._matcher.compute_ff_tokens()

    @property
    def is_finished(self) -> bool:
        """Nothing but the end can follow."""
        return self._matcher.is_stopped()


class MaskThreads:
    """Threads that compute masks while the model runs; llguidance lets go of the GIL meanwhile. Made when needed."""

    def __init__(self) -> None:
        self._threads: ThreadPoolExecutor | None = None

    def submit(self, compute: Callable[[], None]) -> Future[None]:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(min(8, os.cpu_count() or 1), thread_name_prefix="grammar")
        return self._threads.submit(compute)
