"""One cell of code: compile, run in a namespace, keep the value of its last expression, describe what it raised."""

from __future__ import annotations

import ast
import linecache
import traceback
import types
from sys import setprofile, settrace
from typing import Any

MAX_VALUE_CHARS = 20_000
MAX_TRACEBACK_CHARS = 20_000


class Cell:
    """Runs once. `value` is the last expression's value afterwards."""

    def __init__(self, code: str, name: str) -> None:
        self.code = code
        self.name = name
        self.value: Any = None

    def run(self, namespace: dict[str, Any]) -> dict[str, Any]:
        """Run in `namespace`, whatever the code raises. Returns status, exception, value, value_type."""
        source = self.code.encode("utf-8", "backslashreplace").decode()  # lone surrogates do not compile
        linecache.cache[self.name] = (len(source), None, source.splitlines(keepends=True), self.name)
        try:
            body, last = self._compile(source)
            try:
                exec(body, namespace)
                if last is not None:
                    self.value = eval(last, namespace)
            finally:
                settrace(None)  # or what follows here would be traced too
                setprofile(None)
            if self.value is not None:
                namespace["_"] = self.value
            return {"status": "ok", "exception": None, **self._described()}
        except SystemExit as stop:
            if stop.code in (None, 0):
                return {"status": "ok", "exception": None, "value": None, "value_type": None}
            return self._failed(stop)
        except BaseException as error:  # noqa: BLE001 - the session outlives every exception of the code
            return self._failed(error)

    def _compile(self, source: str) -> tuple[types.CodeType, types.CodeType | None]:
        tree = ast.parse(source, self.name)
        last = None
        if tree.body and isinstance(tree.body[-1], ast.Expr):
            expression = tree.body.pop()
            last = compile(ast.Expression(expression.value), self.name, "eval")  # type: ignore[attr-defined]
        return compile(tree, self.name, "exec"), last

    def _described(self) -> dict[str, Any]:
        if self.value is None:
            return {"value": None, "value_type": None}
        return {"value": shorten(repr(self.value), MAX_VALUE_CHARS), "value_type": type(self.value).__name__}

    def _failed(self, error: BaseException) -> dict[str, Any]:
        trace = error.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
            trace = trace.tb_next
        if isinstance(error, SyntaxError):
            while trace is not None and trace.tb_frame.f_code.co_filename != self.name:
                trace = trace.tb_next  # parse errors come out of `ast`
        try:
            text = "".join(traceback.format_exception(type(error), error, trace))
        except BaseException:  # noqa: BLE001 - an exception that cannot even be formatted
            text = type(error).__name__
        return {"status": "error", "exception": shorten(text.rstrip(), MAX_TRACEBACK_CHARS), "value": None}


def shorten(text: str, limit: int) -> str:
    """Leave out the middle of what is longer than `limit` characters, and say how much."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n[... {len(text) - 2 * half} characters left out ...]\n{text[-half:]}"


def no_input(prompt: object = "") -> str:
    """Stands in for `input`."""
    raise EOFError("input() is not available: nobody is at the keyboard. Put the values into the code.")
