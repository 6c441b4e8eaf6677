"""Eyes jump to what is looked at, the head follows slowly and only part of the way, and the eyes stay on the target."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from wan_streamer.train.data.motion.chance import draw_moments
from wan_streamer.train.data.motion.curve_sheet import CurveSheet
from wan_streamer.train.data.motion.easing import FRAME_S, Curve, follow, steps

# A small jump of the eyes is over in a frame, large ones move at 400 to 500 degrees a second; a turn of the head takes
# some 300 ms.
FASTEST_EYE_RAD_S: Final = 8.0
HEAD_LAG_S: Final = 0.13
# Eyes hold their target against the head's movement (vestibulo-ocular reflex), nearly.
REFLEX_GAIN: Final = 0.95
# Eyes go no further in the head.
YAW_LIMIT_RAD: Final = 0.6
PITCH_LIMIT_RAD: Final = 0.4
# Between the other's eyes and mouth, 0.5 to 1 degree, once or twice a second.
SACCADE_RATE_HZ: Final = 1.1
SACCADE_RAD: Final = 0.011
SACCADE_GAP_S: Final = 0.25


@dataclass(frozen=True, kw_only=True)
class Aside:
    """A look away from the present target, radians: to the viewer's right and up."""

    begin_s: float
    end_s: float
    yaw_rad: float
    pitch_rad: float


def look_aside(target_F2: Curve, time_s: Curve, asides: tuple[Aside, ...]) -> Curve:
    """The target with looks away in it, [frames, 2]."""
    looked = target_F2.copy()
    for aside in asides:
        within = (time_s >= aside.begin_s) & (time_s < aside.end_s)
        looked[within] = target_F2[within] + [aside.yaw_rad, aside.pitch_rad]
    return looked


def draw_asides(
    time_s: Curve, rate_hz: Curve | float, random: np.random.Generator, *, reach_rad: float, longest_s: float
) -> tuple[Aside, ...]:
    """Short looks away, to either side and a little up or down."""
    return tuple(
        Aside(
            begin_s=begin_s,
            end_s=begin_s + random.uniform(0.35, longest_s),
            yaw_rad=random.choice([-1, 1]) * random.uniform(0.4, 1.0) * reach_rad,
            pitch_rad=random.uniform(-0.7, 0.4) * reach_rad,
        )
        for begin_s in draw_moments(time_s, rate_hz, random, least_gap_s=longest_s)
    )


def add_head_and_eyes(
    sheet: CurveSheet,
    time_s: Curve,
    pose_F3: Curve,
    target_F2: Curve,
    head_share: float,
    random: np.random.Generator,
) -> None:
    """Adds the head's pose and turn and the eyes' rest of the way.

    Args:
        pose_F3: pitch (down is positive), yaw and roll of the head without the turn to what it looks at.
        target_F2: yaw and pitch (up is positive) of what is looked at.
        head_share: how much of the way the head goes.
    """
    turned_F2 = head_share * follow(target_F2, HEAD_LAG_S)
    sheet.add("head_pitch", pose_F3[:, 0] - turned_F2[:, 1])
    sheet.add("head_yaw", pose_F3[:, 1] + turned_F2[:, 0])
    sheet.add("head_roll", pose_F3[:, 2])
    gaze_yaw, gaze_pitch = _eyes_on(target_F2, sheet["head_yaw"], sheet["head_pitch"], time_s, random)
    sheet.add("gaze_yaw", gaze_yaw)
    sheet.add("gaze_pitch", gaze_pitch)


def _eyes_on(
    target_F2: Curve, head_yaw: Curve, head_pitch: Curve, time_s: Curve, random: np.random.Generator
) -> tuple[Curve, Curve]:
    """Yaw and pitch (up is positive) of the eyes relative to a head whose pitch is positive downwards."""
    jumps_s = np.array(draw_moments(time_s, SACCADE_RATE_HZ, random, least_gap_s=SACCADE_GAP_S))
    small = random.normal(0, SACCADE_RAD, (len(jumps_s), 2))
    looked = _jump(target_F2 + (steps(time_s, jumps_s, small) if len(jumps_s) else 0))
    yaw = looked[:, 0] - REFLEX_GAIN * head_yaw
    pitch = looked[:, 1] + REFLEX_GAIN * head_pitch
    return np.clip(yaw, -YAW_LIMIT_RAD, YAW_LIMIT_RAD), np.clip(pitch, -PITCH_LIMIT_RAD, PITCH_LIMIT_RAD)


def _jump(target_F2: Curve) -> Curve:
    """The target as fast as eyes can."""
    reach_rad = FASTEST_EYE_RAD_S * FRAME_S
    looked = target_F2.copy()
    late = np.flatnonzero(np.abs(np.diff(target_F2, axis=0)).max(axis=1) > reach_rad) + 1
    for first in late:
        for frame in range(first, len(looked)):
            step = target_F2[frame] - looked[frame - 1]
            looked[frame] = looked[frame - 1] + np.clip(step, -reach_rad, reach_rad)
            if np.abs(step).max() <= reach_rad:
                break
    return looked
