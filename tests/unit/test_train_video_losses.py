"""Video losses against loops in plain numpy."""

import numpy as np
import pytest
import torch

from wan_streamer.train.video_losses import (
    SMALLEST_CHANGE,
    VideoLossConfig,
    VideoReconstructionLoss,
    gradient_distance,
    motion_error,
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


def test_motion_error_is_that_of_a_loop() -> None:
    """Frame after frame of an item, over the borders of units too, as a share of what moves in it."""
    one, other = noise(2), noise(3)
    films = [x.numpy().reshape(2, 8, 3, 16, 8) for x in (one, other)]
    shares = []
    for item in range(2):
        steps = [[film[item, t + 1] - film[item, t] for t in range(7)] for film in films]
        error = np.mean([np.square(a - b).mean() for a, b in zip(*steps, strict=True)])
        shares.append(error / (np.mean([np.square(b).mean() for b in steps[1]]) + SMALLEST_CHANGE**2))
    assert float(motion_error(one, other)) == pytest.approx(np.mean(shares), rel=1e-12)


def test_a_still_picture_has_a_motion_error_of_one() -> None:
    """However little moves: a codec that shows the mean of a unit is wrong by all of it."""
    moving = noise(5)
    still = moving.flatten(1, 2).mean(dim=1, keepdim=True).expand(-1, 8, -1, -1, -1).unflatten(1, (2, 4))
    assert float(motion_error(still, moving)) == pytest.approx(1.0, abs=1e-3)
    assert float(motion_error(still, still)) == 0.0


def test_a_constant_offset_has_no_edges_and_no_motion() -> None:
    """A picture that is brighter everywhere costs pixels only."""
    one = noise(4)
    parts = VideoReconstructionLoss(VideoLossConfig())(one + 0.25, one)
    assert float(parts["pixel"]) == pytest.approx(0.25)
    assert float(parts["gradient"]) == pytest.approx(0.0, abs=1e-12)
    assert float(parts["motion"]) == pytest.approx(0.0, abs=1e-12)
