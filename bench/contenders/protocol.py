"""How a contender is spoken to: one JSON line of work on standard input, one JSON line of figures on standard output.

Each file beside this one loads one engine and hands its `Run` to `serve`. Nothing here imports more than the standard
library, since every engine lives in an environment of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

Run = Callable[[list[tuple[int, int]], int], dict[str, Any]]
"""Takes (prompt tokens, tokens to generate) of requests that start together, and the seed of their prompts. Returns
`prompt_tokens` of all, `first_s` until the last of them had its first token, `decoded` tokens that came after that in
`decode_s`. Every token is the most likely one and no reply ends early."""

FIRST_TOKEN, LAST_TOKEN = 100, 49_000
"""Prompts are random tokens of this range, which every vocabulary measured here has."""


def serve(load: Callable[[argparse.Namespace], Run]) -> None:
    """Load the engine, say `ready`, then work until standard input ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", type=Path, required=True, help="a GGUF file")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--variant", default="")
    given = parser.parse_args()
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print is no reply

    def reply(figures: dict[str, Any]) -> None:
        print(json.dumps(figures), file=replies, flush=True)

    run = load(given)
    reply({"ready": True})
    for line in sys.stdin:
        work = json.loads(line)
        try:
            figures = run([(prompt, generated) for prompt, generated in work["requests"]], work["seed"])
        except Exception as error:
            traceback.print_exc()
            figures = {"error": f"{type(error).__name__}: {str(error).splitlines()[0][:200]}"}
        reply({**figures, "peak_mib": peak_mib()})


def prompts(requests: list[tuple[int, int]], seed: int) -> list[list[int]]:
    """The token ids of each request's prompt: the same for the same seed, with nothing in common for another."""
    return [
        [generator.randrange(FIRST_TOKEN, LAST_TOKEN) for _ in range(length)]
        for index, (length, _) in enumerate(requests)
        for generator in [random.Random(f"{seed} {index}")]
    ]


def figures_of(requests: list[tuple[int, int]], start: float, first: float, end: float) -> dict[str, Any]:
    """What a `Run` returns for requests that are all alike: times of the start, of all first tokens, of the end."""
    [(prompt, generated)] = set(requests)
    return {
        "prompt_tokens": prompt * len(requests),
        "first_s": first - start,
        "decoded": (generated - 1) * len(requests),
        "decode_s": end - first,
    }


def peak_mib(process: int | str = "self") -> float:
    """Largest resident set of a process so far; 0 of one that has ended and is a zombie."""
    status = Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines()
    return int(next((line.split()[1] for line in status if line.startswith("VmHWM")), "0")) / 1024
