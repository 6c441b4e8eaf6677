"""EfficientNet-Lite0 (arXiv 1905.11946 without its attention), read from its published weights: features of pictures.

N pictures, C channels, H and W rows and columns
"""

from collections.abc import Mapping

import torch
from torch.nn import functional as F

Weights = Mapping[str, torch.Tensor]

# Stride of each of the 16 blocks; kernel and channels are read from the weights.
STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1)
# The last block before each halving, and the last of all.
TAPPED_BLOCKS = (0, 2, 4, 10, 15)
NORM_EPSILON = 1e-3
MEAN, SPREAD = 127.0, 128.0


def picture_features(pictures_NCHW: torch.Tensor, weights: Weights) -> list[torch.Tensor]:
    """Features [N, C, H / s, W / s] at s = 2, 4, 8, 16, 32 of sRGB pictures with values 0 to 255."""
    values = _convolve((pictures_NCHW - MEAN) / SPREAD, weights["_conv_stem.weight"], stride=2)
    values = F.relu6(_normalise(values, weights, "_bn0"))
    features = []
    for index, stride in enumerate(STRIDES):
        values = _block(values, weights, f"_blocks.{index}", stride)
        if index in TAPPED_BLOCKS:
            features.append(values)
    return features


def _block(values: torch.Tensor, weights: Weights, name: str, stride: int) -> torch.Tensor:
    inner = values
    if f"{name}._expand_conv.weight" in weights:
        inner = _convolve(inner, weights[f"{name}._expand_conv.weight"])
        inner = F.relu6(_normalise(inner, weights, f"{name}._bn0"))
    inner = _convolve(inner, weights[f"{name}._depthwise_conv.weight"], stride=stride, groups=inner.shape[1])
    inner = F.relu6(_normalise(inner, weights, f"{name}._bn1"))
    inner = _convolve(inner, weights[f"{name}._project_conv.weight"])
    inner = _normalise(inner, weights, f"{name}._bn2")
    return inner + values if inner.shape == values.shape else inner


def _convolve(values: torch.Tensor, kernel: torch.Tensor, *, stride: int = 1, groups: int = 1) -> torch.Tensor:
    """With TensorFlow's padding, under which the weights were trained: an odd pixel goes to the right and below."""
    pads = []
    for size in (values.shape[3], values.shape[2]):
        pad = max(0, (-(-size // stride) - 1) * stride + kernel.shape[2] - size)
        pads += [pad // 2, pad - pad // 2]
    return F.conv2d(F.pad(values, pads), kernel, stride=stride, groups=groups)


def _normalise(values: torch.Tensor, weights: Weights, name: str) -> torch.Tensor:
    mean, variance = weights[f"{name}.running_mean"], weights[f"{name}.running_var"]
    return F.batch_norm(values, mean, variance, weights[f"{name}.weight"], weights[f"{name}.bias"], eps=NORM_EPSILON)
