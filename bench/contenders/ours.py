"""This engine, in process. `--variant torch` is what runs where the native library is missing."""

from __future__ import annotations

import argparse
import os
from typing import Any

import protocol


def load(given: argparse.Namespace) -> protocol.Run:
    if given.variant == "torch":
        os.environ["MISTRALRS_NATIVE"] = "0"
    from engine.benchmark import run_together
    from engine.loading.source import resolve
    from engine.options import ModelOptions
    from engine.plan import build_engine

    def silent(_: str) -> None: ...

    options = ModelOptions(model_id=str(given.model), threads=given.threads)
    engine, _ = build_engine(options, resolve(options, silent), silent)

    def run(requests: list[tuple[int, int]], seed: int) -> dict[str, Any]:
        lengths = [generated for _, generated in requests]
        timed = run_together(engine, list(zip(protocol.prompts(requests, seed), lengths, strict=True)))
        return {
            "prompt_tokens": sum(prompt for prompt, _ in requests),
            "first_s": timed.first_s,
            "decoded": timed.decoded,
            "decode_s": timed.decode_s,
        }

    return run


if __name__ == "__main__":
    protocol.serve(load)
