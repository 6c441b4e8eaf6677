"""Letterbox geometry."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wan_streamer.media.letterbox import fitted_size, letterbox


@given(st.integers(1, 1920), st.integers(1, 1080), st.integers(1, 700), st.integers(1, 400))
def test_the_fitted_picture_fills_one_side_and_keeps_its_aspect(w: int, h: int, box_w: int, box_h: int) -> None:
    """One side fills the box, none is outside of it, and the aspect is right to half a pixel."""
    fitted_w, fitted_h = fitted_size(w, h, box_w, box_h)
    assert 1 <= fitted_w <= box_w
    assert 1 <= fitted_h <= box_h
    assert fitted_w == box_w or fitted_h == box_h
    scale = min(box_w / w, box_h / h)
    assert abs(fitted_w - max(1, w * scale)) <= 0.5 + 1e-9
    assert abs(fitted_h - max(1, h * scale)) <= 0.5 + 1e-9


@pytest.mark.parametrize(
    ("size", "rows", "columns"),
    [
        ((100, 100), slice(0, 128), slice(48, 176)),
        ((224, 64), slice(32, 96), slice(0, 224)),
        ((1280, 720), slice(1, 127), slice(0, 224)),
        ((720, 1280), slice(0, 128), slice(76, 148)),
    ],
)
def test_bars_are_black_and_even(size: tuple[int, int], rows: slice, columns: slice) -> None:
    """A white frame is white where it lies, centred, and black elsewhere."""
    boxed = letterbox(np.full((size[1], size[0], 3), 255, np.uint8), 224, 128)
    truth = np.zeros((128, 224, 3), np.uint8)
    truth[rows, columns] = 255
    np.testing.assert_array_equal(boxed, truth)


def test_a_frame_of_the_right_size_is_untouched() -> None:
    """Nothing is resampled when nothing has to be."""
    frame = np.random.default_rng(0).integers(0, 256, (128, 224, 3), np.uint8)
    np.testing.assert_array_equal(letterbox(frame, 224, 128), frame)


@pytest.mark.parametrize(
    "frame", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32), np.zeros((0, 4, 3), np.uint8)]
)
def test_other_arrays_are_refused(frame: np.ndarray) -> None:
    """Another shape or type is a ValueError that says what is expected."""
    with pytest.raises(ValueError, match="expected uint8"):
        letterbox(frame, 224, 128)
