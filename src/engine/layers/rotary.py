"""Rotary position embedding, NeoX layout: dimension i turns together with dimension i + R/2."""

from __future__ import annotations

import torch
from torch import Tensor


class RotaryEmbedding:
    """Turns the first R dimensions of each head by an angle that grows with the position; the others pass."""

    def __init__(self, inv_freq: Tensor, attention_factor: float = 1.0) -> None:
        """inv_freq: (R / 2,) float32, radians a position; `attention_factor` scales the turned dimensions (YaRN)."""
        self.inv_freq = inv_freq.float()
        self.attention_factor = attention_factor

    def __call__(self, query: Tensor, key: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        """query (T, H, D), key (T, KV, D), positions (T,) int64 → the two turned, new tensors of the same dtypes."""
        angles = positions.float().unsqueeze(-1) * self.inv_freq
        cosine = (angles.cos() * self.attention_factor).unsqueeze(1)
        sine = (angles.sin() * self.attention_factor).unsqueeze(1)
        return _turn(query, cosine, sine), _turn(key, cosine, sine)


def _turn(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    half = cosine.shape[-1]
    first, second, rest = x[..., :half].float(), x[..., half : 2 * half].float(), x[..., 2 * half :]
    turned = torch.cat([first * cosine - second * sine, second * cosine + first * sine], -1).to(x.dtype)
    return torch.cat([turned, rest], -1) if rest.shape[-1] else turned
