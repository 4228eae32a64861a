"""A model that knows nothing and writes calls to real functions, as far as its grammar lets it."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from engine.chat.grammar import ReplyGrammar
from engine.chat.messages import ToolChoice, ToolSpec
from engine.chat.tool_calls.base import ToolCallFormat
from engine.sampling.constraint import ConstraintCompiler
from tests.engine.chat.replies import STOP, byte_tokenizer, read_calls

FUNCTIONS = [
    json.loads(line) for line in (Path(__file__).parent / "data" / "function_schemas.jsonl").read_text().splitlines()
]
_CLOSERS = frozenset("\"'}])")
"""Drawn more often than others, so that values come to an end."""
_QWEN = ("</parameter>", "</parameter></function>", "</parameter><parameter=")


def _invoke(prefix: str) -> tuple[str, ...]:
    return tuple(f"</{prefix}parameter>{tag}" for tag in (f"</{prefix}invoke>", f"<{prefix}parameter name="))


_ENDS = {
    "qwen coder": _QWEN,
    "glm": ("</arg_value>", "</arg_value></tool_call>", "</arg_value><arg_key>"),
    "minimax": _invoke(""),
    "atem": _invoke("atem:"),
    "step": _invoke("steptml:"),
    "deepseek dsml": _invoke("｜DSML｜"),
    "gemma": ('<|"|>', "<escape>"),
    "harmony": ("<|end|>",),
    "functionary v3.2": (">>>",),
}
"""By name of a format: what ends a free text there, written as a whole at times."""
_LONG = 200
"""Tokens after which such an end is tried again and again."""


class RandomModel:
    """Writes any token that its grammar allows, with weights that do not depend on what was written."""

    def __init__(self, form: ToolCallFormat, *, tokens: bool) -> None:
        """`tokens`: the format's markers are tokens of their own."""
        self._form = form
        self._tokenizer = byte_tokenizer(special=form.markers if tokens else ())
        self._stop = self._tokenizer.get_vocab()[STOP]
        self._compiler = ConstraintCompiler(self._tokenizer, self._tokenizer.get_vocab_size(), (self._stop,))
        texts = (self._tokenizer.decode([i], skip_special_tokens=False) for i in range(self._stop + 1))
        self._weights = [20.0 if text in _CLOSERS or len(text) > 1 else 1.0 for text in texts]
        self._weights += [40.0] * (self._tokenizer.get_vocab_size() - len(self._weights))
        ends = (*_ENDS[form.name], '"') if form.name in _ENDS else ()  # a quote: inside JSON the others end nothing
        self._ends = [self._tokenizer.encode(text).ids for text in ends]
        self.compile_seconds: list[float] = []
        """One a reply: the grammar from schemas to a matcher."""
        self.mask_seconds: list[float] = []
        """One a token: its mask, and moving on by it."""

    def call(self, tools: list[ToolSpec], draw: random.Random, *, limit: int = 20_000) -> str:
        """A reply that must be one call. Raises: RuntimeError for one that comes to no end."""
        state = self._timed(self.compile_seconds, lambda: self._compile(tools))
        ids: list[int] = []
        end: list[int] = []
        while not state.is_finished:
            if forced := state.forced():
                ids += forced
                assert all(state.accept(token) for token in forced)
                continue
            mask = self._timed(self.mask_seconds, state.mask)
            allowed = np.unpackbits(mask.view(np.uint8), bitorder="little").nonzero()[0].tolist()
            if self._ends and not end and draw.random() < (0.05 if len(ids) < _LONG else 0.5):
                end = list(draw.choice(self._ends))
            token = end.pop(0) if end else -1
            if token not in allowed:
                end, token = [], draw.choices(allowed, [self._weights[i] for i in allowed])[0]
            if token == self._stop:
                break
            ids.append(token)
            assert state.accept(token)
            if len(ids) > limit:
                raise RuntimeError(f"The reply does not end: …{self._tokenizer.decode(ids)[-300:]}")
        return self._tokenizer.decode([i for i in ids if i != self._stop], skip_special_tokens=False)

    def _compile(self, tools: Sequence[ToolSpec]) -> Any:
        constraint = ReplyGrammar(self._form, self._tokenizer).constraint(tools, ToolChoice("required"), parallel=False)
        assert constraint is not None
        return self._compiler.compile(constraint)

    @staticmethod
    def _timed(seconds: list[float], work: Callable[[], Any]) -> Any:
        began = perf_counter()
        result = work()
        seconds.append(perf_counter() - began)
        return result


def tool(function: dict[str, Any], *, strict: bool) -> ToolSpec:
    return ToolSpec(function["name"].replace(".", "_"), "", function["parameters"], strict=strict)


def read(form: ToolCallFormat, tools: list[ToolSpec], reply: str) -> tuple[str, list[tuple[str, Any]]]:
    """Text beside calls, and (name, arguments) of each call."""
    text, calls = read_calls(form.parser({tool.name: tool.parameters for tool in tools}), reply)
    return text, [(name, json.loads(arguments)) for name, arguments in calls]
