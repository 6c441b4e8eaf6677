"""Hands: waving, and holding something up."""

from typing import Final

import numpy as np

from wan_streamer.train.data.motion.easing import Curve, smooth_step

# An arm is up, or down again, after so long.
RAISE_S: Final = 0.32
WAVE_HZ: Final = 2.2


def raised(time_s: Curve, begin_s: float, end_s: float) -> Curve:
    """0 outside, 1 once the arm is up, [frames]: up after the begin, down before the end."""
    raise_s = min(RAISE_S, (end_s - begin_s) / 2.5)
    return np.minimum(smooth_step((time_s - begin_s) / raise_s), smooth_step((end_s - time_s) / raise_s))


def waving(time_s: Curve, begin_s: float, end_s: float) -> Curve:
    """Sway of a waving hand, -1 to 1, [frames]."""
    return raised(time_s, begin_s, end_s) * np.sin(2 * np.pi * WAVE_HZ * (time_s - begin_s))
