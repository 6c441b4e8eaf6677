"""Where in a sound somebody speaks, by its energy alone."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wan_streamer.train.data.voices.engine import Sound

STEP_US: Final = 5_000
# Below the loud part of the sentence: the weakest fricatives are 35 to 40 dB below a vowel; where a voice has noise in
# its silence, the threshold lies above that.
_LEAST_DB: Final = -42.0
_MOST_DB: Final = -30.0
_ABOVE_NOISE_DB: Final = 12.0
_LOUD_PERCENTILE: Final = 95
_NOISE_PERCENTILE: Final = 10


@dataclass(frozen=True, kw_only=True, eq=False)
class Loudness:
    """`is_loud[i]`: from i * STEP_US to (i + 1) * STEP_US it is louder than silence."""

    is_loud: NDArray[np.bool_]

    @property
    def span_us(self) -> tuple[int, int]:
        """From the first loud step to the last; (0, 0) when there is none."""
        loud = np.flatnonzero(self.is_loud)
        return (int(loud[0]) * STEP_US, int(loud[-1] + 1) * STEP_US) if len(loud) else (0, 0)

    def silence_us(self, begin_us: int, end_us: int) -> tuple[int, int] | None:
        """The longest silence that lies between two times, or None."""
        first, last = max(0, begin_us // STEP_US), min(len(self.is_loud), -(-end_us // STEP_US))
        edges = np.flatnonzero(np.diff(np.concatenate([[True], self.is_loud[first:last], [True]]).astype(int)))
        if not len(edges):
            return None
        begins, ends = edges[::2], edges[1::2]
        longest = int(np.argmax(ends - begins))
        return (first + int(begins[longest])) * STEP_US, (first + int(ends[longest])) * STEP_US


def loudness_of(sound: Sound) -> Loudness:
    """The loudness of a sentence, relative to its own loud part."""
    count = len(sound.samples) * 1_000_000 // (sound.sample_rate_hz * STEP_US)
    if not count:
        return Loudness(is_loud=np.zeros(0, np.bool_))
    # no whole number of samples at 22,050 Hz
    edges = np.arange(count + 1) * sound.sample_rate_hz * STEP_US // 1_000_000
    squares = np.square(sound.samples[: edges[-1]].astype(np.float64))
    power = np.add.reduceat(squares, edges[:-1]) / np.diff(edges)
    power_db = 10 * np.log10(np.maximum(power, 1e-12))
    noise_db, loud_db = np.percentile(power_db, (_NOISE_PERCENTILE, _LOUD_PERCENTILE))
    threshold_db = np.clip(noise_db + _ABOVE_NOISE_DB, loud_db + _LEAST_DB, loud_db + _MOST_DB)
    return Loudness(is_loud=power_db > max(float(threshold_db), -100.0))
