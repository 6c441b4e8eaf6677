import numpy as np
import pytest
from numpy.typing import NDArray

from wan_streamer.eval.codec.mouths import OUTER_LIPS, follow_lips, mouth_pairs

FRAMES = 100


def jaw() -> NDArray[np.float64]:
    """Opens and shuts about four times a second."""
    steps = np.random.default_rng(0).random(FRAMES // 6 + 3)
    return np.interp(np.arange(FRAMES), np.arange(len(steps)) * 6, steps)


def face(gap: NDArray[np.float64]) -> NDArray[np.float32]:
    """Landmarks of a face whose inner lips are `gap` apart, mouth from (40, 60) to (60, 70)."""
    points = np.random.default_rng(1).random((1, 478, 3)).repeat(len(gap), 0) * 100
    for upper, lower in ((13, 14), (82, 87), (312, 317)):
        points[:, upper] = (50, 60, 0)
        points[:, lower] = (50, 60, 0)
        points[:, lower, 1] += gap
    for lip, place in zip(OUTER_LIPS, ((40, 65), (60, 65), (50, 60), (50, 70)), strict=True):
        points[:, lip, :2] = place
    return points.astype(np.float32)


@pytest.mark.parametrize("early_frames", [0, 2, -3])
def test_lips_are_early_by_what_they_were_shifted(early_frames: int) -> None:
    """Lips shifted by whole frames are found there, within a quarter of a frame."""
    command = jaw()
    lips = follow_lips([face(np.roll(command, -early_frames) + 0.1)] * 2, [command] * 2)
    assert lips.offset_ms == pytest.approx(40 * early_frames, abs=10)
    assert lips.in_sync == (1.0 if early_frames == 0 else 0.0)
    assert lips.seen == 1.0


def test_correlation_is_that_of_the_frames_with_a_face() -> None:
    """Lips that do as they are told correlate with 1, frames without a face left out."""
    points = face(jaw() + 0.1)
    points[::5] = np.nan
    lips = follow_lips([points], [jaw()])
    assert lips.correlation == pytest.approx(1.0, abs=1e-6)
    assert lips.seen == pytest.approx(0.8)


def test_mouths_are_cut_out_with_a_margin_where_a_face_is_seen() -> None:
    """The box is the outer lips and a quarter of their width to each side; a frame without a face has none."""
    films = [np.arange(3 * 100 * 100 * 3, dtype=np.uint32).astype(np.uint8).reshape(3, 100, 100, 3)]
    points = face(np.zeros(3))
    points[1] = np.nan
    pairs = list(mouth_pairs(films, films, [points]))
    assert [first.shape for first, _ in pairs] == [(20, 30, 3)] * 2
    np.testing.assert_array_equal(pairs[0][0], films[0][0, 55:75, 35:65])
