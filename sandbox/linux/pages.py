"""How the zygote lays out its memory, so that sessions share most of it and are forked fast."""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Iterator

SMALLEST_BLOCK, LARGEST_BLOCK = 32, 512
"""Sizes of what Python's allocator puts into pages of its own; `bytes` objects are larger than the smallest."""
NEW_POOL_BYTES = 8 * 1024
"""So many bytes handed out in order come from a page that was not used before."""
HUGE_PAGE_BYTES = 2 * 2**20
MADV_COLLAPSE = 25


def fill_holes() -> Iterator[object]:
    """Yield small objects, until Python's allocator has used up the gaps between older ones and begins new pages.

    Otherwise each of the few objects that a session makes lands on another page, and the session copies them all.
    """
    for size in range(SMALLEST_BLOCK + 16, LARGEST_BLOCK + 1, 16):
        in_order, last = 0, 0
        while in_order < NEW_POOL_BYTES // size:
            block = bytes(size - SMALLEST_BLOCK - 1)
            in_order = in_order + 1 if id(block) == last + size else 0
            last = id(block)
            yield block


def gather() -> None:
    """Put this process's own memory into huge pages where the kernel can (Linux 6.1): a fork has fewer to go through.

    A session that writes to one still copies 4 KiB of it, not all.
    """
    madvise = ctypes.CDLL(None).madvise
    madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    with contextlib.suppress(OSError), open("/proc/self/maps", encoding="utf-8") as file:
        for line in file.read().splitlines():
            addresses, rights, *described = line.split()
            if "w" in rights and described[3:] in ([], ["[heap]"]):
                begin, end = (int(address, 16) for address in addresses.split("-"))
                for start in range(-(-begin // HUGE_PAGE_BYTES) * HUGE_PAGE_BYTES, end, HUGE_PAGE_BYTES):
                    if start + HUGE_PAGE_BYTES <= end:
                        madvise(start, HUGE_PAGE_BYTES, MADV_COLLAPSE)
