"""A mixture of experts: each token goes through the few feed-forward blocks its router chooses.

Tokens are sorted by expert, so that each expert multiplies all its tokens at once: in one native call on a CPU, in two
grouped products on a GPU with plain weights, expert by expert elsewhere.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from engine.kernels import torch_ops
from engine.kernels.library import MixtureArguments
from engine.layers.activation import CODES
from engine.layers.linear import Linear, LinearGroup, native_precision


class Expert(Protocol):
    """A gated feed-forward block; all experts of a mixture are alike."""

    @property
    def gate_up(self) -> LinearGroup: ...

    @property
    def down(self) -> Linear: ...

    @property
    def activation(self) -> Callable[[Tensor], Tensor]: ...

    def __call__(self, x: Tensor) -> Tensor:
        """(T, hidden) → (T, hidden)."""
        ...


@dataclass(frozen=True, slots=True)
class SharedExpert:
    """A block for every token, weighed by a gate of its own."""

    gate: Linear
    """hidden → 1"""
    block: Expert

    def __call__(self, x: Tensor) -> Tensor:
        """x (T, hidden) → (T, hidden)."""
        return self.gate(x).sigmoid() * self.block(x)


class MixtureOfExperts:
    """Softmax routing to the `per_token` best experts, whose outputs are added by weight."""

    def __init__(
        self,
        router: Linear,
        experts: Sequence[Expert],
        per_token: int,
        *,
        normalize: bool,
        shared: SharedExpert | None = None,
    ) -> None:
        """`normalize`: weights of the chosen experts sum to one."""
        self.router = router
        self.experts = experts
        self.per_token = per_token
        self.normalize = normalize
        self.shared = shared
        self._native: _Native | None = None
        self._stacked: tuple[Tensor, Tensor] | None = None

    @property
    def linears(self) -> list[Linear]:
        """All matrices a token chooses from, the router's first."""
        return [self.router, *(linear for expert in self.experts for linear in (*expert.gate_up.parts, expert.down))]

    def __call__(self, x: Tensor) -> Tensor:
        """x (T, hidden) → (T, hidden)."""
        out = self._chosen(x)
        return out if self.shared is None else out + self.shared(x)

    def _chosen(self, x: Tensor) -> Tensor:
        if torch_ops.takes(x) and (address := self.native_address()) is not None:
            return torch_ops.mix_experts(x, address, native_precision(self.router.matmul_dtype or x.dtype))
        shares, chosen = self.router(x).float().softmax(-1).topk(self.per_token, -1)  # (T, per_token) each
        if self.normalize:
            shares = shares / shares.sum(-1, keepdim=True)
        order = chosen.flatten().argsort(stable=True)
        rows, counts = x[order // self.per_token], chosen.flatten().bincount(minlength=len(self.experts))
        results = torch.empty_like(rows)
        results[order] = self._through_experts(rows, counts)
        return (results.view(*chosen.shape, x.shape[1]) * shares.unsqueeze(-1)).sum(1).to(x.dtype)

    def native_address(self) -> int | None:
        """Where the library finds the description of this mixture, a shared expert apart.

        None when one of its weights stays with torch.
        """
        if self._native is None:
            if self.router.bias is not None or any(linear.native_address() is None for linear in self.linears):
                return None
            self._native = _describe(self)
        return ctypes.addressof(self._native.arguments)

    def _through_experts(self, rows: Tensor, counts: Tensor) -> Tensor:
        """rows (N, hidden) sorted by expert, counts (experts,) → (N, hidden)."""
        if _has_grouped_products(rows) and (stacked := self._stack(rows.dtype)) is not None:
            gate_up, down = stacked
            ends = counts.cumsum(0).int()
            inside = self.experts[0].activation(functional.grouped_mm(rows, gate_up, offs=ends))
            return functional.grouped_mm(inside, down, offs=ends)
        parts = zip(self.experts, rows.split(counts.tolist()), strict=True)
        return torch.cat([rows[:0], *(expert(part) for expert, part in parts if len(part))])

    def _stack(self, dtype: torch.dtype) -> tuple[Tensor, Tensor] | None:
        """Of all experts, (experts, hidden, 2 · inner) and (experts, inner, hidden); None when they are not plain."""
        if self._stacked is None:
            gate_up = _stacked([expert.gate_up.parts for expert in self.experts], dtype)
            down = _stacked([[expert.down] for expert in self.experts], dtype)
            if gate_up is None or down is None:
                return None
            self._stacked = gate_up, down
        return self._stacked


def _has_grouped_products(rows: Tensor) -> bool:
    return rows.device.type == "cuda" and rows.dtype is torch.bfloat16


def _stacked(layers: Sequence[Sequence[Linear]], dtype: torch.dtype) -> Tensor | None:
    """(layers, in, out), of which the layers keep views; None when one has several parts, a bias or packed weights."""
    linears = [parts[0] for parts in layers if len(parts) == 1 and parts[0].bias is None]
    sources = [linear.weight.source for linear in linears]
    plain = [source for source in sources if isinstance(source, Tensor) and source.dtype is dtype]
    if len(plain) < len(layers):
        return None
    stacked = torch.stack(plain)
    for linear, view in zip(linears, stacked, strict=True):
        linear.weight.source = view
    return stacked.transpose(1, 2)


@dataclass(frozen=True, slots=True)
class _Native:
    arguments: MixtureArguments
    gate_up: ctypes.Array[ctypes.c_void_p]
    down: ctypes.Array[ctypes.c_void_p]
    """Kept, like `gate_up`, for as long as `arguments` points to them."""


def _describe(mixture: MixtureOfExperts) -> _Native:
    first = mixture.experts[0]
    pairs = [[part.native_address() for part in expert.gate_up.parts] for expert in mixture.experts]
    gate_up = (ctypes.c_void_p * (2 * len(pairs)))(*[address for pair in pairs for address in (*pair, None)[:2]])
    down = (ctypes.c_void_p * len(pairs))(*[expert.down.native_address() for expert in mixture.experts])
    arguments = MixtureArguments(
        router=mixture.router.native_address(),
        gate_up=ctypes.addressof(gate_up),
        down=ctypes.addressof(down),
        experts=len(pairs),
        per_token=mixture.per_token,
        inner=first.down.in_features,
        normalize=mixture.normalize,
        activation=CODES[first.activation],
    )
    return _Native(arguments, gate_up, down)
