"""The curves whose rhythm is looked at: energy of sound every millisecond, change of pictures every frame."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from wan_streamer.eval.codec.unit_rhythm import Curve
from wan_streamer.unit import FRAMES_PER_UNIT

MS_A_S: Final = 1000


def energy_every_ms(samples: NDArray[np.float32], rate_hz: int) -> Curve:
    """Mean square of each millisecond of sound, [ms]."""
    steps = samples.astype(np.float64).reshape(-1, rate_hz // MS_A_S)
    return np.asarray(np.square(steps).mean(axis=1))


def frame_changes(film: NDArray[np.uint8]) -> Curve:
    """Mean absolute difference of each frame to the one before, [frames - 4], from the second unit on."""
    whole = film.astype(np.int16)
    changes = np.abs(whole[FRAMES_PER_UNIT:] - whole[FRAMES_PER_UNIT - 1 : -1])
    return np.asarray(changes.mean(axis=(1, 2, 3)), np.float64)
