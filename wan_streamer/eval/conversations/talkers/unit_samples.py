"""Sound of whole units at another rate."""

import numpy as np
import soxr
from numpy.typing import NDArray

from wan_streamer.unit import samples_per_unit


def units_at(samples: NDArray[np.float32], rate_hz: int, target_rate_hz: int) -> NDArray[np.float32]:
    """Samples of whole units, [S], at another rate and by unit, [units, samples of a unit]."""
    unit = samples_per_unit(target_rate_hz)
    count = len(samples) // samples_per_unit(rate_hz)
    if rate_hz != target_rate_hz:
        samples = np.asarray(soxr.resample(samples, rate_hz, target_rate_hz), np.float32)[: count * unit]
    return np.pad(samples, (0, count * unit - len(samples))).reshape(count, unit)
