"""Matrices as 8-bit integers with a scale for each row: half the size of float16, for weights that ship.

The largest number of a row becomes 127; what is lost is under 1 % of a row's deviation where no number stands far out.
They are turned back when they are read: computation stays as it was.
"""

from collections.abc import Mapping
from typing import Final

import torch
from torch import Tensor

# Smaller tensors save next to nothing.
LEAST_COUNT: Final = 16_384
SCALE: Final = ".row_scale"
LARGEST: Final = 127


def rounded(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Large tensors of two axes or more as int8 with their scales [rows] beside them, all others in float16."""
    packed: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if tensor.ndim < 2 or tensor.numel() < LEAST_COUNT:
            packed[name] = tensor.half()
            continue
        scale = (tensor.float().flatten(1).abs().amax(dim=1) / LARGEST).clamp(min=torch.finfo(torch.float32).tiny)
        packed[name] = (tensor.float() / _column(scale, tensor)).round().to(torch.int8)
        packed[name + SCALE] = scale
    return packed


def restored(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What `rounded` was given, as near as the integers say; tensors of other files stay as they are."""
    return {
        name: tensor.float() * _column(tensors[name + SCALE], tensor) if name + SCALE in tensors else tensor
        for name, tensor in tensors.items()
        if not name.endswith(SCALE)
    }


def _column(scale: Tensor, like: Tensor) -> Tensor:
    return scale.view(-1, *(1,) * (like.ndim - 1))
