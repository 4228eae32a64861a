"""Random packed weights with sane magnitudes, for tests."""

from __future__ import annotations

import numpy as np
import torch

from engine.quant.base import GGMLType, PackedTensor

HALVES: dict[GGMLType, tuple[int, ...]] = {
    GGMLType.Q4_0: (0,),
    GGMLType.Q4_1: (0, 2),
    GGMLType.Q5_0: (0,),
    GGMLType.Q5_1: (0, 2),
    GGMLType.Q8_0: (0,),
    GGMLType.FP8: (0,),
    GGMLType.Q2_K: (80, 82),
    GGMLType.Q3_K: (108,),
    GGMLType.Q4_K: (0, 2),
    GGMLType.Q5_K: (0, 2),
    GGMLType.Q6_K: (208,),
}
"""Byte offsets of the float16 fields of each block format; all other bytes are codes and may be anything."""


def random_packed(type: GGMLType, rows: int, columns: int, seed: int) -> PackedTensor:
    """A matrix whose blocks hold random codes and small random float16 scales."""
    generator = np.random.default_rng(seed)
    blocks = rows * columns // type.block_elements
    if type.block_elements == 1:
        values = torch.from_numpy(generator.standard_normal((rows, columns), dtype=np.float32) / 16)
        plain = {GGMLType.F32: torch.float32, GGMLType.F16: torch.float16, GGMLType.BF16: torch.bfloat16}[type]
        data = values.to(plain).view(torch.uint8).view(rows, -1)
        return PackedTensor(type, data, (rows, columns))
    data = generator.integers(0, 256, (blocks, type.block_bytes), dtype=np.uint8)
    if type is GGMLType.FP8:
        data[data & 0x7F == 0x7F] ^= 1  # not a number
    for offset in HALVES[type]:
        scales = generator.standard_normal(blocks).astype(np.float32) / 256
        data[:, offset : offset + 2] = scales.astype(np.float16).view(np.uint8).reshape(-1, 2)
    return PackedTensor(type, torch.from_numpy(data).view(rows, -1), (rows, columns))
