"""From phones to lips: a table gives mouth shapes, smoothing gives the way from one to the next."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.motion.easing import Curve, blur
from wan_streamer.train.data.motion.mouth_shapes import CLOSURES, PARTED, PHONE_SHAPES, REST, SHAPES
from wan_streamer.train.data.spoken_clip import Phone
from wan_streamer.unit import FRAME_US

POINT_US: Final = 5000
# Smoothing flattens the peaks, and a person at a counter speaks clearly.
ARTICULATION: Final = 1.25
# Rounding of the lips begins early and ends late; the jaw follows closely.
JAW_SMOOTHING_US: Final = 30_000
LIP_SMOOTHING_US: Final = 45_000
CLOSURE_SMOOTHING_US: Final = 22_000
CLOSURE_GAIN: Final = 1.4
# A camera of 25 frames a second must see each closure once, wherever its frame falls.
LEAST_CLOSURE_US: Final = 90_000
# In a shorter silence nobody shuts the mouth.
LEAST_REST_US: Final = 150_000

_ACTIONS: Final = tuple(sorted({action for shape in SHAPES.values() for action in shape}))


def mouth_curves(
    phones: Sequence[Phone], frame_count: int, *, articulation: Curve | float = ARTICULATION
) -> dict[str, Curve]:
    """Weight of every mouth action in each frame, taken at the middle of the frame.

    Args:
        phones: on the clock of the frames; where there is none, the mouth rests.
        articulation: how far the mouth opens, always or for each frame; closures are reached all the same.

    Raises:
        InvalidInput: a phone that is not ARPAbet.
    """
    point_count = frame_count * FRAME_US // POINT_US
    targets = np.zeros((len(_ACTIONS), point_count))
    closures = {name: np.zeros(point_count) for name in CLOSURES}
    for shape_name, begin_us, end_us in _shapes_of(phones):
        targets[:, _points(begin_us, end_us)] = _weights(shape_name)[:, None]
        if shape_name in closures:
            missing_us = max(0, LEAST_CLOSURE_US - (end_us - begin_us)) // 2
            closures[shape_name][_points(begin_us - missing_us, end_us + missing_us)] = 1
    curves = _smooth(targets)[:, FRAME_US // POINT_US // 2 :: FRAME_US // POINT_US] * articulation
    for name, track in closures.items():
        closed = blur(track, CLOSURE_SMOOTHING_US / POINT_US) * CLOSURE_GAIN
        closed_F = np.clip(closed[FRAME_US // POINT_US // 2 :: FRAME_US // POINT_US], 0, 1)
        curves = curves * (1 - closed_F) + _weights(name)[:, None] * closed_F
    return dict(zip(_ACTIONS, curves, strict=True))


def _shapes_of(phones: Sequence[Phone]) -> Iterator[tuple[str, int, int]]:
    """(shape, begin, end) for every shape that is passed through."""
    for phone in phones:
        shapes = PHONE_SHAPES.get(phone.name)
        if shapes is None:
            raise InvalidInput(
                f"got the phone {phone.name!r}, expected ARPAbet without stress or SIL; translate it", reason="PHONE"
            )
        if shapes == (REST,) and phone.end_us - phone.begin_us < LEAST_REST_US:
            shapes = (PARTED,)
        length_us = (phone.end_us - phone.begin_us) // len(shapes)
        for index, shape in enumerate(shapes):
            begin_us = phone.begin_us + index * length_us
            yield shape, begin_us, begin_us + length_us


def _points(begin_us: int, end_us: int) -> slice:
    return slice(max(0, round(begin_us / POINT_US)), max(0, round(end_us / POINT_US)))


def _weights(shape_name: str) -> NDArray[np.float64]:
    return np.array([SHAPES[shape_name].get(action, 0.0) for action in _ACTIONS])


def _smooth(targets: NDArray[np.float64]) -> NDArray[np.float64]:
    widths_us = [JAW_SMOOTHING_US if action == "jawOpen" else LIP_SMOOTHING_US for action in _ACTIONS]
    return np.stack([blur(track, width_us / POINT_US) for track, width_us in zip(targets, widths_us, strict=True)])
