"""Video losses against loops in plain numpy."""

import numpy as np
import pytest
import torch

from wan_streamer.train.video_losses import (
    VideoLossConfig,
    VideoReconstructionLoss,
    gradient_distance,
    motion_distance,
)

SHAPE = (2, 2, 4, 3, 16, 8)


def noise(seed: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).uniform(-1, 1, SHAPE))


def test_gradient_distance_is_that_of_a_loop() -> None:
    """Differences of neighbours at two sizes, with halving written as a mean over 2x2 blocks."""
    one, other = noise(0).flatten(0, 2), noise(1).flatten(0, 2)
    expected = []
    a, b = one.numpy(), other.numpy()
    for _ in range(2):
        rows = np.abs((a[..., 1:, :] - a[..., :-1, :]) - (b[..., 1:, :] - b[..., :-1, :])).mean()
        columns = np.abs((a[..., 1:] - a[..., :-1]) - (b[..., 1:] - b[..., :-1])).mean()
        expected.append(rows + columns)
        a, b = (x.reshape(*x.shape[:-2], x.shape[-2] // 2, 2, x.shape[-1] // 2, 2).mean(axis=(-3, -1)) for x in (a, b))
    assert float(gradient_distance(one, other, 2)) == pytest.approx(np.mean(expected), rel=1e-12)


def test_motion_distance_is_that_of_a_loop() -> None:
    """Frame after frame of an item, over the borders of units too."""
    one, other = noise(2), noise(3)
    films = [x.numpy().reshape(2, 8, 3, 16, 8) for x in (one, other)]
    steps = [np.abs((films[0][i, t + 1] - films[0][i, t]) - (films[1][i, t + 1] - films[1][i, t])).mean()
             for i in range(2) for t in range(7)]  # fmt: skip
    assert float(motion_distance(one, other)) == pytest.approx(np.mean(steps), rel=1e-12)


def test_a_constant_offset_has_no_edges_and_no_motion() -> None:
    """A picture that is brighter everywhere costs pixels only."""
    one = noise(4)
    parts = VideoReconstructionLoss(VideoLossConfig())(one + 0.25, one)
    assert float(parts["pixel"]) == pytest.approx(0.25)
    assert float(parts["gradient"]) == pytest.approx(0.0, abs=1e-12)
    assert float(parts["motion"]) == pytest.approx(0.0, abs=1e-12)
