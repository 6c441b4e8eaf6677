"""Rotary position embedding on three axes (time, row, column), with real numbers.

Positions are absolute: RoPE sees only differences, so a sliding window needs no turning of its keys. Only the sink
keeps a constant distance to the newest unit: the cache turns its keys on (a turn composes with earlier ones).
Angles are computed in float64: after a day of conversation a position has seven digits.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from wan_streamer.model.config import BackboneConfig


@dataclass(frozen=True)
class Rotation:
    """Cosine and sine for each token and pair, [T, head_size / 2], in the dtype of the model."""

    cos: Tensor
    sin: Tensor


def frequencies(config: BackboneConfig, device: torch.device | None = None) -> Tensor:
    """Angle a position of each pair, float64 [head_size / 2] (RoFormer, equation 15)."""
    pairs = config.head_size // 2
    return config.rope_theta ** (-torch.arange(pairs, dtype=torch.float64, device=device) / pairs)


def pair_axes(config: BackboneConfig) -> Tensor:
    """Which axis (0 time, 1 row, 2 column) turns each pair, int64 [head_size / 2].

    The axes are interleaved, so that each of them has fast and slow pairs.
    """
    places = [((i + 0.5) / count, axis) for axis, count in enumerate(config.rope_axis_pairs) for i in range(count)]
    return torch.tensor([axis for _, axis in sorted(places)])


def rotation(positions_T3: Tensor, frequencies_P: Tensor, axes_P: Tensor, dtype: torch.dtype) -> Rotation:
    """The rotation of tokens at integer positions [T, 3]."""
    angles = positions_T3[:, axes_P].to(torch.float64) * frequencies_P
    return Rotation(angles.cos().to(dtype), angles.sin().to(dtype))


def turn(x: Tensor, r: Rotation) -> Tensor:
    """Turns the pairs (i, i + head_size / 2) of `x` [..., T, heads, head_size], as Qwen3 pairs them."""
    a, b = x.chunk(2, dim=-1)
    cos, sin = r.cos[:, None], r.sin[:, None]
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)
