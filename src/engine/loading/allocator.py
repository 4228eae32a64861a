"""What the C library does with memory that loading no longer needs."""

from __future__ import annotations

import ctypes
from collections.abc import Generator
from contextlib import contextmanager

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Parameters of glibc's `mallopt`."""
_LARGE_BYTES = 1 << 20
_MOST_BYTES = 32 << 20
"""As far as glibc itself raises its threshold once large pieces have been freed; it accepts no more."""


@contextmanager
def large_pieces_given_back() -> Generator[None]:
    """Within, freed pieces of a megabyte or more go back to the system at once; afterwards they are kept for reuse.

    Loading takes and frees buffers of ever other sizes, which else stay in the heap, unused, for as long as the process
    lives: a third of the size of a model. Steps take the same sizes again and again, where reuse is what is fast.
    Does nothing where the C library is not glibc.
    """
    mallopt = getattr(ctypes.pythonapi, "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _LARGE_BYTES)
    try:
        yield
    finally:
        if mallopt is not None:
            mallopt(_MMAP_THRESHOLD, _MOST_BYTES)
            mallopt(_TRIM_THRESHOLD, 2 * _MOST_BYTES)
