"""The head: sway, posture, the nods of stress, and nods that mean yes."""

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from wan_streamer.train.data.motion.chance import draw_moments, unrest
from wan_streamer.train.data.motion.easing import Curve, follow, pulse, steps

# Pitch, yaw and roll of somebody who stands still, radians (1 to 1.5 degrees).
SWAY_RAD: Final = (0.014, 0.022, 0.014)
SWAY_PERIOD_S: Final = 4.3
# People move more while they speak.
SPEAKING_GAIN: Final = 1.6
# A new posture of the head every few seconds, and with a phrase.
POSTURE_RATE_HZ: Final = 1 / 6
POSTURE_GAP_S: Final = 2.5
POSTURE_RAD: Final = (0.012, 0.035, 0.035)
POSTURE_LAG_S: Final = 0.22
# A stressed syllable takes the head down some 3 degrees and back.
STRESS_RAD: Final = 0.08
STRESS_LAG_S: Final = 0.05
STRESS_MEAN_LAG_S: Final = 0.5
# A nod: down and up, and a smaller one after it.
NOD_RAD: Final = 0.15
NOD_S: Final = 0.44
ECHO_SHARE: Final = 0.55


def sway(time_s: Curve, speaking: Curve, random: np.random.Generator) -> Curve:
    """Pitch, yaw and roll of a head that is never quite still, [frames, 3]."""
    gain = 1 + (SPEAKING_GAIN - 1) * speaking
    waves = np.stack([unrest(time_s, random, period_s=SWAY_PERIOD_S) for _ in SWAY_RAD], axis=1)
    begins_s = np.array([0.0, *draw_moments(time_s, POSTURE_RATE_HZ, random, least_gap_s=POSTURE_GAP_S)])
    postures = random.normal(0, 1, (len(begins_s), 3)).clip(-1.6, 1.6) * POSTURE_RAD
    return waves * SWAY_RAD * gain[:, None] + follow(steps(time_s, begins_s, postures), POSTURE_LAG_S)


def stress_nods(level: Curve) -> Curve:
    """Pitch of a head that goes along with the loudness of its own speech, [frames]."""
    return STRESS_RAD * (follow(level, STRESS_LAG_S) - follow(level, STRESS_MEAN_LAG_S))


def nods(time_s: Curve, begins_s: Iterable[float], *, size_rad: float = NOD_RAD, echo: bool = True) -> Curve:
    """Pitch of nods, [frames]: largest some 0.2 s after each begin."""
    pitch = np.zeros(len(time_s))
    for begin_s in begins_s:
        pitch += size_rad * pulse(time_s, begin_s, NOD_S)
        if echo:
            pitch += ECHO_SHARE * size_rad * pulse(time_s, begin_s + NOD_S, 0.9 * NOD_S)
    return pitch


def apart(moments_s: Iterable[float], others_s: Sequence[float], gap_s: float) -> tuple[float, ...]:
    """The moments that are not within `gap_s` of the others."""
    return tuple(moment for moment in moments_s if all(abs(moment - other) >= gap_s for other in others_s))
