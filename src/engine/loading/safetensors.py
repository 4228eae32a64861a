"""The tensors of safetensors files, memory-mapped. The library checks a file; reading is ours, to give pages back."""

from __future__ import annotations

import json
import mmap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from engine.errors import CorruptModel, UnsupportedModel
from engine.loading.mapped import map_file, release_pages

_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a tensor lies."""

    file: mmap.mmap
    dtype: str
    shape: tuple[int, ...]
    start: int
    """Bytes from the beginning of the file."""
    nbytes: int


class SafetensorsWeights:
    """All tensors of the (one or more) files of a model, under the names the files give them."""

    def __init__(self, files: Sequence[Path]) -> None:
        """Raises: CorruptModel when a file is truncated or is not safetensors."""
        self.origin = files[0].parent.name or str(files[0])
        self._places: dict[str, _Place] = {}
        for path in files:
            try:
                with safe_open(path, framework="pt"):
                    self._places |= _places(map_file(path))
            except (SafetensorError, FileNotFoundError) as error:
                raise CorruptModel(f"{path} is not a valid safetensors file: {error}.") from error

    def names(self) -> Iterable[str]:
        return self._places.keys()

    def shape(self, name: str) -> tuple[int, ...]:
        return self._places[name].shape

    def read(self, name: str) -> Tensor:
        place = self._places[name]
        if place.dtype not in _DTYPES:
            raise UnsupportedModel(f"{self.origin}: tensor {name!r} has type {place.dtype}, which is not supported.")
        data = torch.from_numpy(np.frombuffer(place.file, np.uint8, place.nbytes, place.start))
        return data.view(_DTYPES[place.dtype]).view(place.shape)

    def release(self, name: str) -> None:
        place = self._places[name]
        release_pages(place.file, place.start, place.nbytes)


def _places(file: mmap.mmap) -> dict[str, _Place]:
    """From the header of a file that is known to be valid: its length, then JSON, then the data."""
    length = int.from_bytes(file[:8], "little")
    header = cast("dict[str, dict[str, Any]]", json.loads(file[8 : 8 + length]))
    found: dict[str, _Place] = {}
    for name, entry in header.items():
        if name != "__metadata__":
            first, last = entry["data_offsets"]
            found[name] = _Place(file, entry["dtype"], tuple(entry["shape"]), 8 + length + first, last - first)
    return found
