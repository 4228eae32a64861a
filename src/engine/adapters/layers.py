"""Where adapters meet the layers of a model: y += scale · B · (A · x), beside weights that stay as they are.

LoRA: Low-Rank Adaptation of Large Language Models, Hu et al. 2021. Rows of a step that belong to one adapter lie one
behind the other, so that each adapter multiplies all its rows at once.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.adapters.config import LoraConfig
from engine.kernels import native
from engine.kernels.matrix import memory_of_its_own
from engine.layers.linear import Linear
from engine.models.base import BuildConfig
from engine.quant.base import GGMLType
from engine.quant.quantize import quantize

_LANES = 16
"""Ranks are padded with zeros to whole multiples: the native kernels read so many columns at once."""


@dataclass(frozen=True, slots=True)
class LowRankPart:
    """What one module of a site gets: B, for some of the rows of the site's stacked A."""

    up: Linear
    """(out of the module, padded rank), or in codes (half of that, twice the rank)."""
    rank: int
    """Padded."""
    first: int
    """Where its rows of A begin."""
    start: int
    """Where the module's outputs begin in those of the site."""

    def update(self, inner: Tensor) -> Tensor:
        """inner (T, padded rank) → (T, out of the module)."""
        if self.up.in_features == self.rank:
            return self.up(inner)
        halves = self.up(functional.pad(inner, (0, self.rank))), self.up(functional.pad(inner, (self.rank, 0)))
        return torch.stack([half.unflatten(1, (-1, _LANES)) for half in halves], 2).flatten(1)


@dataclass(frozen=True, slots=True)
class LowRank:
    """What one adapter adds to one site."""

    down: Linear
    """A of all modules, (padded ranks together, in)."""
    scales: Tensor
    """(padded ranks together,) float32"""
    parts: tuple[LowRankPart, ...]

    @property
    def nbytes(self) -> int:
        return self.scales.nbytes + sum(linear.nbytes for linear in self.linears)

    @property
    def linears(self) -> list[Linear]:
        return [self.down, *(part.up for part in self.parts)]

    def add(self, x: Tensor, out: Tensor) -> None:
        """x (T, in), out (T, out of the site), which is added to."""
        inner = self.down(x) * self.scales.to(x.dtype)  # (T, padded ranks together)
        for part in self.parts:
            update = part.update(inner[:, part.first : part.first + part.rank])
            out[:, part.start : part.start + update.shape[1]] += update


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Adapter:
    """One loaded version of an adapter. Nothing in it changes; its memory goes when nobody has it any more."""

    generation: str
    """64 hex digits that follow from the content of its files."""
    rank: int
    """The highest of its modules."""
    layers: Mapping[Site, LowRank]

    @property
    def nbytes(self) -> int:
        return sum(low_rank.nbytes for low_rank in self.layers.values())


@dataclass(frozen=True, slots=True)
class AdapterRows:
    """The rows [start, stop) of a step belong to `adapter`."""

    adapter: Adapter
    start: int
    stop: int


@dataclass(slots=True)
class StepRows:
    """Whose rows the step under way has; a model's sites look here."""

    rows: Sequence[AdapterRows] = ()
    """Rows of nobody are in none."""


@dataclass(frozen=True, slots=True, eq=False)
class Site:
    """A linear layer that adapters can add to: one module of a checkpoint, or several whose rows were fused."""

    modules: tuple[tuple[str, int], ...]
    """Name and output features of each, in order."""
    in_features: int
    step: StepRows
    is_coded: bool
    """Whether its weights are codes of few bits, beside which activations are rounded."""

    def add(self, x: Tensor, out: Tensor) -> None:
        """x (T, in), all rows of the step, and out (T, out), to which their adapters add."""
        for rows in self.step.rows:
            if (low_rank := rows.adapter.layers.get(self)) is not None:
                low_rank.add(x[rows.start : rows.stop], out[rows.start : rows.stop])


class AdapterSites:
    """All sites of one model."""

    def __init__(self, build: BuildConfig) -> None:
        self.step = StepRows()
        self._build = build
        self._sites: dict[str, Site] = {}

    def watch(self, linears: Iterable[Linear]) -> None:
        """Let adapters add to what these layers compute; they know the names of their modules."""
        for linear in linears:
            is_coded = self._is_native() and linear.weight.packed_as not in (None, GGMLType.FP8)
            linear.site = self._site(linear.modules, linear.in_features, is_coded=is_coded)

    def watch_module(self, name: str, module: nn.Module, out_features: int, in_features: int) -> None:
        """The same for a torch module that takes (…, T, in) and returns (…, T, out)."""
        site = self._site(((name, out_features),), in_features, is_coded=False)

        def add(_: nn.Module, inputs: tuple[Any, ...], out: Tensor) -> None:
            site.add(inputs[0].reshape(-1, in_features), out.view(-1, out_features))

        module.register_forward_hook(add)

    @contextmanager
    def serving(self, rows: Sequence[AdapterRows]) -> Generator[None]:
        """For one step of the model, whose rows these are."""
        self.step.rows = rows
        try:
            yield
        finally:
            self.step.rows = ()

    def modules(self) -> dict[str, tuple[int, int]]:
        """(out, in) of every module that an adapter may have weights for."""
        sites = self._sites.values()
        return {name: (out, site.in_features) for site in sites for name, out in site.modules}

    def adapter(self, generation: str, config: LoraConfig, weights: Mapping[str, tuple[Tensor, Tensor]]) -> Adapter:
        """Make an adapter of A (rank, in) and B (out, rank) by module, of the shapes that `modules` says."""
        names_of: dict[Site, list[str]] = {}
        for name in weights:
            names_of.setdefault(self._sites[name], []).append(name)
        with memory_of_its_own():
            layers = {
                site: self._low_rank(site, {name: (*weights[name], config.scale_of(name)) for name in names})
                for site, names in names_of.items()
            }
        return Adapter(generation, max(a.shape[0] for a, _ in weights.values()), layers)

    def _site(self, modules: tuple[tuple[str, int], ...], in_features: int, *, is_coded: bool) -> Site:
        site = Site(modules, in_features, self.step, is_coded)
        self._sites |= {name: site for name, _ in modules}
        return site

    def _low_rank(self, site: Site, weights: Mapping[str, tuple[Tensor, Tensor, float]]) -> LowRank:
        """`weights`: A, B and scale of some of its modules."""
        downs: list[Tensor] = []
        scales: list[float] = []
        parts: list[LowRankPart] = []
        start = 0
        for name, out_features in site.modules:
            if name in weights:
                a, b, scale = weights[name]
                padding = -a.shape[0] % _LANES
                up = self._up(site, functional.pad(b, (0, padding)))
                parts.append(LowRankPart(up, a.shape[0] + padding, len(scales), start))
                downs.append(functional.pad(a, (0, 0, 0, padding)))
                scales += [scale] * (a.shape[0] + padding)
            start += out_features
        down = self._down(site, torch.cat(downs))
        return LowRank(down, torch.tensor(scales, device=self._build.device), tuple(parts))

    def _is_native(self) -> bool:
        return self._build.device.type == "cpu" and native() is not None

    def _down(self, site: Site, weight: Tensor) -> Linear:
        return self._coded(weight, self._build.matmul_dtype) if site.is_coded else self._linear(weight)

    def _up(self, site: Site, weight: Tensor) -> Linear:
        """A rank of sixteen is half of what codes share a scale: there each row goes with that of the next sixteen."""
        if not site.is_coded or weight.shape[1] != _LANES or weight.shape[0] % (2 * _LANES):
            return self._linear(weight)
        pairs = weight.view(-1, 2, _LANES, _LANES).transpose(1, 2).reshape(-1, 2 * _LANES)
        return self._coded(pairs, torch.float32)

    def _coded(self, weight: Tensor, matmul_dtype: torch.dtype | None) -> Linear:
        """In codes of eight bits, which are half the memory to read: what that changes is a small part of what the
        weights beside which they lie have lost already."""
        linear = Linear(quantize(weight, GGMLType.Q8_0), matmul_dtype=matmul_dtype)
        linear.settle()
        return linear

    def _linear(self, weight: Tensor) -> Linear:
        """Native products are taken in float32 from weights of 16 bits as they came, or where all others are rounded
        anyway; torch takes what activations are."""
        build = self._build
        if not self._is_native():
            return Linear(weight.to(build.device, build.dtype))
        if weight.dtype is not torch.bfloat16 and build.matmul_dtype is not torch.float32:
            weight = weight.to(torch.bfloat16)
        linear = Linear(weight, matmul_dtype=torch.float32)
        linear.settle()
        return linear
