"""Video losses against loops in plain numpy."""

import numpy as np
import pytest
import torch

from wan_streamer.train.video_losses import (
    SMALLEST_CHANGE,
    SMALLEST_MOTION,
    VideoLossConfig,
    VideoReconstructionLoss,
    change_distance,
    gradient_distance,
    motion_error,
    rhythm_distance,
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
    """How frames differ from the mean of their unit, at half the size, as a share of what moves in the item."""
    one, other = noise(2), noise(3)
    shares = []
    for item in range(2):
        errors, there = [], []
        for unit in range(2):
            films = [x[item, unit].numpy().reshape(4, 3, 8, 2, 4, 2).mean(axis=(3, 5)) for x in (one, other)]
            a, b = (film - film.mean(axis=0) for film in films)
            errors.append(np.square(a - b).mean())
            there.append(np.square(b).mean())
        shares.append(np.mean(errors) / (np.mean(there) + SMALLEST_CHANGE**2))
    assert float(motion_error(one, other)) == pytest.approx(np.mean(shares), rel=1e-12)


def test_a_still_picture_has_a_motion_error_of_one() -> None:
    """However little moves: a codec that shows the mean of a unit is wrong by all of it."""
    moving = noise(5)
    still = moving.mean(dim=2, keepdim=True).expand_as(moving)
    assert float(motion_error(still, moving)) == pytest.approx(1.0, abs=2e-3)
    assert float(motion_error(still, still)) == 0.0


def test_changes_count_alike_within_units_and_between_them() -> None:
    """The mean of |change - change| over the frames of two units one after the other."""
    one, other = noise(6), noise(7)
    changes = [np.diff(x.numpy().reshape(2, 8, 3, 16, 8), axis=1) for x in (one, other)]
    assert float(change_distance(one, other)) == pytest.approx(np.abs(changes[0] - changes[1]).mean(), rel=1e-12)


def test_a_constant_offset_has_no_edges_and_no_motion() -> None:
    """A picture that is brighter everywhere costs pixels only."""
    one = noise(4)
    parts = VideoReconstructionLoss(VideoLossConfig())(one + 0.25, one)
    assert float(parts["pixel"]) == pytest.approx(0.25)
    assert float(parts["gradient"]) == pytest.approx(0.0, abs=1e-12)
    assert float(parts["motion"]) == pytest.approx(0.0, abs=1e-12)


def test_rhythm_is_that_of_a_loop() -> None:
    """Of each film the mean change at each place of a unit over that of all; films' mean, against the originals'."""
    one, other = noise(8), noise(9)
    differences = []
    for item in range(2):
        shares = []
        for film in (one[item].flatten(0, 1).numpy(), other[item].flatten(0, 1).numpy()):
            at: dict[int, list[float]] = {place: [] for place in range(4)}
            for frame in range(1, 8):
                at[frame % 4].append(np.abs(film[frame] - film[frame - 1]).mean())
            means = np.asarray([np.mean(at[place]) for place in range(4)]) + SMALLEST_MOTION
            shares.append(means / means.mean())
        differences.append(shares[0] - shares[1])
    assert float(rhythm_distance(one, other)) == pytest.approx(np.abs(np.mean(differences, axis=0)).mean(), rel=1e-9)
    assert float(rhythm_distance(one[:, :1], other[:, :1])) == 0.0
