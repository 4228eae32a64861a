"""The one dispatch point of hot operations: the native library where there is one, torch everywhere else.

`MISTRALRS_NATIVE=0` in the environment turns the native library off.
"""

from __future__ import annotations

import os

from engine.kernels.compile import LIBRARY
from engine.kernels.library import Library


class _State:
    """What is in use in this process."""

    def __init__(self) -> None:
        self.library: Library | None = None
        self.reason = ""
        if os.environ.get("MISTRALRS_NATIVE") == "0":
            self.reason = "turned off by MISTRALRS_NATIVE=0"
            return
        try:
            self.library = Library(LIBRARY)
        except (OSError, AttributeError):  # missing, or of another version of the sources
            self.reason = "the native library was not built; install a C++ compiler and reinstall"
            return
        self.library.set_threads(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count())


_state = _State()


def native() -> Library | None:
    """The library to call with pointers to CPU memory, or None: use torch."""
    return _state.library


def has_bfloat_products() -> bool:
    """Products of many tokens are about twice as fast in bfloat16 as in float32 here, with float32 sums."""
    return _state.library is not None and bool(_state.library.have_bfloat_products())


def set_threads(threads: int) -> None:
    """Threads of the native pool, the calling one included; torch keeps its own count."""
    if _state.library is not None:
        _state.library.set_threads(threads)


def select(name: str) -> bool:
    """Use an instruction set (`avx512`, `avx2`, `baseline`) or `torch` from now on; False when it is not there.

    For tests and measurements: the best one is chosen at import.
    """
    if name == "torch":
        _state.library, _state.reason = None, "chosen"
        return True
    try:
        library = _state.library or Library(LIBRARY)
    except OSError:
        return False
    if not library.select(name.encode()):
        return False
    _state.library = library
    return True


def describe() -> str:
    """Which implementation is in use, in one line."""
    library = _state.library
    if library is None:
        return f"torch alone ({_state.reason})"
    threads = library.threads()
    return f"native {library.name().decode()}, {threads} thread{'s' if threads > 1 else ''}"
