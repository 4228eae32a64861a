"""Adapters as they are loaded, unloaded and listed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import AliasChoices, Field

from engine import AdapterInfo, AdapterStatus, LoadAdapter, UnloadAdapter
from engine.adapters.config import CONFIG_FILE, WEIGHTS_FILE
from mistralrs_agent.errors import RequestError
from mistralrs_agent.server.wire.base import NoEffect, WireModel

Generation = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class UnloadBody(WireModel):
    """The body of `POST /v1/unload_lora_adapter`."""

    lora_name: str
    expected_generation: Generation | None = None
    model: str = "default"
    lora_int_id: NoEffect = None

    def command(self) -> UnloadAdapter:
        return UnloadAdapter(self.lora_name, self.expected_generation)


class LoadBody(UnloadBody):
    """The body of `POST /v1/load_lora_adapter`."""

    lora_path: str
    load_inplace: Annotated[bool, Field(validation_alias=AliasChoices("load_inplace", "replace"))] = False

    def load_command(self, root: Path) -> LoadAdapter:
        """Raises: RequestError when the path leads out of `root` or nowhere."""
        if self.expected_generation is not None and not self.load_inplace:
            raise RequestError(
                "expected_generation says what to replace: it needs load_inplace.",
                param="expected_generation",
                code="invalid_lora_load_policy",
            )
        return LoadAdapter(self.lora_name, _below(root, self.lora_path), self.load_inplace, self.expected_generation)


def _below(root: Path, path: str) -> Path:
    """The folder, links followed; its files must be below `root` as well."""
    root = root.resolve()
    try:
        folder = (root / path).resolve()
        places = [folder, *((folder / name).resolve() for name in (CONFIG_FILE, WEIGHTS_FILE))]
        is_there = folder.is_dir()
    except (OSError, ValueError, RuntimeError):  # a link to itself, a NUL
        places, is_there = [root], False
    if not all(place.is_relative_to(root) for place in places):
        raise RequestError(
            f"{path!r} is not in the folder that adapters may be loaded from.",
            status=403,
            param="lora_path",
            code="adapter_path_forbidden",
        )
    if not is_there:
        raise RequestError(
            f"There is no adapter folder {path!r}.", status=404, param="lora_path", code="adapter_path_not_found"
        )
    return places[0]


def adapter_body(info: AdapterInfo, *, with_source: bool) -> dict[str, Any]:
    """`with_source`: say where it was loaded from."""
    source = {"source": info.source} if with_source else {}
    return {
        "id": info.alias,
        "object": "lora_adapter",
        **source,
        "generation": info.generation,
        "rank": info.rank,
        "bytes": info.nbytes,
    }


def status_body(status: AdapterStatus, *, with_source: bool) -> dict[str, Any]:
    return {
        "object": "list",
        "data": [adapter_body(info, with_source=with_source) for info in status.adapters],
        "default": status.default,
        "generations": [
            {
                "generation": resident.generation,
                "aliases": resident.aliases,
                "rank": resident.rank,
                "bytes": resident.nbytes,
                "retired": not resident.aliases,
            }
            for resident in status.resident
        ],
        "resident_generations": len(status.resident),
        "retired_generations": sum(not resident.aliases for resident in status.resident),
        "resident_bytes": sum(resident.nbytes for resident in status.resident),
        "max_adapters": status.limits.adapters,
        "max_rank": status.limits.rank,
        "max_bytes": status.limits.nbytes,
    }
