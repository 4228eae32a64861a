"""Matrix products with weights that stay packed, and the embedding table that may share them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from engine.quant.base import PackedTensor
from engine.quant.ggml import dequantize


class Linear:
    """y = x · Wᵀ + b for a weight of (out, in), plain or packed."""

    def __init__(
        self,
        weight: Tensor | PackedTensor,
        bias: Tensor | None = None,
        *,
        matmul_dtype: torch.dtype | None = None,
    ) -> None:
        """`matmul_dtype`: what many tokens at once are multiplied in; None: the dtype of the activations."""
        self.weight = weight
        self.bias = bias
        self.matmul_dtype = matmul_dtype
        self.out_features, self.in_features = weight.shape

    @classmethod
    def fused(cls, parts: Sequence[Linear]) -> Linear | None:
        """One layer whose output is the outputs of `parts` side by side; None when their weights do not go together."""
        weight = _concatenate([part.weight for part in parts])
        if weight is None or len({part.bias is None for part in parts}) > 1:
            return None
        biases = [part.bias for part in parts if part.bias is not None]
        return cls(weight, torch.cat(biases) if biases else None, matmul_dtype=parts[0].matmul_dtype)

    @property
    def nbytes(self) -> int:
        """Bytes held in memory."""
        return self.weight.nbytes + (self.bias.nbytes if self.bias is not None else 0)

    @property
    def num_parameters(self) -> int:
        return self.out_features * (self.in_features + (self.bias is not None))

    def __call__(self, x: Tensor) -> Tensor:
        """x (T, in) → (T, out) in the dtype of `x`."""
        dtype = self.matmul_dtype or x.dtype
        weight = self.weight.dequantize(dtype) if isinstance(self.weight, PackedTensor) else self.weight.to(dtype)
        out = functional.linear(x.to(dtype), weight).to(x.dtype)
        return out if self.bias is None else out.add_(self.bias)


class Embedding:
    """The vector of each token id, looked up in a plain or packed table of (vocabulary, hidden)."""

    def __init__(self, weight: Tensor | PackedTensor, dtype: torch.dtype) -> None:
        self.weight = weight
        self.dtype = dtype

    @property
    def nbytes(self) -> int:
        """Bytes held in memory."""
        return self.weight.nbytes

    @property
    def num_parameters(self) -> int:
        rows, columns = self.weight.shape
        return rows * columns

    def __call__(self, ids: Tensor) -> Tensor:
        """ids (T,) int64 → (T, hidden) in `dtype`."""
        if isinstance(self.weight, PackedTensor):
            return dequantize(self.weight.data[ids], self.weight.type, self.dtype)
        return self.weight[ids].to(self.dtype)

    def as_linear(self, matmul_dtype: torch.dtype | None = None) -> Linear:
        """The same table as an output head: hidden → one score a token of the vocabulary. Nothing is copied."""
        return Linear(self.weight, matmul_dtype=matmul_dtype)


def _concatenate(weights: Sequence[Tensor | PackedTensor]) -> Tensor | PackedTensor | None:
    """Rows of all weights, one behind the other; None when formats or widths differ."""
    if len({weight.shape[1] for weight in weights}) > 1:
        return None
    packed = [weight for weight in weights if isinstance(weight, PackedTensor)]
    plain = [weight for weight in weights if isinstance(weight, Tensor)]
    if not packed:
        return torch.cat(plain) if len({weight.dtype for weight in plain}) == 1 else None
    if plain or len({weight.type for weight in packed}) > 1:
        return None
    rows = sum(weight.shape[0] for weight in packed)
    return PackedTensor(packed[0].type, torch.cat([weight.data for weight in packed]), (rows, packed[0].shape[1]))
