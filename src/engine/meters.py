"""What an engine counts while it works. One addition and one bisection a token: nothing that a step would feel."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from engine.request import Distribution, FinishReason

StepKind = Literal["prefill", "decode", "mixed"]

_FIRST_TOKEN_S = (
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0, 80.0, 160.0,
    640.0, 2560.0,
)  # fmt: skip
_BETWEEN_TOKENS_S = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0,
    40.0, 80.0,
)  # fmt: skip
_STEP_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_SEQUENCES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0)
_GRAMMAR_S = (0.0001, 0.001, 0.01, 0.1, 1.0, 10.0)


class Histogram:
    """Counts values between bounds."""

    __slots__ = ("_bounds", "_counts", "_total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._total = 0.0

    def add(self, value: float) -> None:
        self._counts[bisect_left(self._bounds, value)] += 1
        self._total += value

    def snapshot(self) -> Distribution:
        return Distribution(self._bounds, tuple(self._counts), self._total)


def _step_histograms(bounds: tuple[float, ...]) -> dict[StepKind, Histogram]:
    return {"prefill": Histogram(bounds), "decode": Histogram(bounds), "mixed": Histogram(bounds)}


@dataclass(slots=True)
class Meters:
    """The counts of one engine."""

    tokens_processed: int = 0
    prompt_tokens: int = 0
    generated_tokens: int = 0
    completed: Counter[FinishReason] = field(default_factory=Counter[FinishReason])
    first_token_s: Histogram = field(default_factory=lambda: Histogram(_FIRST_TOKEN_S))
    between_tokens_s: Histogram = field(default_factory=lambda: Histogram(_BETWEEN_TOKENS_S))
    step_s: dict[StepKind, Histogram] = field(default_factory=lambda: _step_histograms(_STEP_S))
    step_sequences: dict[StepKind, Histogram] = field(default_factory=lambda: _step_histograms(_SEQUENCES))
    grammar_s: Histogram = field(default_factory=lambda: Histogram(_GRAMMAR_S))

    def step(self, sequences: int, prompts: int, seconds: float) -> None:
        """Count a step of so many sequences, of which so many had no token yet."""
        kind: StepKind = "decode" if not prompts else "prefill" if prompts == sequences else "mixed"
        self.step_s[kind].add(seconds)
        self.step_sequences[kind].add(sequences)
