"""What the microphone and its amplifier do to the sound in front of them."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from wan_streamer.train.data.conversation import USER_RATE_HZ
from wan_streamer.train.data.sound.acoustics import Acoustics
from wan_streamer.train.data.sound.levels import amplitude

_ORDER: Final = 4
_HUM_HARMONICS: Final = ((1, 1.0), (2, 0.5), (3, 0.6), (5, 0.3), (7, 0.15))
_MAINS_HZ: Final = (50.0, 60.0)


def band_limit(samples: NDArray[np.float32], acoustics: Acoustics) -> NDArray[np.float32]:
    """Only the frequencies that the microphone passes."""
    filtered = samples
    if acoustics.low_hz > 0:
        filtered = sosfilt(butter(_ORDER, acoustics.low_hz, "highpass", fs=USER_RATE_HZ, output="sos"), filtered)
    if acoustics.high_hz < USER_RATE_HZ / 2:
        filtered = sosfilt(butter(2 * _ORDER, acoustics.high_hz, "lowpass", fs=USER_RATE_HZ, output="sos"), filtered)
    return np.asarray(filtered, np.float32)


def own_noise(sample_count: int, acoustics: Acoustics, rng: np.random.Generator) -> NDArray[np.float32]:
    """Hiss and the hum of the mains."""
    hiss = rng.standard_normal(sample_count) * amplitude(acoustics.floor_dbfs)
    turns = np.arange(sample_count) * (float(rng.choice(_MAINS_HZ)) / USER_RATE_HZ)
    hum = sum(
        height * np.sin(2 * np.pi * (number * turns + rng.random())) for number, height in _HUM_HARMONICS
    ) * amplitude(acoustics.hum_dbfs)
    return np.asarray(hiss + hum, np.float32)


def overdrive(samples: NDArray[np.float32], acoustics: Acoustics) -> NDArray[np.float32]:
    """With the gain set too high if the acoustics say so, and never beyond full scale."""
    peak = float(np.abs(samples).max(initial=0))
    gain = amplitude(acoustics.overdrive_db) / peak if acoustics.overdrive_db and peak else 1.0
    return np.clip(samples * np.float32(gain), -1, 1).astype(np.float32)
