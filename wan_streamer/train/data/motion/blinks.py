"""When people blink, and how lids move."""

from collections.abc import Iterable
from typing import Final

import numpy as np

from wan_streamer.train.data.motion.chance import draw_moments
from wan_streamer.train.data.motion.easing import Curve, smooth_step

# Bentivoglio et al. 1997 (Movement Disorders 12:1028): 17 blinks a minute at rest.
BLINKS_PER_MINUTE: Final = 17.0
# One blink, and the 300 ms in which nobody begins another.
LEAST_GAP_S: Final = 0.6
CLOSING_S: Final = 0.09
# A frame of 40 ms must fall into the closed eye.
CLOSED_S: Final = 0.05
OPENING_S: Final = 0.17
# Blinks gather where a phrase ends and where the gaze jumps.
AFTER_PHRASE_S: Final = 0.35
PHRASE_END_WEIGHT: Final = 6.0
JUMP_WEIGHT: Final = 4.0
JUMP_RAD: Final = 0.1
# Open eyes still cover a little of the iris.
RESTING_LID: Final = 0.06
# Lids go with eyes that look down or up; beyond this angle they are where they can be.
FULL_LID_RAD: Final = 0.35
LOOK_DOWN_WEIGHT: Final = 0.6
LOOK_UP_WEIGHT: Final = 0.5


def draw_blinks(
    time_s: Curve,
    target_F2: Curve,
    phrase_ends_s: Iterable[float],
    random: np.random.Generator,
    *,
    per_minute: float = BLINKS_PER_MINUTE,
) -> tuple[float, ...]:
    """When blinks begin, in seconds.

    Args:
        target_F2: where the person looks, [frames, 2] in radians.
        phrase_ends_s: when speech of this person or to them comes to a rest.
    """
    weight = np.ones(len(time_s))
    for end_s in phrase_ends_s:
        weight[(time_s >= end_s) & (time_s < end_s + AFTER_PHRASE_S)] = PHRASE_END_WEIGHT
    jumps = np.abs(np.diff(target_F2, axis=0, prepend=target_F2[:1])).max(axis=1) > JUMP_RAD
    weight[jumps] += JUMP_WEIGHT
    rate_hz = per_minute / 60 * weight / weight.mean()
    return draw_moments(time_s, rate_hz, random, least_gap_s=LEAST_GAP_S)


def lids(time_s: Curve, blinks_s: Iterable[float], gaze_pitch: Curve) -> dict[str, Curve]:
    """`eyeBlink`, `eyeLookDown` and `eyeLookUp` (both sides alike), [frames].

    Args:
        gaze_pitch: of the eyes relative to the head, up is positive.
    """
    blink = np.zeros(len(time_s))
    for begin_s in blinks_s:
        since_s = time_s - begin_s
        opening = smooth_step((since_s - CLOSING_S - CLOSED_S) / OPENING_S)
        blink = np.maximum(blink, smooth_step(since_s / CLOSING_S) - opening)
    return {
        "eyeBlink": RESTING_LID + (1 - RESTING_LID) * blink,
        "eyeLookDown": LOOK_DOWN_WEIGHT * np.clip(-gaze_pitch / FULL_LID_RAD, 0, 1) * (1 - blink),
        "eyeLookUp": LOOK_UP_WEIGHT * np.clip(gaze_pitch / FULL_LID_RAD, 0, 1) * (1 - blink),
    }
