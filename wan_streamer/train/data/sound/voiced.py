"""Sounds of a throat without words, by the source-filter model: pulses and breath through the resonances of a mouth."""

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, lfilter, sosfilt

from wan_streamer.train.data.conversation import USER_RATE_HZ

Signal = NDArray[np.float64]
_MOST_HZ: Final = USER_RATE_HZ * 0.47


def seconds(duration_s: float) -> int:
    """How many samples."""
    return max(1, round(duration_s * USER_RATE_HZ))


def resonate(source: Signal, formants_hz: Iterable[float], bandwidths_hz: Iterable[float]) -> Signal:
    """Through the resonances one after the other, each with a gain of 1 at 0 Hz as in Klatt's synthesiser (1980)."""
    sound = source
    for formant_hz, bandwidth_hz in zip(formants_hz, bandwidths_hz, strict=True):
        radius = np.exp(-np.pi * bandwidth_hz / USER_RATE_HZ)
        turn = 2 * np.pi * min(formant_hz, _MOST_HZ) / USER_RATE_HZ
        feedback = [1.0, -2 * radius * np.cos(turn), radius**2]
        sound = lfilter([sum(feedback)], feedback, sound)
    return np.asarray(sound)


def band(source: Signal, low_hz: float, high_hz: float) -> Signal:
    """Only what lies between two frequencies."""
    return np.asarray(
        sosfilt(butter(2, (low_hz, min(high_hz, _MOST_HZ)), "bandpass", fs=USER_RATE_HZ, output="sos"), source)
    )


def pulses(pitch_hz: Signal, rng: np.random.Generator) -> Signal:
    """Vocal folds: a pulse a period, each a little too early or late, with the spectrum of a glottis."""
    wobble = 1 + 0.012 * lfilter([0.02], [1, -0.98], rng.standard_normal(len(pitch_hz))) / 0.1
    phase = np.cumsum(pitch_hz * wobble) / USER_RATE_HZ
    clicks = np.diff(np.floor(phase), prepend=0.0)
    return np.asarray(lfilter([1.0], [1, -1.85, 0.8575], clicks)) - 0.02 * rng.random()


def envelope(sample_count: int, points: Sequence[tuple[float, float]]) -> Signal:
    """Straight lines through (place from 0 to 1, height)."""
    places, heights = zip(*points, strict=True)
    return np.interp(np.linspace(0, 1, sample_count), places, heights)


def join(parts: Sequence[Signal]) -> Signal:
    """One after the other."""
    return np.concatenate(parts)


def power_one(sound: Signal) -> Signal:
    """With a root mean square of 1; silence stays."""
    level = np.sqrt(np.mean(np.square(sound)))
    return sound / level if level else sound
