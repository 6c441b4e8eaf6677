"""Coughs, sneezes and laughs take the whole head along."""

from typing import Final

import numpy as np

from wan_streamer.train.data.motion.curve_sheet import CurveSheet
from wan_streamer.train.data.motion.easing import Curve, hold, pulse

# One cough, and how far coughs of a fit are apart.
COUGH_S: Final = 0.4
COUGH_PERIOD_S: Final = 0.55
COUGH_RAD: Final = 0.16
LAUGH_HZ: Final = 4.7
# The blast is the last part of a sneeze; before it comes breath.
BLAST_S: Final = 0.42
SNEEZE_RAD: Final = 0.26


def add_cough(sheet: CurveSheet, time_s: Curve, begin_s: float, end_s: float) -> None:
    """Bursts: head and body jerk forward, the mouth opens, the eyes narrow."""
    bursts = np.zeros(len(time_s))
    count = max(1, round((end_s - begin_s + COUGH_PERIOD_S - COUGH_S) / COUGH_PERIOD_S))
    for burst_s in np.linspace(begin_s, max(begin_s, end_s - COUGH_S), count):
        bursts += pulse(time_s, float(burst_s), COUGH_S)
    sheet.add("head_pitch", COUGH_RAD * bursts)
    sheet.add("body_z", 0.02 * bursts)
    sheet.add("body_y", -0.006 * bursts)
    sheet.add("jawOpen", 0.32 * bursts)
    sheet.add("mouthFunnel", 0.25 * bursts)
    sheet.add_sides("browDown", 0.45 * bursts)
    sheet.add_sides("eyeSquint", 0.5 * bursts)
    sheet.raise_sides("eyeBlink", 0.7 * bursts)


def add_laugh(sheet: CurveSheet, time_s: Curve, begin_s: float, end_s: float) -> None:
    """The head goes back and shakes, the mouth is wide and open."""
    laughing = hold(time_s, begin_s, end_s, rise_s=0.2, fall_s=0.7)
    ha = laughing * (0.5 - 0.5 * np.cos(2 * np.pi * LAUGH_HZ * (time_s - begin_s)))
    ha *= hold(time_s, begin_s, end_s, rise_s=0.1, fall_s=0.15)
    sheet.add("head_pitch", -0.09 * laughing + 0.035 * ha)
    sheet.add("body_y", 0.004 * ha)
    sheet.add("jawOpen", 0.12 * laughing + 0.22 * ha)
    sheet.add_sides("mouthSmile", 0.75 * laughing)
    sheet.add_sides("cheekSquint", 0.6 * laughing)
    sheet.add_sides("eyeSquint", 0.5 * laughing)
    sheet.add_sides("mouthUpperUp", 0.15 * laughing)


def add_sneeze(sheet: CurveSheet, time_s: Curve, begin_s: float, end_s: float) -> None:
    """Air comes in, the head goes back; then it is thrown forward with closed eyes."""
    burst_s = max(begin_s, end_s - BLAST_S)
    before = hold(time_s, begin_s, burst_s, rise_s=max(0.12, 0.8 * (burst_s - begin_s)), fall_s=0.12)
    burst = pulse(time_s, burst_s, 0.6)
    sheet.add("head_pitch", -0.1 * before + SNEEZE_RAD * burst)
    sheet.add("body_z", 0.04 * burst)
    sheet.add("body_y", -0.012 * burst)
    sheet.add("jawOpen", 0.25 * before + 0.2 * burst)
    sheet.add("browInnerUp", 0.5 * before)
    sheet.add_sides("browDown", 0.5 * burst)
    sheet.raise_sides("eyeBlink", np.clip(0.6 * before + 1.6 * burst, 0, 1))
