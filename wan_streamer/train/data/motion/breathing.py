"""Breath: calm waves, and a quick one in before each phrase that is let out while speaking."""

from collections.abc import Iterable
from typing import Final

import numpy as np

from wan_streamer.train.data.motion.easing import Curve
from wan_streamer.train.data.motion.scene import US_PER_S
from wan_streamer.train.data.timeline import Span

# 15 breaths a minute at rest; a third of it is breathing in.
CALM_BREATH_S: Final = 4.0
BREATHING_IN_SHARE: Final = 0.4
CALM_LIFT_M: Final = 0.0025
# Before speech, air comes in fast and deep.
SPEECH_BREATH_IN_S: Final = 0.4
SPEECH_LIFT_M: Final = 0.004
# Phrases closer to each other than this share one breath.
LEAST_BREATH_GAP_S: Final = 2.2
LONGEST_BREATH_OUT_S: Final = 5.0


def breath(time_s: Curve, phrases: Iterable[Span], random: np.random.Generator) -> Curve:
    """Lift of the chest in metres, [frames]."""
    knots: list[tuple[float, float]] = [(-random.uniform(0, CALM_BREATH_S), 0.0)]
    for phrase in phrases:
        begin_s, end_s = phrase.begin_us / US_PER_S, phrase.end_us / US_PER_S
        if begin_s - knots[-1][0] < min(LEAST_BREATH_GAP_S, 2 * SPEECH_BREATH_IN_S):
            continue
        _breathe_calmly(knots, begin_s - SPEECH_BREATH_IN_S, random)
        out_s = max(min(end_s + 0.3, begin_s + LONGEST_BREATH_OUT_S), begin_s + 1)
        knots += [(begin_s, SPEECH_LIFT_M * random.uniform(0.8, 1.1)), (out_s, 0.0)]
    _breathe_calmly(knots, time_s[-1] + CALM_BREATH_S, random)
    times, lifts = np.array(knots).T
    return _between(time_s, times, lifts)


def _breathe_calmly(knots: list[tuple[float, float]], until_s: float, random: np.random.Generator) -> None:
    """Whole calm breaths, stretched a little so that the last one ends in time."""
    begin_s, lift = knots[-1]
    gap_s = until_s - begin_s
    count = round(gap_s / CALM_BREATH_S)
    if gap_s > 0.2 and count == 0:
        knots.append((until_s, lift))
    lengths = random.uniform(0.85, 1.15, count)
    for length_s in lengths / max(lengths.sum(), 1e-9) * gap_s:
        top_s = begin_s + BREATHING_IN_SHARE * length_s
        begin_s += length_s
        knots += [(top_s, CALM_LIFT_M * random.uniform(0.7, 1.2)), (begin_s, 0.0)]


def _between(time_s: Curve, times_s: Curve, values: Curve) -> Curve:
    """Half a cosine from each knot to the next."""
    after = np.clip(np.searchsorted(times_s, time_s, side="right"), 1, len(times_s) - 1)
    length_s = np.maximum(times_s[after] - times_s[after - 1], 1e-6)
    share = np.clip((time_s - times_s[after - 1]) / length_s, 0, 1)
    weight = (1 - np.cos(np.pi * share)) / 2
    return np.asarray(values[after - 1] * (1 - weight) + values[after] * weight, np.float64)
