"""Mel filters on Slaney's scale with his area norm, as librosa and Whisper have them."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

KEPT_BANKS = 4
# Slaney's Auditory Toolbox: linear below 1 kHz, logarithmic above.
LINEAR_HZ_A_MEL = 200.0 / 3
LOG_FROM_HZ = 1000.0
LOG_STEP = float(np.log(6.4)) / 27.0


@lru_cache(maxsize=KEPT_BANKS)
def mel_bank(rate_hz: int, window_samples: int, bands: int) -> NDArray[np.float64]:
    """Triangles of equal area, [bands, window_samples // 2 + 1]; shared, so read-only."""
    edges = _hz(np.linspace(0.0, float(_mel(np.asarray(rate_hz / 2))), bands + 2))
    bins = np.fft.rfftfreq(window_samples, 1 / rate_hz)
    rising = (bins[None] - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins[None]) / np.diff(edges)[1:, None]
    bank: NDArray[np.float64] = np.maximum(0, np.minimum(rising, falling)) * (2 / (edges[2:] - edges[:-2]))[:, None]
    bank.flags.writeable = False
    return bank


def _mel(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    logarithmic = LOG_FROM_HZ / LINEAR_HZ_A_MEL + np.log(np.maximum(hz, 1e-9) / LOG_FROM_HZ) / LOG_STEP
    return np.where(hz < LOG_FROM_HZ, hz / LINEAR_HZ_A_MEL, logarithmic)


def _hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    first = LOG_FROM_HZ / LINEAR_HZ_A_MEL
    return np.where(mel < first, mel * LINEAR_HZ_A_MEL, LOG_FROM_HZ * np.exp(LOG_STEP * (mel - first)))
