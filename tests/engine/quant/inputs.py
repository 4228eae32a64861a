"""Rows to quantise, made by whole-number arithmetic so that they are the same everywhere and for ever."""

from __future__ import annotations

import numpy as np

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float32]]
ROWS, COLUMNS = 9, 768


def _uniform(seed: int) -> Floats:
    """(ROWS, COLUMNS) in [−1, 1), multiples of 2⁻²³: bits of a mixed counter."""
    x = np.arange(ROWS * COLUMNS, dtype=np.uint64) + np.uint64(seed << 32)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1)):  # SplitMix64
        x = (x ^ (x >> np.uint64(shift))) * np.uint64(factor)
    return ((x >> np.uint64(40)).astype(np.float32) / np.float32(2**23) - 1).reshape(ROWS, COLUMNS)


def inputs() -> dict[str, Floats]:
    """Name → (ROWS, COLUMNS) float32, ordinary and awkward."""
    bell = (_uniform(1) + _uniform(2) + _uniform(3) + _uniform(4)).astype(np.float32)
    sparse = np.where(_uniform(5) > 0.95, bell, 0).astype(np.float32)
    runs = 2.0 ** np.arange(-40, 8)[np.arange(ROWS * COLUMNS // 16) % 48].repeat(16).reshape(ROWS, COLUMNS)
    return {
        "bell": bell,
        "small": bell * np.float32(2**-6),
        "positive": np.abs(bell),
        "negative": -np.abs(bell) - np.float32(0.5),
        "outliers": np.where(_uniform(6) > 0.98, bell * 64, bell).astype(np.float32),
        "sparse": sparse,
        "zeros": np.zeros_like(bell),
        "constant": np.full_like(bell, -0.375),
        "steps": np.round(bell * 8).astype(np.float32) / 2,
        "runs of many sizes": (bell * runs).astype(np.float32),
        "tiny": bell * np.float32(2**-60),
        "huge": bell * np.float32(2**90),
    }
