"""The two files of a PEFT adapter, checked against the model they are for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import file_digest, sha256
from pathlib import Path

import torch
from torch import Tensor

from engine.adapters.config import CONFIG_FILE, WEIGHTS_FILE, LoraConfig
from engine.errors import AdapterError, CorruptModel, UnsupportedModel
from engine.loading.safetensors import SafetensorsWeights

_MAX_BYTES = 8 << 30
_PREFIX = "base_model.model."
_A, _B = ".lora_A.weight", ".lora_B.weight"
_FLOATS = (torch.bfloat16, torch.float16, torch.float32)
_DIGEST_PURPOSE = b"mistral.rs dynamic LoRA generation v2"
"""Generations are those the reference gives, so that clients can move between servers."""


@dataclass(frozen=True, slots=True)
class AdapterFiles:
    """A folder with both files."""

    folder: Path
    config: LoraConfig
    generation: str
    """64 hex digits that follow from the content of the files."""

    @classmethod
    def at(cls, folder: Path) -> AdapterFiles:
        """Raises: AdapterError when a file is missing, too large or asks for what this engine does not have."""
        for name in (CONFIG_FILE, WEIGHTS_FILE):
            if not (folder / name).is_file():
                raise AdapterError(
                    f"{folder} holds no PEFT adapter: there is no {name}.", code="adapter_file_not_found"
                )
        weights = folder / WEIGHTS_FILE
        if (size := weights.stat().st_size) > _MAX_BYTES:
            raise AdapterError(
                f"{weights} has {size:,} bytes; at most {_MAX_BYTES:,} are read.", code="lora_adapter_file_too_large"
            )
        try:
            config = (folder / CONFIG_FILE).read_bytes()
            with weights.open("rb") as file:
                digest = file_digest(file, "sha256").digest()
        except OSError as error:
            raise AdapterError(f"{folder} cannot be read: {error}", code="adapter_file_forbidden") from error
        parts = (_DIGEST_PURPOSE, b"config", sha256(config).digest(), b"weights", digest)
        generation = sha256(b"\0".join(parts)).hexdigest()
        return cls(folder, LoraConfig.parse(config, str(folder / CONFIG_FILE)), generation)

    def read(self, modules: Mapping[str, tuple[int, int]]) -> dict[str, tuple[Tensor, Tensor]]:
        """A (rank, in) and B (out, rank) by module. `modules`: (out, in) of those the model has.

        Raises: AdapterError for what does not fit the model or the config.
        """
        try:
            file = SafetensorsWeights([self.folder / WEIGHTS_FILE])
            tensors = {name: file.read(name).clone() for name in file.names()}
        except (CorruptModel, UnsupportedModel, OSError, ValueError) as error:
            raise AdapterError(str(error)) from error
        found: dict[str, tuple[Tensor, Tensor]] = {}
        for name in tensors:
            module = name.removeprefix(_PREFIX).removesuffix(_A).removesuffix(_B)
            if not name.endswith((_A, _B)):
                raise self._error(f"tensor {name!r} is no A or B of an ordinary LoRA")
            if module not in modules:
                ends = sorted({known.rpartition(".")[2] for known in modules})
                raise self._error(f"this model has no place for weights of {module!r}; it takes {', '.join(ends)}")
            if module not in found:
                pair = [tensors.get(f"{_PREFIX}{module}{kind}") for kind in (_A, _B)]
                found[module] = self._checked(module, pair, modules[module])
        for target in self.config.target_modules:
            if any(_is_at(target, name) for name in modules) and not any(_is_at(target, name) for name in found):
                raise self._error(f"target module {target!r} has no weights")
        if not found:
            raise self._error("there are no weights")
        return found

    def _checked(self, module: str, pair: list[Tensor | None], shape: tuple[int, int]) -> tuple[Tensor, Tensor]:
        rank = self.config.rank_of(module)
        for kind, tensor, expected in zip((_A, _B), pair, ((rank, shape[1]), (shape[0], rank)), strict=True):
            name = f"{_PREFIX}{module}{kind}"
            if tensor is None:
                raise self._error(f"tensor {name!r} is missing")
            if tensor.shape != expected:
                raise self._error(f"tensor {name!r} has shape {tuple(tensor.shape)}, should have {expected}")
            if tensor.dtype not in _FLOATS:
                raise self._error(f"tensor {name!r} has type {tensor.dtype}, should have 16 or 32 bits")
            if not tensor.isfinite().all():
                raise self._error(f"tensor {name!r} has entries that are no finite numbers")
        a, b = pair
        assert a is not None and b is not None, "just checked"
        return a, b

    def _error(self, what: str) -> AdapterError:
        return AdapterError(f"{self.folder / WEIGHTS_FILE}: {what}.")


def _is_at(target: str, module: str) -> bool:
    return module == target or module.endswith(f".{target}")
