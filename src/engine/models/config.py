"""Typed access to a Hugging Face config, so that a wrong entry is named instead of failing deep inside a layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from engine.errors import CorruptModel

_REQUIRED = object()


class ModelConfig:
    """The entries of a config.json, or of one like it."""

    def __init__(self, values: Mapping[str, object]) -> None:
        self._values = values

    def integer(self, key: str, default: object = _REQUIRED) -> int:
        """A whole number; a config's null counts as missing."""
        value = self._get(key, default)
        if not isinstance(value, int) or isinstance(value, bool):
            raise CorruptModel(f"config.json: {key!r} is {value!r}, should be a whole number.")
        return value

    def size(self, key: str, default: object = _REQUIRED, *, limit: int = 1 << 40) -> int:
        """A whole number above zero; `limit` is what no real model exceeds, so that nothing absurd is allocated."""
        value = self.integer(key, default)
        if not 0 < value <= limit:
            raise CorruptModel(f"config.json: {key!r} is {value}, should be between 1 and {limit}.")
        return value

    def number(self, key: str, default: object = _REQUIRED) -> float:
        value = self._get(key, default)
        if not isinstance(value, int | float):
            raise CorruptModel(f"config.json: {key!r} is {value!r}, should be a number.")
        return float(value)

    def optional_number(self, key: str, default: float | None = None) -> float | None:
        return self.number(key, default) if self._values.get(key, default) is not None else None

    def optional_size(self, key: str) -> int | None:
        return self.size(key) if self._values.get(key) is not None else None

    def flag(self, key: str, default: bool) -> bool:
        return bool(self._get(key, default))

    def text(self, key: str, default: object = _REQUIRED) -> str:
        value = self._get(key, default)
        if not isinstance(value, str):
            raise CorruptModel(f"config.json: {key!r} is {value!r}, should be a text.")
        return value

    def items(self, key: str) -> list[object] | None:
        """A list, or None when there is none."""
        value = self._values.get(key)
        if value is not None and not isinstance(value, list | tuple):
            raise CorruptModel(f"config.json: {key!r} is {value!r}, should be a list.")
        return None if value is None else list(cast("list[object]", value))

    def section(self, key: str) -> ModelConfig | None:
        """A nested table, or None when there is none."""
        value = self._values.get(key)
        return ModelConfig(cast("Mapping[str, object]", value)) if isinstance(value, Mapping) else None

    def with_defaults(self, **defaults: object) -> ModelConfig:
        """The same entries over what the family assumes where a config is silent."""
        return ModelConfig(defaults | {key: value for key, value in self._values.items() if value is not None})

    def _get(self, key: str, default: object) -> object:
        value = self._values.get(key)
        if value is None:
            value = default
        if value is _REQUIRED:
            raise CorruptModel(f"config.json lacks {key!r}.")
        return value
