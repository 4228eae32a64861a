"""Forced calls to more than 500 real functions by a random model: how many are right, and what the grammar costs.

    PYTHONPATH=. python bench/constrained_calls.py [--every-format] [--sample N]

Each function of `tests/engine/chat/data/function_schemas.jsonl` (BFCL, Apache-2.0) is called once in strict and once in
ordinary mode, the formats taking turns; with `--every-format` in each of them, with `--sample` about so many functions.
A call is right when the reply reads as that one call, with arguments that fit the schema (strict) or are a JSON object
(ordinary). The vocabulary has one token a byte: masks over real vocabularies cost more, and are computed while the
model runs.
"""

from __future__ import annotations

import argparse
import random
from statistics import median, quantiles

from jsonschema import Draft202012Validator

from engine.chat.tool_calls.base import ToolCallFormat
from engine.chat.tool_calls.formats import KNOWN_FORMATS
from tests.engine.chat.random_calls import FUNCTIONS, RandomModel, read, tool


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every-format", action="store_true", help="each function in each format, not in turns")
    parser.add_argument("--sample", type=int, metavar="N", default=len(FUNCTIONS), help="N functions, evenly chosen")
    arguments = parser.parse_args()
    every, functions = arguments.every_format, FUNCTIONS[:: max(1, len(FUNCTIONS) // arguments.sample)]
    print("| mode | calls | right | compile, median | compile, 99th | mask, median | mask, 99th |")
    print("|---" * 7 + "|")
    for strict in (True, False):
        models = [(form, [RandomModel(form, tokens=tokens) for tokens in (True, False)]) for form in KNOWN_FORMATS]
        right = total = 0
        for number, function in enumerate(functions):
            for form, pair in models if every else [models[number % len(models)]]:
                total += 1
                right += _is_right(form, pair[number // len(models) % 2], function, strict=strict, seed=total)
        writers = [writer for _, pair in models for writer in pair]
        compiling = _milliseconds([s for writer in writers for s in writer.compile_seconds])
        masking = _milliseconds([s for writer in writers for s in writer.mask_seconds])
        mode = "strict" if strict else "ordinary"
        print(f"| {mode} | {total} | {right} | {compiling} | {masking} |", flush=True)


def _is_right(
    form: ToolCallFormat, writer: RandomModel, function: dict[str, object], *, strict: bool, seed: int
) -> bool:
    tools = [tool(function, strict=strict)]
    reply = ""
    try:
        reply = writer.call(tools, random.Random(seed))
        text, calls = read(form, tools, reply)
        (name, arguments), *more = calls
        schema = tools[0].parameters if strict else {"type": "object"}
        errors = [error.message for error in Draft202012Validator(schema).iter_errors(arguments)]
        assert name == tools[0].name
        assert not (text.strip() or more or errors), (text, more, errors)
    except (AssertionError, RuntimeError, ValueError) as error:
        print(f"{form.name}, {tools[0].name}: {error!r}\n    {reply!r}")
        return False
    return True


def _milliseconds(seconds: list[float]) -> str:
    return f"{median(seconds) * 1e3:.2f} ms | {quantiles(seconds, n=100)[98] * 1e3:.2f} ms"


if __name__ == "__main__":
    main()
