"""The adapters of one engine: which are loaded under which names, and who still needs them.

A request holds the version it began with until it ends. Unloading or replacing an adapter only takes its name away:
new requests no longer get it, those under way finish with it, and its memory is given back when the last one has.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from engine.adapters.asked import (
    NO_ADAPTER,
    AdapterCommand,
    AdapterInfo,
    AdapterLimits,
    AdapterStatus,
    ListAdapters,
    LoadAdapter,
    ResidentAdapter,
    UnloadAdapter,
    checked_alias,
    is_generation,
)
from engine.adapters.files import AdapterFiles
from engine.adapters.layers import Adapter, AdapterSites
from engine.errors import AdapterError, InvalidRequest


class AdapterStore:
    """Loads, names and lends adapters; one thread at a time."""

    def __init__(self, sites: AdapterSites, limits: AdapterLimits, default: str | None = None) -> None:
        """`default`: alias of the adapter for requests that name none."""
        self._sites = sites
        self._limits = limits
        self._default = default
        self._named: dict[str, tuple[str, Adapter]] = {}
        """Alias → source, adapter."""
        self._leases: Counter[Adapter] = Counter()

    def obey(self, command: AdapterCommand) -> AdapterInfo | AdapterStatus:
        """Raises: AdapterError; then nothing has changed."""
        match command:
            case LoadAdapter(alias, folder, may_replace, expected):
                return self.load(alias, folder, replace=may_replace, expected=expected)
            case UnloadAdapter(alias, expected):
                return self.unload(alias, expected=expected)
            case ListAdapters():
                return self.status()

    def load(self, alias: str, folder: Path, *, replace: bool = False, expected: str | None = None) -> AdapterInfo:
        """Read a PEFT folder and name it. The same version under the same name again changes nothing.

        `replace`: the name may be taken; with `expected`, by that generation only.
        Raises: AdapterError; then nothing has changed.
        """
        alias = checked_alias(alias)
        if expected is not None:
            self._check_generation(alias, expected)
        files = AdapterFiles.at(folder)
        taken = self._named.get(alias)
        if taken is not None and taken[1].generation != files.generation and not replace:
            raise AdapterError(
                f"An adapter named {alias!r} is loaded already; unload it first, or replace it.",
                code="lora_adapter_already_loaded",
            )
        if taken is None and len(self._named) >= self._limits.adapters:
            raise AdapterError(
                f"{len(self._named)} adapters are loaded, as many as are allowed (--lora-max-adapters).",
                code="lora_alias_limit_exceeded",
            )
        adapter = self._resident(files.generation) or self._read(files)
        self._named[alias] = str(folder), adapter
        return self._info(alias)

    def unload(self, alias: str, *, expected: str | None = None) -> AdapterInfo:
        """Take a name away; returns what it named. Raises: AdapterError."""
        alias = checked_alias(alias)
        self._check_generation(alias, expected)
        if alias == self._default:
            raise AdapterError(
                f"Adapter {alias!r} answers when a request names none; it can be replaced, not unloaded.",
                code="lora_adapter_in_use",
            )
        info = self._info(alias)
        del self._named[alias]
        return info

    def lease(self, name: str | None) -> Adapter | None:
        """The adapter a request asks for, held until it is released: by alias or generation, None for the default.

        Raises: InvalidRequest when there is none of that name.
        """
        name = self._default if name is None else name
        if name is None or name == NO_ADAPTER:
            return None
        adapter = self._resident(name) if is_generation(name) else self._named.get(name, ("", None))[1]
        if adapter is None:
            have = ", ".join(sorted(self._named)) or "none"
            raise InvalidRequest(f"No adapter {name!r} is loaded; loaded: {have}.", param="adapter")
        self._leases[adapter] += 1
        return adapter

    def release(self, adapter: Adapter | None) -> None:
        if adapter is not None:
            self._leases -= Counter({adapter: 1})

    def modules(self) -> dict[str, tuple[int, int]]:
        """(out, in) of every module that an adapter may have weights for."""
        return self._sites.modules()

    def check_default(self) -> None:
        """Raises: AdapterError when the default adapter is not loaded."""
        if self._default not in (None, NO_ADAPTER, *self._named):
            have = ", ".join(self._named) or "none"
            raise AdapterError(
                f"No adapter {self._default!r} is loaded; loaded: {have}.", code="lora_adapter_not_found"
            )

    def status(self) -> AdapterStatus:
        return AdapterStatus(
            adapters=tuple(map(self._info, self._named)),
            resident=tuple(
                ResidentAdapter(
                    adapter.generation,
                    tuple(alias for alias, (_, named) in self._named.items() if named is adapter),
                    adapter.rank,
                    adapter.nbytes,
                )
                for adapter in self._residents()
            ),
            limits=self._limits,
            default=self._default,
        )

    def _residents(self) -> list[Adapter]:
        return list(dict.fromkeys([*(adapter for _, adapter in self._named.values()), *self._leases]))

    def _resident(self, generation: str) -> Adapter | None:
        return next((adapter for adapter in self._residents() if adapter.generation == generation), None)

    def _info(self, alias: str) -> AdapterInfo:
        source, adapter = self._named[alias]
        return AdapterInfo(alias, source, adapter.generation, adapter.rank, adapter.nbytes)

    def _check_generation(self, alias: str, expected: str | None) -> None:
        if alias not in self._named:
            raise AdapterError(f"No adapter {alias!r} is loaded.", code="lora_adapter_not_found")
        found = self._named[alias][1].generation
        if expected not in (None, found):
            raise AdapterError(
                f"Adapter {alias!r} is of generation {found}, not {expected}.", code="lora_generation_mismatch"
            )

    def _read(self, files: AdapterFiles) -> Adapter:
        weights = files.read(self._sites.modules())
        rank = max(a.shape[0] for a, _ in weights.values())
        if rank > self._limits.rank:
            raise AdapterError(
                f"{files.folder} has rank {rank}; at most {self._limits.rank} is allowed (--lora-max-rank).",
                code="lora_rank_limit_exceeded",
            )
        adapter = self._sites.adapter(files.generation, files.config, weights)
        held = sum(other.nbytes for other in self._residents())
        if held + adapter.nbytes > self._limits.nbytes:
            raise AdapterError(
                f"{files.folder} takes {adapter.nbytes:,} bytes beside the {held:,} of the adapters in memory; "
                f"{self._limits.nbytes:,} are allowed (--lora-max-bytes).",
                code="lora_byte_limit_exceeded",
            )
        return adapter
