"""Files in memory whose pages are given back as soon as they have been used."""

from __future__ import annotations

import mmap
from pathlib import Path


def map_file(path: Path) -> mmap.mmap:
    """Copy-on-write: writing to arrays over it would not touch the file.

    Raises: OSError, ValueError for an empty file.
    """
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)


def release_pages(data: mmap.mmap, offset: int, count: int) -> None:
    """Free the memory behind `count` bytes; whoever looks at them again reads the file again.

    Nothing may have been written to the mapping.
    """
    if count and hasattr(mmap, "MADV_DONTNEED"):
        start = offset // mmap.PAGESIZE * mmap.PAGESIZE
        data.madvise(mmap.MADV_DONTNEED, start, offset + count - start)
