"""An adapter in the native library's words, for the call that runs all layers of a step."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass

from engine.adapters.layers import Adapter, LowRank, Site
from engine.kernels.library import LowRankArguments, LowRankPartArguments
from engine.layers.linear import Linear

_LANES = 16


@dataclass(frozen=True, slots=True)
class NativeAdapter:
    """Good for as long as the adapter is there."""

    additions: ctypes.Array[ctypes.c_void_p]
    """One for each product of the stack, null where the adapter adds nothing."""
    kept: tuple[object, ...]
    """What `additions` points to."""

    @classmethod
    def of(cls, adapter: Adapter, products: Sequence[Linear | None]) -> NativeAdapter | None:
        """None when one of its matrices is not in the library's layout, or begins inside sixteen rows of a product."""
        additions = (ctypes.c_void_p * len(products))()
        kept: list[object] = []
        for index, linear in enumerate(products):
            site = None if linear is None else linear.site
            low_rank = adapter.layers.get(site) if isinstance(site, Site) else None
            if low_rank is None:
                continue
            if not _fits(low_rank):
                return None
            parts = (LowRankPartArguments * len(low_rank.parts))(
                *[LowRankPartArguments(part.up.native_address(), part.first, part.start) for part in low_rank.parts]
            )
            arguments = LowRankArguments(
                down=low_rank.down.native_address(),
                scales=low_rank.scales.data_ptr(),
                parts=ctypes.addressof(parts),
                num_parts=len(parts),
            )
            kept += [parts, arguments]
            additions[index] = ctypes.addressof(arguments)
        return cls(additions, tuple(kept))


def _fits(low_rank: LowRank) -> bool:
    aligned = all(part.start % _LANES == 0 for part in low_rank.parts)
    return aligned and all(linear.native_address() is not None for linear in low_rank.linears)
