"""The weights of a model, one tensor at a time, and the check that a model took all of them.

What a model keeps is made right away: a tensor is quantised (if asked for) and put into the form that products need
before the next one is read, and the file's pages it came from are given back. Loading so needs the memory of what is
kept and of the one or two tensors in work, whatever the size of the files.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from math import prod
from typing import Protocol

import torch
from torch import Tensor

from engine.errors import CorruptModel, UnsupportedModel
from engine.layers.linear import Linear, LinearGroup
from engine.models.base import BuildConfig
from engine.quant.base import GGMLType, PackedTensor
from engine.quant.levels import format_for
from engine.quant.quantize import quantize

_REPORT_SECONDS = 1.0
_BAR_WIDTH = 30


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
        """The tensor as stored, on the CPU; may be a view of a mapped file, not to be written to."""
        ...

    def release(self, name: str) -> None:
        """Give back the memory a tensor took by being looked at; views of it stay good."""
        ...


class Weights:
    """Hands out tensors as a build wants them: right shape, dtype and device, each kept count of.

    Packed weights stay packed. Matrices stored in 16 bits stay so on a CPU even when activations are float32;
    everything else becomes the dtype of the build.
    """

    def __init__(
        self,
        files: WeightFiles,
        build: BuildConfig,
        quantize_to: GGMLType | None = None,
        report: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`quantize_to`: the format for matrices, see `levels.format_for`; `report` hears how far that has come."""
        self.build = build
        self.num_parameters = 0
        self.nbytes = 0
        self._files = files
        self._left = set(files.names())
        self._packed_bytes: Counter[str] = Counter()
        self._quantize_to = quantize_to
        self._progress = _Progress(sum(prod(files.shape(name)) for name in self._left), quantize_to, report)

    def __contains__(self, name: str) -> bool:
        return name in self._left

    @property
    def quantization(self) -> str:
        """Packed formats taken so far, most bytes first; `none` when all was plain."""
        return " + ".join(name for name, _ in self._packed_bytes.most_common()) or "none"

    def linear(self, name: str, out_features: int, in_features: int, *, bias: bool = False) -> Linear:
        """`name`.weight of (out, in), and `name`.bias of (out,) if `bias`."""
        return self._settled(self._linear(name, out_features, in_features, bias), [name])

    def group(self, sizes: dict[str, int], in_features: int, *, bias: bool = False) -> LinearGroup:
        """Layers (name → out_features) over the same input, as one where their weights go together."""
        group = LinearGroup.of([self._linear(name, out, in_features, bias) for name, out in sizes.items()])
        for part in group.parts:
            self._settled(part, list(sizes))
        return group

    def _linear(self, name: str, out_features: int, in_features: int, bias: bool) -> Linear:
        weight = self.matrix(f"{name}.weight", out_features, in_features)
        vector = self.vector(f"{name}.bias", out_features).to(self.build.dtype) if bias else None
        return Linear(weight, vector, matmul_dtype=self.build.matmul_dtype, modules=((name, out_features),))

    def _settled(self, linear: Linear, names: Sequence[str]) -> Linear:
        linear.settle()
        for name in names:
            self._files.release(f"{name}.weight")
        return linear

    def matrix(self, name: str, rows: int, columns: int) -> Tensor | PackedTensor:
        """A weight to multiply with or look up in.

        Raises: CorruptModel when it is missing, has another shape or cannot be quantised for what is in it,
        UnsupportedModel when it is to be quantised and already is.
        """
        weight = self._take(name, (rows, columns))
        if self._quantize_to is not None:
            weight = self._quantized(name, weight, self._quantize_to)
        if isinstance(weight, PackedTensor):
            self._packed_bytes[weight.type.name] += weight.nbytes
            weight = replace(weight, data=weight.data.to(self.build.device))
        else:
            weight = weight.to(self.build.device, self._matrix_dtype(weight.dtype))
        self.nbytes += weight.nbytes
        return weight

    def _quantized(self, name: str, weight: Tensor | PackedTensor, asked: GGMLType) -> Tensor | PackedTensor:
        if isinstance(weight, PackedTensor):
            raise UnsupportedModel(
                f"{self._files.origin} is quantised already ({name} is {weight.type.name}); quantising once more would "
                "only lose. Run it as it is, or quantise the original model."
            )
        format = format_for(name, weight.shape[1], asked.name)
        if format is None:
            return weight
        try:
            packed = quantize(weight, GGMLType[format])
        except ValueError as error:
            raise CorruptModel(f"{self._files.origin}: tensor {name!r} cannot be quantised: {error}") from error
        self._files.release(name)
        return packed

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
        self._progress.add(prod(shape))
        return weight


class _Progress:
    """Says every second how much of a model has been quantised, as a bar."""

    def __init__(self, total: int, format: GGMLType | None, report: Callable[[str], None]) -> None:
        self._total = max(1, total)
        self._done = 0
        self._format = format
        self._report = report
        self._last = time.monotonic()

    def add(self, elements: int) -> None:
        self._done += elements
        if self._format is not None and time.monotonic() - self._last >= _REPORT_SECONDS:
            self._last = time.monotonic()
            full = _BAR_WIDTH * self._done // self._total
            bar = "█" * full + "░" * (_BAR_WIDTH - full)
            percent = 100 * self._done // self._total
            self._report(
                f"Quantising to {self._format.name} {bar} {percent} % of {self._total / 1e6:,.0f} M parameters"
            )
