"""GGML block formats in plain torch: what every packed weight means, bit for bit in float32.

Each decoder takes blocks (n, block bytes) uint8 and returns (n, block elements) float32. The order of the float
operations is that of the reference implementation, so results are equal to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from engine.quant.base import GGMLType

_CHUNK_ELEMENTS = 1 << 22
"""Elements decoded at once: bounds the temporaries to a few dozen MB whatever the size of the matrix."""


def dequantize(data: Tensor, type: GGMLType, dtype: torch.dtype = torch.float32) -> Tensor:
    """Decode packed rows (rows, row bytes) uint8 → (rows, columns) in `dtype`, on the device of `data`.

    Raises:
        ValueError: a row is no whole number of blocks.
    """
    rows, row_bytes = data.shape
    if row_bytes % type.block_bytes:
        raise ValueError(
            f"A row of {row_bytes} bytes is no whole number of {type.name} blocks of {type.block_bytes} bytes."
        )
    columns = row_bytes // type.block_bytes * type.block_elements
    if plain := _PLAIN.get(type):
        return data.contiguous().view(plain).to(dtype).view(rows, columns)
    out = torch.empty(rows, columns, dtype=dtype, device=data.device)
    step = max(1, _CHUNK_ELEMENTS // max(columns, 1))
    for start in range(0, rows, step):
        part = data[start : start + step]
        out[start : start + step] = _DECODERS[type](part.reshape(-1, type.block_bytes)).view(-1, columns)
    return out


def _half(blocks: Tensor, offset: int) -> Tensor:
    """(n, 1) float32 of the float16 at byte `offset` of each block."""
    return blocks[:, offset : offset + 2].contiguous().view(torch.float16).to(torch.float32)


def _shifted(codes: Tensor, bits: tuple[int, ...], mask: int) -> Tensor:
    """(n, groups, m) uint8 → (n, groups, len(bits), m): every byte shifted right by each of `bits`, then masked."""
    shifts = torch.tensor(bits, dtype=torch.uint8, device=codes.device).view(1, 1, -1, 1)
    return (codes.unsqueeze(2) >> shifts) & mask


def _nibbles(codes: Tensor) -> Tensor:
    """(n, 16) → (n, 32): low nibbles, then high nibbles."""
    return _shifted(codes.unsqueeze(1), (0, 4), 0x0F).reshape(-1, 32)


def _fifth_bits(blocks: Tensor, offset: int) -> Tensor:
    """(n, 32): bit i of the 32-bit word at `offset`, moved to bit 4."""
    word = blocks[:, offset : offset + 4].unsqueeze(-1)
    shifts = torch.arange(8, dtype=torch.uint8, device=blocks.device)
    return (((word >> shifts) & 1) << 4).reshape(-1, 32)


def _q4_0(blocks: Tensor) -> Tensor:
    return _half(blocks, 0) * (_nibbles(blocks[:, 2:]).float() - 8)


def _q4_1(blocks: Tensor) -> Tensor:
    return _half(blocks, 0) * _nibbles(blocks[:, 4:]).float() + _half(blocks, 2)


def _q5_0(blocks: Tensor) -> Tensor:
    return _half(blocks, 0) * ((_nibbles(blocks[:, 6:]) | _fifth_bits(blocks, 2)).float() - 16)


def _q5_1(blocks: Tensor) -> Tensor:
    return _half(blocks, 0) * (_nibbles(blocks[:, 8:]) | _fifth_bits(blocks, 4)).float() + _half(blocks, 2)


def _q8_0(blocks: Tensor) -> Tensor:
    return blocks[:, 2:].contiguous().view(torch.int8).float() * _half(blocks, 0)


def _fp8(blocks: Tensor) -> Tensor:
    return blocks[:, 2:].contiguous().view(torch.float8_e4m3fn).float() * _half(blocks, 0)


def _q2_k(blocks: Tensor) -> Tensor:
    scales = blocks[:, :16]
    codes = _shifted(blocks[:, 16:80].reshape(-1, 2, 32), (0, 2, 4, 6), 3).reshape(-1, 16, 16).float()
    scale = _half(blocks, 80) * (scales & 0x0F).float()
    minimum = _half(blocks, 82) * (scales >> 4).float()
    return scale.unsqueeze(-1) * codes - minimum.unsqueeze(-1)


def _q3_k(blocks: Tensor) -> Tensor:
    low = _shifted(blocks[:, 32:96].reshape(-1, 2, 32), (0, 2, 4, 6), 3).reshape(-1, 16, 16)
    high = _shifted(blocks[:, None, :32], tuple(range(8)), 1).reshape(-1, 16, 16)
    packed = blocks[:, 96:108]
    low_scales = _shifted(packed[:, None, :8], (0, 4), 0x0F).reshape(-1, 16)
    high_scales = _shifted(packed[:, None, 8:], (0, 2, 4, 6), 3).reshape(-1, 16)
    scale = _half(blocks, 108) * ((low_scales | (high_scales << 4)).float() - 32)
    return scale.unsqueeze(-1) * (low.float() - 4 * (1 - high.float()))


def _scales_and_minimums(blocks: Tensor) -> tuple[Tensor, Tensor]:
    """Bytes 4..15 of Q4_K and Q5_K: eight 6-bit scales and eight 6-bit minimums, each (n, 8) float32."""
    first, second, third = blocks[:, 4:16].reshape(-1, 3, 4).unbind(1)
    scales = torch.cat([first & 0x3F, (third & 0x0F) | ((first >> 2) & 0x30)], 1)
    minimums = torch.cat([second & 0x3F, (third >> 4) | ((second >> 2) & 0x30)], 1)
    return scales.float(), minimums.float()


def _scaled_with_minimums(blocks: Tensor, codes: Tensor) -> Tensor:
    scales, minimums = _scales_and_minimums(blocks)
    scale, minimum = _half(blocks, 0) * scales, _half(blocks, 2) * minimums
    return scale.unsqueeze(-1) * codes.float() - minimum.unsqueeze(-1)


def _q4_k(blocks: Tensor) -> Tensor:
    return _scaled_with_minimums(blocks, _shifted(blocks[:, 16:].reshape(-1, 4, 32), (0, 4), 0x0F).reshape(-1, 8, 32))


def _q5_k(blocks: Tensor) -> Tensor:
    low = _shifted(blocks[:, 48:].reshape(-1, 4, 32), (0, 4), 0x0F).reshape(-1, 8, 32)
    high = _shifted(blocks[:, None, 16:48], tuple(range(8)), 1).reshape(-1, 8, 32)
    return _scaled_with_minimums(blocks, low | (high << 4))


def _q6_k(blocks: Tensor) -> Tensor:
    low = _shifted(blocks[:, :128].reshape(-1, 2, 64), (0, 4), 0x0F).reshape(-1, 8, 32)
    high = _shifted(blocks[:, 128:192].reshape(-1, 2, 32), (0, 2, 4, 6), 3).reshape(-1, 8, 32)
    scale = _half(blocks, 208) * blocks[:, 192:208].contiguous().view(torch.int8).float()
    return scale.unsqueeze(-1) * ((low | (high << 4)).float() - 32).reshape(-1, 16, 16)


_PLAIN = {GGMLType.F32: torch.float32, GGMLType.F16: torch.float16, GGMLType.BF16: torch.bfloat16}

_DECODERS: dict[GGMLType, Callable[[Tensor], Tensor]] = {
    GGMLType.Q4_0: _q4_0,
    GGMLType.Q4_1: _q4_1,
    GGMLType.Q5_0: _q5_0,
    GGMLType.Q5_1: _q5_1,
    GGMLType.Q8_0: _q8_0,
    GGMLType.FP8: _fp8,
    GGMLType.Q2_K: _q2_k,
    GGMLType.Q3_K: _q3_k,
    GGMLType.Q4_K: _q4_k,
    GGMLType.Q5_K: _q5_k,
    GGMLType.Q6_K: _q6_k,
}


FOUR_BITS = (GGMLType.Q4_0, GGMLType.Q4_1, GGMLType.Q4_K)
"""Types that are 4-bit codes with one scale and one offset for every 32 columns."""


def four_bits(data: Tensor, type: GGMLType) -> tuple[Tensor, Tensor, Tensor]:
    """Rows (rows, row bytes) of one of `FOUR_BITS` as codes 0…15 (rows, columns) uint8, and scales and offsets, each
    (rows, columns / 32) float32: value = scale · (code - 8) + offset."""
    blocks, rows = data.reshape(-1, type.block_bytes), data.shape[0]
    if type is GGMLType.Q4_K:
        codes = _shifted(blocks[:, 16:].reshape(-1, 4, 32), (0, 4), 0x0F)
        scales, minimums = _scales_and_minimums(blocks)
        scales, lowest = _half(blocks, 0) * scales, -_half(blocks, 2) * minimums
    else:
        codes = _nibbles(blocks[:, type.block_bytes - 16 :])
        scales = _half(blocks, 0)
        lowest = _half(blocks, 2) if type is GGMLType.Q4_1 else -8 * scales
    return codes.reshape(rows, -1), scales.reshape(rows, -1), (lowest + 8 * scales).reshape(rows, -1)
