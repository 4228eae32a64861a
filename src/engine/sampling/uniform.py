"""Random numbers that depend on a request's seed, the choice and the place in the reply, and on nothing else: not on
what else is in the batch, nor on whether a reply was interrupted and computed again.

SplitMix64 used as a counter-based generator (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014):
number `n` of a stream is `mix(key + (n + 1) * GAMMA)`, reached without its predecessors. The key of choice `i` of a
request with seed `s` is `mix(mix(s) + (i + 1) * GAMMA)`.
"""

from __future__ import annotations

_GAMMA = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1


def stream_key(seed: int, index: int) -> int:
    """The key of choice `index`; any whole number is a seed, negative and large ones modulo 2**64."""
    return _mix(_mix(seed) + (index + 1) * _GAMMA)


def uniform(key: int, position: int) -> float:
    """Number `position` of a stream: a multiple of 2**-53 in [0, 1)."""
    return (_mix(key + (position + 1) * _GAMMA) >> 11) * 2.0**-53


def _mix(value: int) -> int:
    value &= _MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)
