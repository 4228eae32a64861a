"""The tensors of safetensors files, memory-mapped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor

from engine.errors import CorruptModel


class SafetensorsWeights:
    """All tensors of the (one or more) files of a model, under the names the files give them."""

    def __init__(self, files: Sequence[Path]) -> None:
        """Raises: CorruptModel when a file is truncated or is not safetensors."""
        self.origin = files[0].parent.name or str(files[0])
        self._files: dict[str, Any] = {}
        for path in files:
            try:
                file = safe_open(path, framework="pt")
            except (SafetensorError, FileNotFoundError) as error:
                raise CorruptModel(f"{path} is not a valid safetensors file: {error}.") from error
            self._files |= dict.fromkeys(file.keys(), file)

    def names(self) -> Iterable[str]:
        return self._files.keys()

    def shape(self, name: str) -> tuple[int, ...]:
        return tuple(self._files[name].get_slice(name).get_shape())

    def read(self, name: str) -> Tensor:
        return self._files[name].get_tensor(name)
