"""The process that sessions are forked from: Python and the common libraries loaded once, nothing else in its memory.

It is started as a program of its own with an empty environment, so that no key, conversation or weight of the server
is in what the sessions inherit. It has one thread; what it does with it is in `serving`. Until the libraries are
loaded, sessions start without them. All sessions share its address layout and its hash seed; random number generators
are seeded anew in each.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os

from sandbox.linux import pages

WARM_UP = ("asyncio", "subprocess", "tempfile", "numpy", "matplotlib.pyplot", "matplotlib.backends.backend_agg")
"""What takes long to import and is used often; what is not installed is left out."""
KEPT: list[object] = []


def main(requests: int, libraries: bool) -> None:
    """Serve requests until the server closes its end; with warm libraries as soon as it has them.

    They are loaded by a child, which then serves in place of this process: loading would keep requests waiting.
    """
    gc.disable()  # a collection in a session would copy all the memory that it shares
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "wb") as file:
        file.write(b"900")  # when the whole machine is out of memory, this process and all it starts give way
    if not libraries:
        _serve(requests)
        os._exit(0)
    warm, warmed = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(warm)
        _load()
        _serve(requests, warm=warmed)
        os._exit(0)
    os.close(warmed)
    _serve(requests, until=warm)
    os.close(requests)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(child, 0)
    os._exit(0)


def _serve(requests: int, warm: int | None = None, until: int | None = None) -> None:
    """Load what serves only now, in each of the two: what is loaded last lies close together in memory.

    Sessions copy pages of it, and so these are few.
    """
    importlib.import_module("sandbox.linux.serving").serve(requests, warm, until)


def _load() -> None:
    for name in WARM_UP:
        with contextlib.suppress(BaseException):  # a broken library is the business of the code that imports it
            importlib.import_module(name)
    gc.collect()
    KEPT.extend(pages.fill_holes())
