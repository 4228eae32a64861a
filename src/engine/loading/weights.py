"""The weights of a model, one tensor at a time, and the check that a model took all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Protocol

import torch
from torch import Tensor

from engine.errors import CorruptModel
from engine.layers.linear import Linear
from engine.models.base import BuildConfig
from engine.quant.base import PackedTensor


class WeightFiles(Protocol):
    """Where tensors come from, by their Hugging Face names."""

    @property
    def origin(self) -> str:
        """What to call the files in an error."""
        ...

    def names(self) -> Iterable[str]: ...

    def shape(self, name: str) -> tuple[int, ...]:
        """Logical shape; KeyError when there is no such tensor."""
        ...

    def read(self, name: str) -> Tensor | PackedTensor:
        """The tensor as stored, on the CPU; may be a view of a mapped file."""
        ...


class Weights:
    """Hands out tensors as a build wants them: right shape, dtype and device, each kept count of.

    Packed weights stay packed. Matrices stored in 16 bits stay so on a CPU even when activations are float32;
    everything else becomes the dtype of the build.
    """

    def __init__(self, files: WeightFiles, build: BuildConfig) -> None:
        self.build = build
        self.num_parameters = 0
        self.nbytes = 0
        self._files = files
        self._left = set(files.names())
        self._packed_bytes: Counter[str] = Counter()

    def __contains__(self, name: str) -> bool:
        return name in self._left

    @property
    def quantization(self) -> str:
        """Packed formats taken so far, most bytes first; `none` when all was plain."""
        return " + ".join(name for name, _ in self._packed_bytes.most_common()) or "none"

    def linear(self, name: str, out_features: int, in_features: int, *, bias: bool = False) -> Linear:
        """`name`.weight of (out, in), and `name`.bias of (out,) if `bias`."""
        weight = self.matrix(f"{name}.weight", out_features, in_features)
        vector = self.vector(f"{name}.bias", out_features).to(self.build.dtype) if bias else None
        return Linear(weight, vector, matmul_dtype=self.build.matmul_dtype)

    def matrix(self, name: str, rows: int, columns: int) -> Tensor | PackedTensor:
        """A weight to multiply with or look up in.

        Raises: CorruptModel when it is missing or has another shape.
        """
        weight = self._take(name, (rows, columns))
        if isinstance(weight, PackedTensor):
            self._packed_bytes[weight.type.name] += weight.nbytes
            weight = replace(weight, data=weight.data.to(self.build.device))
        else:
            weight = weight.to(self.build.device, self._matrix_dtype(weight.dtype))
        self.nbytes += weight.nbytes
        return weight

    def _matrix_dtype(self, stored: torch.dtype) -> torch.dtype:
        if self.build.device.type != "cpu" or self.build.dtype is not torch.float32:
            return self.build.dtype
        if stored.itemsize == 2:
            return stored
        return torch.bfloat16 if self.build.matmul_dtype is torch.bfloat16 else torch.float32

    def vector(self, name: str, size: int) -> Tensor:
        """A norm weight or a bias, float32.

        Raises: CorruptModel when it is missing or has another shape.
        """
        weight = self._take(name, (size,))
        if isinstance(weight, PackedTensor):
            weight = weight.dequantize()
        weight = weight.to(self.build.device, torch.float32, copy=True)
        self.nbytes += weight.nbytes
        return weight

    def check_all_used(self, ignored: Iterable[str] = ()) -> None:
        """A model that leaves tensors behind was built wrong.

        Raises: CorruptModel naming what is left, apart from names that end in one of `ignored`.
        """
        left = sorted(name for name in self._left if not name.endswith(tuple(ignored)))
        if left:
            more = f" and {len(left) - 3} more" if len(left) > 3 else ""
            raise CorruptModel(
                f"{self._files.origin} has tensors this architecture has no place for: {', '.join(left[:3])}{more}."
            )

    def _take(self, name: str, shape: tuple[int, ...]) -> Tensor | PackedTensor:
        if name not in self._left:
            raise CorruptModel(f"{self._files.origin} lacks the tensor {name!r}.")
        if (found := self._files.shape(name)) != shape:
            raise CorruptModel(f"{self._files.origin}: tensor {name!r} has shape {found}, should have {shape}.")
        self._left.remove(name)
        weight = self._files.read(name)
        self.num_parameters += weight.numel() if isinstance(weight, Tensor) else shape[0] * shape[-1]
        return weight
