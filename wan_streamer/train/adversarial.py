"""Adversarial losses: hinge (arXiv 1705.02894) and feature matching (arXiv 1512.09300, as in MelGAN)."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

# Silence has next to no features; relative to these its distance stays finite.
SMALLEST_FEATURE = 1e-4


@dataclass(frozen=True, kw_only=True)
class AdversarialConfig:
    """The adversarial phase."""

    # From this step on; at or after the last step there is none.
    start_step: int
    weight: float = 1.0
    feature_weight: float = 2.0
    learning_rate: float = 3e-4


@dataclass(frozen=True)
class Judgement:
    """What one discriminator says: scores (large is real) and the features on the way."""

    score: Tensor
    features: tuple[Tensor, ...]


def discriminator_loss(real: Sequence[Judgement], made: Sequence[Judgement]) -> Tensor:
    """Hinge loss of the discriminators, the mean over them."""
    losses = [
        F.relu(1 - a.score.float()).mean() + F.relu(1 + b.score.float()).mean() for a, b in zip(real, made, strict=True)
    ]
    return torch.stack(losses).mean()


def generator_loss(made: Sequence[Judgement]) -> Tensor:
    """What the generator wants of the scores, the mean over discriminators."""
    return torch.stack([-judgement.score.float().mean() for judgement in made]).mean()


def feature_matching_loss(real: Sequence[Judgement], made: Sequence[Judgement]) -> Tensor:
    """L1 between the features of real and made as a part of the real one's size (as in EnCodec, arXiv 2210.13438).

    The mean over items, layers and discriminators; each item is measured by its own size.
    """
    distances = [
        _relative_distance(a.detach().float().flatten(1), b.float().flatten(1))
        for one, other in zip(real, made, strict=True)
        for a, b in zip(one.features, other.features, strict=True)
    ]
    return torch.stack(distances).mean()


def _relative_distance(real: Tensor, made: Tensor) -> Tensor:
    return ((real - made).abs().mean(dim=1) / (real.abs().mean(dim=1) + SMALLEST_FEATURE)).mean()
