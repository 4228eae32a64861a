"""Floats → GGML blocks in plain torch: the blocks of ggml to the last bit, as `kernels/quantize.cpp` makes them.

Source of the algorithms: ggml-quants.c, what it does without an importance matrix. All sub-blocks are worked on at
once, one a column: `x` is (N, n) for n sub-blocks of N elements. Sums run over the rows in order, because the order of
float operations decides the last bit and with it, now and then, a code.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from engine.quant.base import GGMLType

_TINY = 1e-15
"""A sub-block whose magnitudes stay below is zero to the symmetric searches."""


def encode(x: Tensor, type: GGMLType) -> Tensor:
    """x (elements,) float32, whole blocks → (blocks, block bytes) uint8."""
    return _ENCODERS[type](x)


def _nearest(x: Tensor) -> Tensor:
    """Nearest whole number, half to even; the sum's low bits hold it, up to a magnitude of 2²²."""
    return (((x + 12582912.0).view(torch.int32) & 0x7FFFFF) - 0x400000).float()


def _codes_within(x: Tensor, low: float, high: float) -> Tensor:
    return _nearest(x).clamp_(low, high)


def _rounded(x: Tensor) -> Tensor:
    """As a float16 holds it."""
    return x.half().float()


def _halves(*fields: Tensor) -> Tensor:
    """Fields of (n,) each → (n, 2 · fields) uint8, as float16."""
    return torch.stack(fields, 1).half().view(torch.uint8).view(fields[0].shape[0], -1)


def _columns(x: Tensor, size: int) -> Tensor:
    return x.view(-1, size).T.contiguous()


def _as_bytes(codes: Tensor) -> Tensor:
    return codes.to(torch.int32).to(torch.uint8)


def _over(number: float, x: Tensor) -> Tensor:
    """number / x; torch would multiply a bare number with the rounded 1 / x."""
    return torch.tensor(number) / x


def _inverse_or_zero(d: Tensor) -> Tensor:
    return torch.where(d != 0, _over(1.0, d), 0.0)


def _divided(x: Tensor, y: Tensor) -> Tensor:
    """x / y where y > 0, else 0."""
    return torch.where(y > 0, x / y, 0.0)


def _signed_extreme(x: Tensor) -> Tensor:
    """(n,): of each column the first element of the largest magnitude."""
    most, extreme = torch.zeros_like(x[0]), torch.zeros_like(x[0])
    for value in x:
        extreme = torch.where(value.abs() > most, value, extreme)
        most = torch.where(value.abs() > most, value.abs(), most)
    return extreme


def _lowest(x: Tensor) -> Tensor:
    """(n,): of each column the least element; of zeros the first, with its sign."""
    low = x[0]
    for value in x[1:]:
        low = torch.where(value < low, value, low)
    return low


def _search_symmetric(x: Tensor, limit: int) -> tuple[Tensor, Tensor]:
    """Scale (n,) and codes (N, n) −limit … limit − 1 with the least error weighted by x²: nineteen scales are tried."""
    extreme = _signed_extreme(x)
    best, scale, codes = torch.zeros_like(extreme), torch.zeros_like(extreme), torch.zeros_like(x)
    for shift in (0, *range(-9, 0), *range(1, 10)):
        factor = -(torch.tensor(0.1) * shift + limit) / extreme
        tried = _codes_within(factor * x, -limit, limit - 1)
        products, squares = torch.zeros_like(extreme), torch.zeros_like(extreme)
        for value, code in zip(x, tried, strict=True):
            weight = value * value
            products += weight * value * code
            squares += weight * code * code
        better = (squares > 0) & (products * products > best * squares) if shift else torch.ones_like(best).bool()
        fitted = torch.where(squares != 0, products / squares, 0.0)
        scale = torch.where(better, fitted, scale)
        best = torch.where(better, fitted * products, best)
        codes = torch.where(better, tried, codes)
    zero = extreme.abs() < _TINY
    return scale.masked_fill(zero, 0), codes.masked_fill(zero, -limit)


def _search_by_moves(x: Tensor, limit: int) -> tuple[Tensor, Tensor]:
    """As above for few codes: one start, then up to five rounds of moving single codes while that helps."""
    extreme = _signed_extreme(x)
    zero = extreme.abs() < _TINY
    codes = _codes_within(_over(-limit, extreme) * x, -limit, limit - 1)
    products, squares = torch.zeros_like(extreme), torch.zeros_like(extreme)
    for value, code in zip(x, codes, strict=True):
        weight = value * value
        products += weight * value * code
        squares += weight * code * code
    for _ in range(5):
        changed = False
        for value, code in zip(x, codes, strict=True):
            weight = value * value
            other_products, other_squares = products - weight * value * code, squares - weight * code * code
            moved = _codes_within(value * other_squares / other_products, -limit, limit - 1)
            better = ~zero & (other_products > 0) & (moved != code)
            other_products += weight * value * moved
            other_squares += weight * moved * moved
            better &= other_squares > 0
            better &= other_products * other_products * squares > products * products * other_squares
            code.copy_(torch.where(better, moved, code))
            products = torch.where(better, other_products, products)
            squares = torch.where(better, other_squares, squares)
            changed = changed or bool(better.any())
        if not changed:
            break
    return _divided(products, squares).masked_fill(zero, 0), codes.masked_fill(zero, -limit)


def _search_affine(
    x: Tensor, weights: Tensor, limit: int, first: float, count: int, error_of: Callable[[Tensor], Tensor]
) -> tuple[Tensor, Tensor, Tensor]:
    """Scale and minimum (n,) and codes (N, n) 0 … limit, value = scale · code − minimum, with the least weighted error.

    Tried are `count` + 1 ranges a little narrower or wider than that of the values, from `first` on in steps of 0.1
    codes; of each the best line through its codes is found.
    """
    low, high = _lowest(x), x.amax(0)
    low = torch.where(low > 0, 0.0, low)
    lowest, constant = low, low == high
    weight_sum, x_sum = weights[0].clone(), weights[0] * x[0]
    for value, weight in zip(x[1:], weights[1:], strict=True):
        weight_sum += weight
        x_sum += weight * value
    factor = _over(limit, high - low)
    scale = _over(1.0, factor)
    codes = _codes_within(factor * (x - low), 0, limit)
    best = _weighted_error(x, weights, codes, scale, low, error_of)
    for attempt in range(count + 1):
        factor = (first + torch.tensor(0.1) * attempt + limit) / (high - low)  # `low` moves as lines get better
        tried = _codes_within(factor * (x - low), 0, limit)
        code_sum, squares, products = torch.zeros_like(low), torch.zeros_like(low), torch.zeros_like(low)
        for value, weight, code in zip(x, weights, tried, strict=True):
            code_sum += weight * code
            squares += weight * code * code
            products += weight * code * value
        determinant = weight_sum * squares - code_sum * code_sum
        slope = (weight_sum * products - x_sum * code_sum) / determinant
        start = (squares * x_sum - code_sum * products) / determinant
        slope = torch.where(start > 0, products / squares, slope)
        start = torch.where(start > 0, 0.0, start)
        error = _weighted_error(x, weights, tried, slope, start, error_of)
        better = (determinant > 0) & (error < best)
        codes, best = torch.where(better, tried, codes), torch.where(better, error, best)
        scale, low = torch.where(better, slope, scale), torch.where(better, start, low)
    minimum = -torch.where(constant, lowest, low)
    return scale.masked_fill(constant, 0), minimum, codes.masked_fill(constant, 0)


def _weighted_error(
    x: Tensor, weights: Tensor, codes: Tensor, scale: Tensor, start: Tensor, error_of: Callable[[Tensor], Tensor]
) -> Tensor:
    total = torch.zeros_like(scale)
    for value, weight, code in zip(x, weights, codes, strict=True):
        total += weight * error_of(scale * code + start - value)
    return total


def _code_again(x: Tensor, scale: Tensor, minimum: Tensor, low: int, high: int, codes: Tensor) -> Tensor:
    """Codes for the scales that were stored, rounded themselves; where the scale became zero codes stay."""
    return torch.where(scale != 0, _codes_within((x + minimum) / scale, low, high), codes)


def _pack(codes: Tensor, groups: int, bits: int) -> Tensor:
    """codes (blocks, k) uint8: `groups` runs, each cut into pieces of which code i shares byte i, lowest bits first."""
    pieces = codes.view(codes.shape[0], groups, 8 // bits, -1)
    shifts = torch.arange(0, 8, bits, dtype=torch.uint8).view(1, 1, -1, 1)
    return (pieces << shifts).sum(2, dtype=torch.uint8).view(codes.shape[0], -1)


def _pack_fifth_bits(codes: Tensor) -> Tensor:
    """(n, 32) → (n, 4): bit i is bit 4 of code i."""
    bits = (codes >> 4).view(-1, 4, 8) << torch.arange(8, dtype=torch.uint8)
    return bits.sum(2, dtype=torch.uint8)


def _symmetric_32(x: Tensor, half: int) -> tuple[Tensor, Tensor]:
    """d (n,) and codes (n, 32) 0 … 2 · half − 1 around `half`."""
    columns = _columns(x, 32)
    d = _signed_extreme(columns) / -half
    codes = (columns * _inverse_or_zero(d) + (half + 0.5)).to(torch.int32) & 0xFF
    return d, codes.clamp_(max=2 * half - 1).to(torch.uint8).T


def _affine_32(x: Tensor, limit: int) -> tuple[Tensor, Tensor, Tensor]:
    columns = _columns(x, 32)
    low = _lowest(columns)
    d = (-_lowest(-columns) - low) / limit
    codes = ((columns - low) * _inverse_or_zero(d) + 0.5).to(torch.int32) & 0xFF
    return d, low, codes.clamp_(max=limit).to(torch.uint8).T


def _q4_0(x: Tensor) -> Tensor:
    d, codes = _symmetric_32(x, 8)
    return torch.cat([_halves(d), _pack(codes, 1, 4)], 1)


def _q5_0(x: Tensor) -> Tensor:
    d, codes = _symmetric_32(x, 16)
    return torch.cat([_halves(d), _pack_fifth_bits(codes), _pack(codes & 15, 1, 4)], 1)


def _q4_1(x: Tensor) -> Tensor:
    d, low, codes = _affine_32(x, 15)
    return torch.cat([_halves(d, low), _pack(codes, 1, 4)], 1)


def _q5_1(x: Tensor) -> Tensor:
    d, low, codes = _affine_32(x, 31)
    return torch.cat([_halves(d, low), _pack_fifth_bits(codes), _pack(codes & 15, 1, 4)], 1)


def _q8_0(x: Tensor) -> Tensor:
    columns = _columns(x, 32)
    d = columns.abs().amax(0) / 127
    scaled = columns * _inverse_or_zero(d)
    below_half = torch.tensor(0.5).nextafter(torch.tensor(0.0))  # half away from zero
    codes = (scaled + below_half.copysign(scaled)).to(torch.int32)
    return torch.cat([_halves(d), codes.to(torch.uint8).T], 1)


def _fp8(x: Tensor) -> Tensor:
    columns = _columns(x, 32)
    d = _rounded(columns.abs().amax(0) / 448)
    codes = (columns * _inverse_or_zero(d)).clamp(-448, 448).to(torch.float8_e4m3fn)
    return torch.cat([_halves(d), codes.view(torch.uint8).T], 1)


def _share_scales(values: Tensor, limit: float) -> tuple[Tensor, Tensor]:
    """values (blocks, subs), of which negative ones are never the largest → (what one step is worth, codes)."""
    most = values.amax(1)
    most = torch.where(most > 0, most, 0.0)
    factor = torch.where(most > 0, _over(limit, most), 0.0)
    return most / limit, _nearest(factor.unsqueeze(1) * values).clamp_(max=limit)


def _q2_k(x: Tensor) -> Tensor:
    columns = _columns(x, 16)
    scale, minimum, codes = _search_affine(columns, columns.abs(), 3, -0.5, 15, torch.abs)
    d, scales = _share_scales(scale.view(-1, 16), 15)
    dmin, minimums = _share_scales(minimum.view(-1, 16), 15)
    scale, minimum = _rounded(d).unsqueeze(1) * scales, _rounded(dmin).unsqueeze(1) * minimums
    codes = _as_bytes(_code_again(columns, scale.view(-1), minimum.view(-1), 0, 3, codes)).T.reshape(-1, 256)
    return torch.cat([_as_bytes(scales) | (_as_bytes(minimums) << 4), _pack(codes, 2, 2), _halves(d, dmin)], 1)


def _q3_k(x: Tensor) -> Tensor:
    columns = _columns(x, 16)
    scale, codes = _search_by_moves(columns, 4)
    extreme = _signed_extreme(scale.view(-1, 16).T)
    factor = torch.where(extreme != 0, _over(-32.0, extreme), 0.0)
    d = _inverse_or_zero(factor)
    scales = torch.where(
        extreme.unsqueeze(1) != 0, _codes_within(factor.unsqueeze(1) * scale.view(-1, 16), -32, 31), -32
    )
    codes = _code_again(columns, (_rounded(d).unsqueeze(1) * scales).view(-1), torch.tensor(0.0), -4, 3, codes)
    codes = _as_bytes(codes + 4).T.reshape(-1, 256)
    scale_codes = _as_bytes(scales + 32)
    parts = [
        _pack(codes >> 2, 1, 1),
        _pack(codes & 3, 2, 2),
        _pack(scale_codes & 15, 1, 4),
        _pack(scale_codes >> 4, 1, 2),
        _halves(d),
    ]
    return torch.cat(parts, 1)


def _scaled_with_minimums(x: Tensor, limit: int, first: float, count: int) -> tuple[Tensor, Tensor]:
    """What Q4_K and Q5_K share: the sixteen bytes before the codes, and codes (blocks, 256)."""
    columns = _columns(x, 32)
    squares = torch.zeros_like(columns[0])
    for value in columns:
        squares += value * value
    root = (squares / 32).double().sqrt().float()  # torch's own float root is not always the nearest
    weights = root + columns.abs()
    scale, minimum, codes = _search_affine(columns, weights, limit, first, count, torch.square)
    d, scales = _share_scales(scale.view(-1, 8), 63)
    dmin, minimums = _share_scales(minimum.view(-1, 8), 63)
    scale, minimum = _rounded(d).unsqueeze(1) * scales, _rounded(dmin).unsqueeze(1) * minimums
    codes = _code_again(columns, scale.view(-1), minimum.view(-1), 0, limit, codes)
    low_scales, high_scales = _as_bytes(scales).split(4, 1)
    low_minimums, high_minimums = _as_bytes(minimums).split(4, 1)
    table = [
        low_scales | ((high_scales >> 4) << 6),
        low_minimums | ((high_minimums >> 4) << 6),
        (high_scales & 15) | (high_minimums << 4),
    ]
    return torch.cat([_halves(d, dmin), *table], 1), _as_bytes(codes).T.reshape(-1, 256)


def _q4_k(x: Tensor) -> Tensor:
    head, codes = _scaled_with_minimums(x, 15, -1.0, 20)
    return torch.cat([head, _pack(codes, 4, 4)], 1)


def _q5_k(x: Tensor) -> Tensor:
    head, codes = _scaled_with_minimums(x, 31, -0.5, 15)
    return torch.cat([head, _pack(codes >> 4, 1, 1), _pack(codes & 15, 4, 4)], 1)


def _q6_k(x: Tensor) -> Tensor:
    columns = _columns(x, 16)
    scale, codes = _search_symmetric(columns, 32)
    extreme = _signed_extreme(scale.view(-1, 16).T)
    zero = extreme.abs() < _TINY
    factor = _over(-128.0, extreme)
    scales = _nearest(factor.unsqueeze(1) * scale.view(-1, 16)).clamp_(max=127)
    d = _over(1.0, factor)
    codes = _code_again(columns, (_rounded(d).unsqueeze(1) * scales).view(-1), torch.tensor(0.0), -32, 31, codes)
    codes = _as_bytes(codes + 32).T.reshape(-1, 256)
    parts = [_pack(codes & 15, 2, 4), _pack(codes >> 4, 2, 2), _as_bytes(scales), _halves(d)]
    return torch.cat(parts, 1).masked_fill(zero.unsqueeze(1), 0)


_ENCODERS: dict[GGMLType, Callable[[Tensor], Tensor]] = {
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
