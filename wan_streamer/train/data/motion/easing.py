"""Shapes in time. None of them moves before it begins, so that nobody reacts to what has not happened yet."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from wan_streamer.unit import FRAMES_PER_SECOND

Curve = NDArray[np.float64]

FRAME_S: Final = 1 / FRAMES_PER_SECOND
# What is longer ago moves nothing any more.
REMEMBERED_LAGS: Final = 9.0


def smooth_step(progress: Curve) -> Curve:
    """0 below 0, 1 above 1, and between them without a corner."""
    level = np.clip(progress, 0, 1)
    return np.asarray(level * level * (3 - 2 * level), np.float64)


def hold(time_s: Curve, begin_s: float, end_s: float, *, rise_s: float, fall_s: float) -> Curve:
    """0 before `begin_s`, 1 from `begin_s + rise_s` to `end_s`, 0 again after `end_s + fall_s`."""
    rise = smooth_step((time_s - begin_s) / rise_s)
    return np.minimum(rise, 1 - smooth_step((time_s - end_s) / fall_s))


def pulse(time_s: Curve, begin_s: float, duration_s: float) -> Curve:
    """0 outside of `duration_s`, 1 in its middle."""
    progress = np.clip((time_s - begin_s) / duration_s, 0, 1)
    return np.asarray(np.sin(np.pi * progress) ** 2, np.float64)


def steps(time_s: Curve, begins_s: Curve, values: Curve) -> Curve:
    """`values[i]` from `begins_s[i]` on (rising); 0 before the first. Values may have more axes after the first."""
    padded = np.concatenate([np.zeros_like(values[:1]), values])
    return np.asarray(padded[np.searchsorted(begins_s, time_s, side="right")], np.float64)


def follow(target: Curve, lag_s: float) -> Curve:
    """The target (time first) as something with inertia follows it: late by about twice `lag_s`, never beyond it."""
    if target.ndim > 1:
        return np.stack([follow(column, lag_s) for column in target.T], axis=1)
    since_s = (np.arange(int(REMEMBERED_LAGS * lag_s / FRAME_S) + 2) + 0.5) * FRAME_S
    weights = since_s * np.exp(-since_s / lag_s)
    before = np.full(len(weights) - 1, target[0])
    return np.convolve(np.concatenate([before, target]), weights / weights.sum(), mode="valid")


def blur(track: Curve, width: float) -> Curve:
    """A track smoothed to both sides by a Gaussian whose standard deviation is `width` points; zeros around it."""
    reach = int(4 * width) + 1
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / width) ** 2)
    return np.convolve(np.pad(track, reach), weights / weights.sum(), mode="valid")
