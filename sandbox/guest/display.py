"""What a cell shows: figures shown or left open and a PIL image as last expression, as PNG; a pandas frame as a table.

Nothing is imported here that the code has not imported itself: a session that draws nothing pays nothing.
"""

from __future__ import annotations

import base64
import importlib.abc
import importlib.machinery
import io
import sys
import types
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

MAX_IMAGES = 16
MAX_ROWS = 100
MAX_COLUMNS = 50
MAX_CELL_CHARS = 200
MAX_TOTAL_BYTES = 4 * 2**20
"""Of PNG data in one answer; base64 and the rest of the frame still fit `wire.MAX_FRAME_BYTES`."""


class Gallery:
    """Collects the pictures of the running cell."""

    def __init__(self) -> None:
        self.images: list[bytes] = []
        self.left_out = 0
        pyplot = sys.modules.get("matplotlib.pyplot")
        if pyplot is None:
            sys.meta_path.insert(0, _PyplotHook(self))
        else:
            self.take_over(pyplot)

    def take_over(self, pyplot: types.ModuleType) -> None:
        """Replace `pyplot.show`, so that `show(); close()` does not lose the figure."""

        def show(*args: Any, **kwargs: Any) -> None:  # a plain function: pyplot sets attributes on it
            self.show()

        pyplot.__dict__["show"] = show

    def collect(self, value: Any) -> dict[str, Any]:
        """Return the PNGs so far, base64, and how many were left out; closes open figures."""
        pil = sys.modules.get("PIL.Image")
        if pil is not None and isinstance(value, pil.Image):
            self._add(partial(value.save, format="PNG"))
        self.show()
        if not self.images and not self.left_out:
            return {"png": [], "left_out": 0}
        answer = {"png": [base64.b64encode(image).decode() for image in self.images], "left_out": self.left_out}
        self.images, self.left_out = [], 0
        return answer

    def show(self) -> None:
        """Keep every open figure and close it."""
        pyplot = sys.modules.get("matplotlib.pyplot")
        if pyplot is None:
            return
        numbers = pyplot.get_fignums()
        for number in numbers:
            self._add(partial(pyplot.figure(number).savefig, format="png", bbox_inches="tight"))
        if numbers:
            pyplot.close("all")

    def _add(self, save: Callable[[io.BytesIO], object]) -> None:
        target = io.BytesIO()
        try:
            save(target)
        except Exception as error:  # noqa: BLE001 - a figure that cannot be drawn is the code's problem, not ours
            print(f"a picture could not be drawn: {type(error).__name__}: {error}", file=sys.stderr)  # noqa: T201
            return
        if len(self.images) >= MAX_IMAGES or sum(map(len, self.images)) + target.tell() > MAX_TOTAL_BYTES:
            self.left_out += 1
        else:
            self.images.append(target.getvalue())


def table_of(value: Any) -> dict[str, Any] | None:
    """Return a pandas frame or series as text cells, its index first, cut to `MAX_ROWS` and `MAX_COLUMNS`."""
    pandas = sys.modules.get("pandas")
    if pandas is None or not isinstance(value, (pandas.DataFrame, pandas.Series)):
        return None
    try:
        frame = value.to_frame() if isinstance(value, pandas.Series) else value
        shown = frame.iloc[:MAX_ROWS, :MAX_COLUMNS].reset_index()
        return {
            "columns": [_cell(name) for name in shown.columns],
            "rows": [[_cell(item) for item in row] for row in shown.itertuples(index=False, name=None)],
            "total_rows": len(frame),
            "total_columns": frame.shape[1],
        }
    except Exception:  # noqa: BLE001 - a frame that cannot be shown as a table still has its `repr`
        return None


def _cell(item: Any) -> str:
    return str(item)[:MAX_CELL_CHARS]


class _PyplotHook(importlib.abc.MetaPathFinder):
    """Takes `pyplot.show` over when pyplot is first imported."""

    def __init__(self, gallery: Gallery) -> None:
        self.gallery = gallery

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != "matplotlib.pyplot":
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path)
        if spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module

        def exec_module(module: types.ModuleType) -> None:
            execute(module)
            self.gallery.take_over(module)

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec
