"""Memory straight from the operating system, for what is large: weights and the KV cache."""

from __future__ import annotations

import contextlib
import mmap
import sys

import torch
from torch import Tensor


def lazy_zeros(length: int) -> Tensor:
    """(length,) uint8 zeros whose pages the system hands out when they are first written: `torch.zeros` writes all.

    Huge pages where it has them: reading weights is what decoding waits for, and with small ones a fifth of it is
    address translation; of small ones a long prompt would take tens of thousands.
    """
    if sys.platform == "win32":
        return torch.frombuffer(mmap.mmap(-1, length), dtype=torch.uint8)
    # private: for shared memory, the default, most systems have huge pages turned off
    pages = mmap.mmap(-1, length, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with contextlib.suppress(OSError):  # a kernel without huge pages: small ones do the same, slower
            pages.madvise(mmap.MADV_HUGEPAGE)
    return torch.frombuffer(pages, dtype=torch.uint8)
