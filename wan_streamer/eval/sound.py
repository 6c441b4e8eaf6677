"""Sound as judges take it: mono float32 at any rate, resampled to theirs."""

import numpy as np
import soxr
from numpy.typing import NDArray

from wan_streamer.errors import InvalidInput

Samples = NDArray[np.float32]
JUDGE_RATE_HZ = 16_000
LOWEST_RATE_HZ, HIGHEST_RATE_HZ = 4_000, 192_000


def at_rate(samples: NDArray[np.floating], rate_hz: int, target_rate_hz: int = JUDGE_RATE_HZ) -> Samples:
    """Mono samples, [S], at another rate; [S * target / rate].

    Raises:
        InvalidInput: SOUND, they are not mono, not finite, empty or at an impossible rate.
    """
    values = np.asarray(samples)
    if values.ndim != 1 or not len(values) or not np.issubdtype(values.dtype, np.floating):
        raise InvalidInput(
            f"got sound of shape {values.shape} and type {values.dtype}, expected mono floats [S], S > 0; "
            "mix the channels and scale integers to -1..1",
            reason="SOUND",
        )
    if not LOWEST_RATE_HZ <= rate_hz <= HIGHEST_RATE_HZ:
        raise InvalidInput(f"got {rate_hz} Hz, expected {LOWEST_RATE_HZ} to {HIGHEST_RATE_HZ}", reason="SOUND")
    if not np.isfinite(values).all():
        raise InvalidInput("got sound that is not finite, expected samples in -1..1", reason="SOUND")
    mono = values.astype(np.float32)
    if rate_hz == target_rate_hz:
        return mono
    return np.asarray(soxr.resample(mono, rate_hz, target_rate_hz), np.float32)
