"""Rotary position embedding, NeoX layout: dimension i turns together with dimension i + R/2."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.kernels import torch_ops

_TABLE_STEP = 4096
"""Positions by which the table of cosines and sines grows."""


class RotaryEmbedding:
    """Turns the first R dimensions of each head by an angle that grows with the position; the others pass."""

    def __init__(self, inv_freq: Tensor, attention_factor: float = 1.0) -> None:
        """inv_freq: (R / 2,) float32, radians a position; `attention_factor` scales the turned dimensions (YaRN)."""
        self.inv_freq = inv_freq.float()
        self.attention_factor = attention_factor
        self._table = torch.empty(0, 2, self.inv_freq.shape[0])
        self._last: tuple[Tensor, tuple[Tensor, Tensor]] | None = None

    def __call__(self, query: Tensor, key: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        """query (T, H, D), key (T, KV, D), positions (T,) int64 → the two turned, new tensors of the same dtypes."""
        if torch_ops.takes(query, key):
            try:
                return torch_ops.rotary(query, key, positions, self._table)
            except IndexError:  # the table is too short: rare, and finding the longest position each time is not free
                return torch_ops.rotary(query, key, positions, self.table(int(positions.max()) + 1))
        cosine, sine = self._factors(positions)
        return _turn(query, cosine, sine), _turn(key, cosine, sine)

    def table(self, length: int) -> Tensor:
        """(`length` positions or more, 2, R / 2) float32, contiguous: cosines and sines, for the native library.

        A longer table takes the place of one that is too short; it starts with the same numbers.
        """
        if self._table.shape[0] < length:
            positions = torch.arange(-(-length // _TABLE_STEP) * _TABLE_STEP)
            self._table = self._angles(positions).contiguous()
        return self._table

    def _factors(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """What each dimension that turns is multiplied by, and what its partner is: (T, 1, R) each.

        All layers of a step ask with the same object, the next step with another: computed for the first of them only.
        """
        if self._last is None or self._last[0] is not positions:
            cosine, sine = self._angles(positions).unsqueeze(2).unbind(1)
            self._last = positions, (torch.cat([cosine, cosine], -1), torch.cat([-sine, sine], -1))
        return self._last[1]

    def _angles(self, positions: Tensor) -> Tensor:
        """(T, 2, R / 2): cosines and sines."""
        angles = positions.float().unsqueeze(-1) * self.inv_freq
        return torch.stack([angles.cos(), angles.sin()], 1) * self.attention_factor


def _turn(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    turning = cosine.shape[-1]
    part = x[..., :turning].float()
    turned = torch.addcmul(part * cosine, part.roll(turning // 2, -1), sine).to(x.dtype)
    return turned if turning == x.shape[-1] else torch.cat([turned, x[..., turning:]], -1)
