"""Loudness in numbers."""

import numpy as np
from numpy.typing import NDArray


def amplitude(level_db: float) -> float:
    """The factor that a level in dB stands for; of full scale for dBFS."""
    return float(10 ** (level_db / 20))


def root_mean_square(samples: NDArray[np.float32]) -> float:
    """0 for no samples."""
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) if len(samples) else 0.0


def unit_loudness(samples: NDArray[np.float64], frame_count: int) -> NDArray[np.float32]:
    """With a root mean square of 1 over its loud frames, those within 20 dB of the loudest: pauses do not count.

    Args:
        frame_count: samples of a frame; what is left at the end does not count either.
    """
    frames = samples[: len(samples) // frame_count * frame_count].reshape(-1, frame_count)
    powers = np.mean(np.square(frames), axis=1)
    loud = powers[powers > powers.max(initial=0) / 100]
    return (samples / np.sqrt(loud.mean()) if len(loud) else samples).astype(np.float32)


def unit_power(samples: NDArray[np.float64]) -> NDArray[np.float32]:
    """The same sound with a root mean square of 1; silence stays silence."""
    level = float(np.sqrt(np.mean(np.square(samples)))) if len(samples) else 0.0
    return (samples / level if level else samples).astype(np.float32)
