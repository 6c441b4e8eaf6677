"""The learning rate over the steps."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class OptimizerConfig:
    """AdamW, and Muon where `muon` says so, with a linear warm-up and a cosine to `final_ratio` of the rates.

    Attributes:
        muon: beginnings of the names of parameters whose matrices are Muon's.
        slow: beginnings of the names of AdamW's parameters that learn at `slow_ratio` of its rate: what was learned
            before. AdamW moves what is rarely used as far as all else, whatever its gradient.
        gradient_norm: gradients are scaled down to this norm where they are longer.
    """

    learning_rate: float = 1e-3
    betas: tuple[float, float] = (0.8, 0.99)
    weight_decay: float = 0.01
    warmup_steps: int = 100
    final_ratio: float = 0.05
    gradient_norm: float = 10.0
    muon: tuple[str, ...] = ()
    muon_rate: float = 0.02
    slow: tuple[str, ...] = ()
    slow_ratio: float = 0.1


def rate_factor(step: int, first_step: int, last_step: int, config: OptimizerConfig) -> float:
    """What the learning rate is multiplied with at `step`, warming up from `first_step`, ending at `last_step`."""
    since = step - first_step
    if since < config.warmup_steps:
        return (since + 1) / config.warmup_steps
    span = max(1, last_step - first_step - config.warmup_steps)
    progress = min(1.0, (since - config.warmup_steps) / span)
    return config.final_ratio + (1 - config.final_ratio) * 0.5 * (1 + math.cos(math.pi * progress))
