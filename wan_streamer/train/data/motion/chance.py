"""Chance, seeded: every part of a person draws from its own stream, so that one part never changes another."""

from zlib import crc32

import numpy as np

from wan_streamer.train.data.motion.easing import FRAME_S, Curve


def random_for(seed: int, *names: str) -> np.random.Generator:
    """The stream of a part, e.g. `random_for(seed, "agent", "blinks")`."""
    return np.random.default_rng([seed % (1 << 63), *(crc32(name.encode()) for name in names)])


def unrest(time_s: Curve, random: np.random.Generator, *, period_s: float) -> Curve:
    """Slow unrest without drift, about 1 at most and 0 on average: sines whose periods never meet."""
    periods_s = period_s * np.array([1.73, 1.0, 0.61, 0.37]) * random.uniform(0.85, 1.15, 4)
    weights = np.array([0.5, 1.0, 0.6, 0.25])
    phases = random.uniform(0, 2 * np.pi, 4)
    waves = np.sin(2 * np.pi * time_s[:, None] / periods_s + phases)
    return np.asarray(waves @ weights / weights.sum(), np.float64)


def draw_moments(
    time_s: Curve, rate_hz: Curve | float, random: np.random.Generator, *, least_gap_s: float
) -> tuple[float, ...]:
    """Moments of a Poisson process, never two within `least_gap_s`.

    Args:
        rate_hz: how many a second are wanted, for each frame or always.
    """
    rate = np.broadcast_to(np.asarray(rate_hz, np.float64), time_s.shape)
    # who has to wait after each moment must hurry between them to reach the same number
    chance = rate * FRAME_S / np.maximum(1 - rate * least_gap_s, 0.2)
    candidates = time_s[random.random(len(time_s)) < chance]
    moments: list[float] = []
    for moment_s in candidates + random.uniform(-0.5, 0.5, len(candidates)) * FRAME_S:
        if not moments or moment_s - moments[-1] >= least_gap_s:
            moments.append(float(moment_s))
    return tuple(moments)
