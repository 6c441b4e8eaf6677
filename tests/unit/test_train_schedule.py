"""Learning rate and averaged weights against plain formulas."""

import math

import pytest
import torch
from torch import nn

from wan_streamer.train.ema import Ema
from wan_streamer.train.schedule import OptimizerConfig, rate_factor


def test_rate_warms_up_and_falls_as_a_cosine() -> None:
    """Linear to 1 over the warm-up, half-way down in the middle, `final_ratio` at the end and after it."""
    config = OptimizerConfig(warmup_steps=10, final_ratio=0.1)
    assert [rate_factor(step, 0, 110, config) for step in (0, 4, 9, 10)] == pytest.approx([0.1, 0.5, 1.0, 1.0])
    assert rate_factor(60, 0, 110, config) == pytest.approx(0.1 + 0.9 * (1 + math.cos(math.pi / 2)) / 2)
    assert [rate_factor(step, 0, 110, config) for step in (110, 500)] == pytest.approx([0.1, 0.1])
    assert rate_factor(50, 50, 160, config) == rate_factor(0, 0, 110, config)


def test_average_is_that_of_a_loop() -> None:
    """The average equals the recursion written for one number, quick at first, and leaves the module alone."""
    module = nn.Linear(1, 1, bias=False)
    nn.init.constant_(module.weight, 2.0)
    ema, expected = Ema(module, 0.9), 2.0
    for step in range(200):
        nn.init.constant_(module.weight, math.sin(step))
        ema.update(module, step)
        decay = min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * math.sin(step)
    assert float(ema.module.weight) == pytest.approx(expected, abs=1e-5)
    assert float(module.weight.detach()) == pytest.approx(math.sin(199))
    assert not ema.module.weight.requires_grad
    assert torch.is_grad_enabled()
