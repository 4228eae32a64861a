"""Not an engine: how fast this machine reads memory, in the same run as the engines whose decode it limits."""

from __future__ import annotations

import argparse
from typing import Any

import protocol

from engine.benchmark import memory_bandwidth


def load(given: argparse.Namespace) -> protocol.Run:
    def run(requests: list[tuple[int, int]], seed: int) -> dict[str, Any]:
        return {"bytes_per_s": memory_bandwidth(given.threads)}

    return run


if __name__ == "__main__":
    protocol.serve(load)
