"""How the zygote lays out its memory, so that sessions share most of it and are forked fast."""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Iterator

LARGEST_BLOCK = 512
"""Of what Python's allocator puts into pools of its own."""
POOL_BYTES, POOL_HEADER_BYTES = 16 * 1024, 48
MOST = 20_000
"""Blocks of one size: an allocator that we do not know may never do as expected."""
HEAP_BLOCK, HEAP_CHUNK, NEW_HEAP_BYTES = 528, 544, 256 * 1024
"""What is larger comes from the C library; so many bytes handed out in order are as good as memory never used."""
HUGE_PAGE_BYTES = 2 * 2**20
MADV_COLLAPSE = 25


def fill_holes() -> Iterator[object]:
    """Yield small objects, until allocators have used up the gaps between older ones and begin new pages.

    Otherwise each of the few objects that a session makes lands on another page, and the session copies them all.
    """
    yield from _in_order(HEAP_BLOCK, HEAP_CHUNK, NEW_HEAP_BYTES)
    for size in range(16, LARGEST_BLOCK + 1, 16):
        yield from _in_order(size, size, POOL_BYTES // 2)
        for block in map(_block, [size] * MOST):
            yield block
            if id(block) % POOL_BYTES == POOL_HEADER_BYTES:
                break


def _in_order(size: int, step: int, enough: int) -> Iterator[object]:
    """Yield blocks until the last of them lie one behind the other in so many bytes."""
    in_order, last = 0, 0
    for block in map(_block, [size] * MOST):
        in_order = in_order + 1 if id(block) == last + step else 0
        last = id(block)
        yield block
        if in_order > enough // step:
            return


def _block(size: int) -> object:
    """Return an object of so many bytes."""
    return object() if size == 16 else complex(size) if size == 32 else bytes(size - 33)


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
