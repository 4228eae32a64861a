"""Matrix products with weights that stay packed, and the embedding table that may share them."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from engine.kernels import native
from engine.kernels.library import MatrixArguments
from engine.kernels.matrix import NativeMatrix
from engine.kernels.torch_matrix import TorchMatrix, torch_matrix
from engine.quant.base import GGMLType, PackedTensor
from engine.quant.ggml import dequantize


class Weight:
    """One matrix, which a linear layer and an embedding may share.

    As it came until it is first needed; from then on in the native library's layout only. Without the library a CPU
    multiplies in a form of torch's own, or, where products have to be exact, in unpacked weights: decoding every weight
    anew for every token would be some twenty times slower.
    """

    def __init__(self, source: Tensor | PackedTensor, *, has_rows: bool = False) -> None:
        """`has_rows`: single rows will be looked up as well."""
        self.shape = (source.shape[0], source.shape[1])
        self.source: Tensor | PackedTensor | NativeMatrix | None = source
        self._has_rows = has_rows
        self._torch: TorchMatrix | None = None
        self._is_settled = False

    @property
    def nbytes(self) -> int:
        """Bytes held in memory."""
        return sum(form.nbytes for form in (self.source, self._torch) if form is not None)

    @property
    def packed_as(self) -> GGMLType | None:
        """The format of its blocks; None for plain numbers."""
        type = self.source.type if isinstance(self.source, PackedTensor | NativeMatrix) else None
        return type if type is not None and type.block_elements > 1 else None

    def matrix(self) -> NativeMatrix | None:
        """The matrix in the library's layout; None when torch has to do it."""
        if not self._is_settled and native() is not None:
            if isinstance(self.source, Tensor | PackedTensor):
                self.source = NativeMatrix.of(self.source) or self.source
            self._is_settled = True
        return self.source if isinstance(self.source, NativeMatrix) and native() is not None else None

    def torch_matrix(self) -> TorchMatrix | None:
        """The matrix as torch multiplies it fast on a CPU, close to exact; None where it cannot."""
        if self._torch is None and isinstance(self.source, Tensor | PackedTensor):
            self._torch = torch_matrix(self.source)
            if self._torch is not None and not self._has_rows:
                self.source = None
        return self._torch

    def dense(self, dtype: torch.dtype) -> Tensor:
        """(rows, columns) in `dtype`."""
        match self.source:
            case NativeMatrix():
                return self.source.rows(torch.arange(self.shape[0])).to(dtype)
            case PackedTensor():
                dense = self.source.dequantize(dtype)
            case Tensor():
                dense = self.source.to(dtype)
            case None:
                raise AssertionError("only the form for fast products was kept")
        if dense.device.type == "cpu":
            self.source = dense
        return dense

    def rows(self, ids: Tensor, dtype: torch.dtype) -> Tensor:
        """ids (N,) int64 → (N, columns) in `dtype`."""
        match self.source:
            case NativeMatrix():
                return self.source.rows(ids).to(dtype)
            case PackedTensor():
                return dequantize(self.source.data[ids], self.source.type, dtype)
            case Tensor():
                return self.source[ids].to(dtype)
            case None:
                raise AssertionError("rows were not asked for")


class Addition(Protocol):
    """What may be added to the outputs of a layer, by row."""

    def add(self, x: Tensor, out: Tensor) -> None:
        """x (T, in), out (T, out), which is modified."""
        ...


class Linear:
    """y = x · Wᵀ + b for a weight of (out, in), plain or packed."""

    def __init__(
        self,
        weight: Tensor | PackedTensor | Weight,
        bias: Tensor | None = None,
        *,
        matmul_dtype: torch.dtype | None = None,
        modules: tuple[tuple[str, int], ...] = (),
    ) -> None:
        """`matmul_dtype`: what products are taken in; None: the dtype of the activations. `modules`: which modules of a
        checkpoint its rows are, in order, and how many of each.

        In the native library quantised weights stay as they are and activations are rounded beside them, a run of 32
        columns at a time: to eight bits for int8, to sixteen for everything else. bfloat16 weights are multiplied in
        bfloat16 for int8 and bfloat16. Torch has no int8 of that kind and takes the activations' dtype.
        """
        self.weight = weight if isinstance(weight, Weight) else Weight(weight)
        self.bias = bias
        self.matmul_dtype = matmul_dtype
        self.modules = modules
        self.site: Addition | None = None
        self.out_features, self.in_features = self.weight.shape
        self._native: tuple[MatrixArguments, int, Tensor | None] | None = None

    @classmethod
    def fused(cls, parts: Sequence[Linear]) -> Linear | None:
        """One layer whose output is the outputs of `parts` side by side; None when their weights do not go together.

        The parts must not have been used yet.
        """
        weight = _concatenate([part.weight.source for part in parts])
        if weight is None or len({part.bias is None for part in parts}) > 1:
            return None
        biases = [part.bias for part in parts if part.bias is not None]
        modules = tuple(module for part in parts for module in part.modules)
        return cls(weight, torch.cat(biases) if biases else None, matmul_dtype=parts[0].matmul_dtype, modules=modules)

    @property
    def nbytes(self) -> int:
        """Bytes held in memory."""
        return self.weight.nbytes + (self.bias.nbytes if self.bias is not None else 0)

    @property
    def num_parameters(self) -> int:
        return self.out_features * (self.in_features + (self.bias is not None))

    def __call__(self, x: Tensor) -> Tensor:
        """x (T, in) → (T, out) in the dtype of `x`."""
        out = self._product(x)
        if self.site is not None:
            self.site.add(x, out)
        return out

    def _product(self, x: Tensor) -> Tensor:
        matrix = self.weight.matrix() if x.device.type == "cpu" else None
        if matrix is None:
            return self._with_torch(x)
        bias = None if self.bias is None else self.bias.float()
        precision = native_precision(self.matmul_dtype or x.dtype)
        return matrix.linear(x.float(), bias, precision).to(x.dtype)

    def settle(self) -> None:
        """Take the form that products need now, so that what the weight was read from can go."""
        self.native_address()

    def native_address(self) -> int | None:
        """Where the library finds the description of this layer; None when its weight stays with torch."""
        if self._native is None:
            matrix = self.weight.matrix()
            if matrix is None:
                return None
            bias = None if self.bias is None else self.bias.float().contiguous()
            arguments = matrix.arguments(bias)
            self._native = (arguments, ctypes.addressof(arguments), bias)
        return self._native[1]

    def _with_torch(self, x: Tensor) -> Tensor:
        dtype = self.matmul_dtype or x.dtype
        is_rounded = x.device.type == "cpu" and dtype is not torch.float32
        if is_rounded and (matrix := self.weight.torch_matrix()) is not None:
            out = matrix.linear(x.float()).to(x.dtype)
        else:
            dtype = x.dtype if dtype is torch.int8 else dtype
            out = functional.linear(x.to(dtype), self.weight.dense(dtype)).to(x.dtype)
        return out if self.bias is None else out.add_(self.bias)


def native_precision(matmul_dtype: torch.dtype) -> int:
    """`engine::Precision` of api.h."""
    return {torch.bfloat16: 1, torch.int8: 2}.get(matmul_dtype, 0)


class LinearGroup:
    """Linear layers over the same input whose outputs lie side by side."""

    def __init__(self, parts: Sequence[Linear]) -> None:
        self.parts = tuple(parts)

    @classmethod
    def of(cls, parts: Sequence[Linear]) -> LinearGroup:
        """`parts`, none of them used yet, as one layer if their weights go together."""
        fused = Linear.fused(parts)
        return cls(parts if fused is None else [fused])

    def __call__(self, x: Tensor) -> Tensor:
        """x (T, in) → (T, sum of out)."""
        if len(self.parts) == 1:
            return self.parts[0](x)
        return torch.cat([part(x) for part in self.parts], -1)


class Embedding:
    """The vector of each token id, looked up in a plain or packed table of (vocabulary, hidden)."""

    def __init__(self, weight: Tensor | PackedTensor, dtype: torch.dtype) -> None:
        self.weight = Weight(weight, has_rows=True)
        self.dtype = dtype
        self._native: tuple[MatrixArguments, int] | None = None

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
        return self.weight.rows(ids, self.dtype)

    def native_address(self) -> int | None:
        """Where the library finds the description of the table; None when it stays with torch."""
        if self._native is None:
            matrix = self.weight.matrix()
            if matrix is None:
                return None
            arguments = matrix.arguments(None)
            self._native = arguments, ctypes.addressof(arguments)
        return self._native[1]

    def as_linear(self, matmul_dtype: torch.dtype | None = None) -> Linear:
        """The same table as an output head: hidden → one score a token of the vocabulary. Nothing is copied."""
        return Linear(self.weight, matmul_dtype=matmul_dtype)


def _concatenate(weights: Sequence[Tensor | PackedTensor | NativeMatrix | None]) -> Tensor | PackedTensor | None:
    """Rows of all weights, one behind the other; None when formats or widths differ."""
    if len({weight.shape[1] for weight in weights if weight is not None}) > 1:
        return None
    packed = [weight for weight in weights if isinstance(weight, PackedTensor)]
    if len(packed) == len(weights) and len({weight.type for weight in packed}) == 1:
        rows = sum(weight.shape[0] for weight in packed)
        return PackedTensor(packed[0].type, torch.cat([weight.data for weight in packed]), (rows, packed[0].shape[1]))
    plain = [weight for weight in weights if isinstance(weight, Tensor)]
    if len(plain) == len(weights) and len({weight.dtype for weight in plain}) == 1:
        return torch.cat(plain)
    return None
