"""How adapters are named and asked for. Imports no torch."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import cast

from engine.errors import AdapterError

NO_ADAPTER = "none"
"""What a request names to get the model as it is."""
_MAX_ALIAS_BYTES = 256
_GENERATION = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class AdapterOption:
    """An adapter to load, as someone typed it."""

    alias: str
    source: str
    """Folder on this machine or repository of the hub."""
    revision: str | None = None

    @classmethod
    def parse_list(cls, text: str) -> list[AdapterOption]:
        """`ALIAS=SOURCE[;…]`, sources alone (whose last part is the alias), or JSON objects with name, path and
        revision.

        Raises: AdapterError.
        """
        if text.lstrip().startswith("{"):
            return [_from_json(text)]
        return [_from_pair(part) for part in text.split(";") if part.strip()]


@dataclass(frozen=True, slots=True)
class AdapterLimits:
    """How much may be loaded at once."""

    adapters: int = 16
    rank: int = 256
    nbytes: int = 8 << 30
    """All versions together, those included that only requests under way still use."""


@dataclass(frozen=True, slots=True)
class AdapterInfo:
    """One loaded adapter."""

    alias: str
    source: str
    generation: str
    rank: int
    nbytes: int


@dataclass(frozen=True, slots=True)
class ResidentAdapter:
    """One version of an adapter in memory."""

    generation: str
    aliases: tuple[str, ...]
    """Empty: only requests under way still use it."""
    rank: int
    nbytes: int


@dataclass(frozen=True, slots=True)
class AdapterStatus:
    """What is loaded."""

    adapters: tuple[AdapterInfo, ...]
    resident: tuple[ResidentAdapter, ...]
    limits: AdapterLimits
    default: str | None
    """Alias of the adapter for requests that name none."""


@dataclass(frozen=True, slots=True)
class LoadAdapter:
    """Load the adapter in a folder. Answered by `AdapterInfo`."""

    alias: str
    folder: Path
    replace: bool = False
    """The alias may be in use: requests under way keep what they have."""
    expected: str | None = None
    """Only if the alias stands for this generation."""


@dataclass(frozen=True, slots=True)
class UnloadAdapter:
    """Take an alias away. Answered by the `AdapterInfo` of what it stood for."""

    alias: str
    expected: str | None = None
    """Only if it stands for this generation."""


@dataclass(frozen=True, slots=True)
class ListAdapters:
    """Answered by `AdapterStatus`."""


AdapterCommand = LoadAdapter | UnloadAdapter | ListAdapters


def checked_alias(alias: str) -> str:
    """The name without white space around it.

    Raises: AdapterError when it cannot be one.
    """
    name = alias.strip()
    if not name or len(name.encode()) > _MAX_ALIAS_BYTES:
        raise AdapterError(
            f"{alias!r} cannot name an adapter: it should have 1 to {_MAX_ALIAS_BYTES} bytes.", code="invalid_lora_name"
        )
    if name == NO_ADAPTER or is_generation(name):
        raise AdapterError(f"{name!r} cannot name an adapter: it means something else.", code="invalid_lora_name")
    return name


def is_generation(name: str) -> bool:
    return _GENERATION.fullmatch(name) is not None


def _from_pair(text: str) -> AdapterOption:
    alias, equals, source = text.strip().partition("=")
    if not equals:
        source, alias = alias, PurePath(alias).name
    if not source.strip():
        raise AdapterError(f"--lora {text!r} names no source; it should be ALIAS=SOURCE.", code="invalid_lora_name")
    return AdapterOption(checked_alias(alias), source.strip())


def _from_json(text: str) -> AdapterOption:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise AdapterError(f"--lora {text!r} is no valid JSON: {error}.", code="invalid_lora_name") from error
    known = {"name", "path", "revision", "base_model_name"}
    entry = cast("dict[str, object]", found)
    revision = entry.get("revision")
    if not isinstance(entry.get("name"), str) or not isinstance(entry.get("path"), str) or entry.keys() - known:
        raise AdapterError(
            f"--lora {text!r} should have the texts 'name' and 'path', and may have {', '.join(sorted(known))}.",
            code="invalid_lora_name",
        )
    return AdapterOption(
        checked_alias(str(entry["name"])), str(entry["path"]), None if revision is None else str(revision)
    )
