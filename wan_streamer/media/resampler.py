"""Audio at one rate -> the samples of one unit at another, by position alone.

Sample n of the target lies at n * source_rate / target_rate of the source: a whole number and a phase, both integers,
so the clock cannot drift and a unit's samples depend on nothing but the source samples around it. A windowed sinc
(Kaiser, stop band 80 dB, flat up to 0.92 of the lower rate's Nyquist frequency) weighs them.

soxr's streaming mode was measured first and is not used here: it works in large blocks, so that 10 ms chunks came out
20 ms (48 to 16 kHz, LQ) to 117 ms (8 to 16 kHz, MQ) behind their input, more than the jitter allowance of a live unit.
This filter looks 2 ms ahead at 16 kHz, 4 ms at 8 kHz. The tests compare it with soxr.
"""

from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from wan_streamer.unit import samples_per_unit

# Reach of the filter to each side, in samples of the lower rate; with the Kaiser beta it sets the transition band.
REACH_ZERO_CROSSINGS = 32
KAISER_BETA = 7.857  # 80 dB (Kaiser's formula: 0.1102 * (80 - 8.7))
# Pairs of rates whose filter tables are kept, of up to 2 MB each: a service has one target rate or two, its clients
# have 48, 44.1, 24, 16 or 8 kHz.
KEPT_TABLE_COUNT = 8


class UnitResampler:
    """Resamples whole units from `source_rate_hz` to `target_rate_hz`. Equal rates pass through untouched."""

    def __init__(self, source_rate_hz: int, target_rate_hz: int) -> None:
        self.source_rate_hz = source_rate_hz
        self.target_rate_hz = target_rate_hz
        self.samples_per_unit = samples_per_unit(target_rate_hz)
        self._reach = reach_samples(source_rate_hz, target_rate_hz)
        self._phase = 0
        self._weights = filter_table(source_rate_hz, target_rate_hz)

    def unit_begin(self, unit_index: int) -> int:
        """Index of the first source sample at or after the beginning of a unit."""
        return -(-unit_index * self.samples_per_unit * self.source_rate_hz // self.target_rate_hz)

    def target_index(self, source_index: int) -> int:
        """Index of the first target sample at or after a source sample."""
        return -(-source_index * self.target_rate_hz // self.source_rate_hz)

    def window(self, unit_index: int) -> tuple[int, int]:
        """Source samples [begin, end) that a unit's samples are made of; begin may be negative (before the start)."""
        first, phase = self._position(unit_index)
        last = first + (phase + (self.samples_per_unit - 1) * self.source_rate_hz) // self.target_rate_hz
        if self._reach == 0:
            return first, last + 1
        return first - self._reach + 1, last + self._reach + 1

    def resample(self, unit_index: int, window: NDArray[np.float32]) -> NDArray[np.float32]:
        """A unit's samples, float32 [samples_per_unit], from its source window, float32 [end - begin]."""
        begin, end = self.window(unit_index)
        assert window.shape == (end - begin,)
        if self._reach == 0:
            return window
        _, phase = self._position(unit_index)
        starts = (phase + np.arange(self.samples_per_unit) * self.source_rate_hz) // self.target_rate_hz
        neighbours = sliding_window_view(window, 2 * self._reach)[starts]
        samples: NDArray[np.float32] = np.einsum("nt,nt->n", neighbours, self._weights_at(phase))
        return samples

    def _position(self, unit_index: int) -> tuple[int, int]:
        return divmod(unit_index * self.samples_per_unit * self.source_rate_hz, self.target_rate_hz)

    def _weights_at(self, phase: int) -> NDArray[np.float32]:
        # Every unit begins at phase 0 when the source rate is a multiple of 25 Hz, as all rates of real devices are:
        # then the shared table is all there is.
        if phase != self._phase:
            self._weights = _unit_weights(self.source_rate_hz, self.target_rate_hz, phase)
            self._phase = phase
        return self._weights


def reach_samples(source_rate_hz: int, target_rate_hz: int) -> int:
    """How many source samples the filter sees to each side; 0 when the rates are equal."""
    if source_rate_hz == target_rate_hz:
        return 0
    return -(-REACH_ZERO_CROSSINGS * source_rate_hz // min(source_rate_hz, target_rate_hz))


@lru_cache(maxsize=KEPT_TABLE_COUNT)
def filter_table(source_rate_hz: int, target_rate_hz: int) -> NDArray[np.float32]:
    """Filter weights of a unit that begins at phase 0, [samples per unit, 2 * reach]; shared, so read-only."""
    weights = _unit_weights(source_rate_hz, target_rate_hz, 0)
    weights.flags.writeable = False
    return weights


def _unit_weights(source_rate_hz: int, target_rate_hz: int, phase: int) -> NDArray[np.float32]:
    reach = reach_samples(source_rate_hz, target_rate_hz)
    sample_count = samples_per_unit(target_rate_hz)
    if reach == 0:
        return np.zeros((sample_count, 0), np.float32)
    positions = (phase + np.arange(sample_count) * source_rate_hz) % target_rate_hz
    # From 48 to 16 kHz all samples have the same position, from 44.1 kHz there are 160.
    different, which = np.unique(positions, return_inverse=True)
    return _sinc(different / target_rate_hz, reach, min(1.0, target_rate_hz / source_rate_hz))[which]


def _sinc(fractions: NDArray[np.float64], reach: int, cutoff: float) -> NDArray[np.float32]:
    """Filter weights, [fractions, 2 * reach], for target samples a fraction of a sample after a source sample."""
    distance = np.arange(1 - reach, reach + 1)[None, :] - fractions[:, None]
    across = np.clip(1.0 - (distance * cutoff / REACH_ZERO_CROSSINGS) ** 2, 0.0, None)
    weights = np.sinc(distance * cutoff) * np.i0(KAISER_BETA * np.sqrt(across))
    weights[across == 0.0] = 0.0
    weights /= weights.sum(axis=1, keepdims=True)
    return np.asarray(weights, np.float32)
