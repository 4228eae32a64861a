"""Rows of conversations that share a prompt: the tools are read once, each conversation sees them and itself.

A row is `[prefix, conversation, conversation, …]`. Positions restart after the prefix and no conversation sees another,
so each sees exactly what it would alone; less than half of the tokens are left to compute.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Example:
    """One conversation in tokens."""

    prefix: tuple[int, ...]
    """The system turn, which others may share."""
    ids: tuple[int, ...]
    """What follows."""
    spans: tuple[tuple[int, int], ...]
    """Parts of `ids` that the model is to write."""
    alone: tuple[tuple[int, ...], ...]
    """For each of them the prompt after which the base model wrote it, all but its end; empty where it did not."""
    family: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """Conversations with one prefix."""

    examples: tuple[Example, ...]

    def tokens_and_targets(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Ids (T), positions (T), and for the loss: where a token to learn is predicted (N), and that token (N)."""
        prefix = self.examples[0].prefix
        ids, positions = list(prefix), list(range(len(prefix)))
        places: list[int] = []
        for example in self.examples:
            start = len(ids)
            ids += example.ids
            positions += range(len(prefix), len(prefix) + len(example.ids))
            places += [start + i for a, b in example.spans for i in range(a, b)]
        all_ids, learned = torch.tensor(ids), torch.tensor(places)
        return all_ids, torch.tensor(positions), learned - 1, all_ids[learned]

    def by_base(self) -> tuple[Tensor, Row | None]:
        """Which of the tokens to learn the base model wrote (N), and the row in which it did so by itself."""
        which: list[bool] = []
        alone: list[Example] = []
        for example in self.examples:
            for prompt, (start, end) in zip(example.alone, example.spans, strict=True):
                text = example.ids[start : end - 1]
                which += [bool(prompt)] * len(text) + [False]
                if prompt:
                    alone.append(Example((), prompt + text, ((len(prompt), len(prompt + text)),), ((),)))
        return torch.tensor(which), Row(tuple(alone)) if alone else None

    @property
    def tokens(self) -> int:
        return len(self.examples[0].prefix) + sum(len(example.ids) for example in self.examples)


def rows(examples: Iterable[Example], longest: int, seed: int) -> list[Row]:
    """All examples in rows of about `longest` tokens, mixed anew for each seed; longer ones stand alone."""
    random_order = random.Random(seed)
    groups: dict[tuple[int, ...], list[Example]] = defaultdict(list)
    for example in examples:
        groups[example.prefix].append(example)
    made: list[Row] = []
    for prefix, group in groups.items():
        random_order.shuffle(group)
        made += [Row(tuple(part)) for part in _filled(group, longest - len(prefix))]
    random_order.shuffle(made)
    return made


def _filled(examples: Sequence[Example], room: int) -> list[list[Example]]:
    parts: list[list[Example]] = []
    used = room + 1
    for example in examples:
        if used + len(example.ids) > room:
            parts.append([])
            used = 0
        parts[-1].append(example)
        used += len(example.ids)
    return parts
