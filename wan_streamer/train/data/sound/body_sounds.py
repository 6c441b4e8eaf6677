"""Coughs, sneezes and laughs, each another one."""

import numpy as np

from wan_streamer.train.data.sound.voiced import (
    Signal,
    band,
    envelope,
    join,
    power_one,
    pulses,
    resonate,
    seconds,
)


def cough(rng: np.random.Generator) -> Signal:
    """One to three: the folds burst open, air rushes, and the voice closes it."""
    mouth = _mouth(rng)
    parts = []
    for number in range(rng.integers(1, 4)):
        if number:
            parts.append(np.zeros(seconds(rng.uniform(0.12, 0.3))))
        parts.append(_one_cough(rng, mouth) * rng.uniform(0.6, 1.0))
    return join(parts)


def _one_cough(rng: np.random.Generator, mouth: float) -> Signal:
    formants, widths = np.array([700, 1500, 2600, 3800]) * mouth, [180.0, 220.0, 300.0, 400.0]
    burst_s, rush_s, voice_s = rng.uniform(0.02, 0.04), rng.uniform(0.12, 0.22), rng.uniform(0.08, 0.2)
    count = seconds(burst_s + rush_s + voice_s)
    edge = burst_s / (burst_s + rush_s + voice_s)
    noise = rng.standard_normal(count)
    air = power_one(resonate(noise, formants, widths)) + 0.35 * power_one(band(noise, 2000, 7000))
    air *= envelope(count, [(0, 0), (edge * 0.15, 1), (edge, 0.8), (edge + 0.15, 0.35), (0.75, 0.16), (1, 0)])
    pitch = envelope(count, [(0, 1.4), (0.6, 1.2), (1, 0.8)]) * rng.uniform(110, 210) / mouth**0.5
    voice = power_one(resonate(pulses(pitch, rng), formants, [90.0, 120.0, 180.0, 250.0]))
    start = edge + rush_s / (burst_s + rush_s + voice_s) * 0.8
    voice *= envelope(
        count, [(0, 0), (edge * 0.5, 0.3), (edge, 0.12), (start, 0.05), (min(start + 0.08, 0.95), 0.3), (1, 0)]
    )
    return air + voice


def sneeze(rng: np.random.Generator) -> Signal:
    """Breath drawn in once or twice, then the blast through teeth and nose with a falling voice."""
    mouth = _mouth(rng)
    parts = []
    for _ in range(rng.integers(1, 3)):
        count = seconds(rng.uniform(0.25, 0.5))
        breath = power_one(resonate(rng.standard_normal(count), np.array([900, 1700, 2900]) * mouth, [250.0] * 3))
        voice = power_one(
            resonate(pulses(np.linspace(180, 260, count) / mouth, rng), [700 * mouth, 1200 * mouth], [90.0, 110.0])
        )
        rise = envelope(count, [(0, 0), (0.7, 1), (0.9, 0.8), (1, 0)])
        parts += [(0.12 * breath + rng.uniform(0, 0.08) * voice) * rise, np.zeros(seconds(rng.uniform(0.03, 0.12)))]
    count = seconds(rng.uniform(0.3, 0.5))
    hiss = power_one(band(rng.standard_normal(count), 2200 * mouth, 6800))
    hiss *= envelope(count, [(0, 0), (0.02, 1), (0.2, 0.9), (0.45, 0.25), (1, 0)])
    pitch = envelope(count, [(0, 1.5), (0.4, 1.1), (1, 0.7)]) * rng.uniform(140, 240) / mouth**0.5
    vowel = power_one(resonate(pulses(pitch, rng), np.array([380, 1100, 2400]) * mouth, [80.0, 110.0, 180.0]))
    vowel *= envelope(count, [(0, 0), (0.15, 0.15), (0.4, 0.6), (0.7, 0.3), (1, 0)])
    return join([*parts, hiss + vowel])


def laugh(rng: np.random.Generator) -> Signal:
    """Four to nine times "ha", falling and fading, each with its own breath."""
    mouth = _mouth(rng)
    number = int(rng.integers(4, 10))
    pitch_hz = rng.uniform(150, 240) * (1.6 if mouth > 1 else 1.0)
    period_s = rng.uniform(0.17, 0.24)
    vowel = np.array(rng.choice([[800, 1250, 2600, 3700], [650, 1100, 2500, 3600], [560, 1700, 2500, 3600]])) * mouth
    parts = []
    for index in range(number):
        parts.append(_ha(rng, vowel, pitch_hz, period_s) * (1 - 0.75 * index / number) * rng.uniform(0.8, 1.0))
        pitch_hz *= rng.uniform(0.92, 1.0)
        period_s *= rng.uniform(0.98, 1.06)
    return join(parts)


def _ha(rng: np.random.Generator, formants: Signal, pitch_hz: float, period_s: float) -> Signal:
    count = seconds(period_s)
    breath = power_one(resonate(rng.standard_normal(count), formants, [200.0, 220.0, 280.0, 350.0]))
    breath *= envelope(count, [(0, 0.02), (0.15, 0.25), (0.4, 0.12), (0.7, 0.1), (1, 0.02)])
    pitch = envelope(count, [(0, 0.95), (0.4, 1.12), (1, 0.85)]) * pitch_hz
    voice = power_one(resonate(pulses(pitch, rng), formants, [90.0, 110.0, 170.0, 250.0]))
    return breath + voice * envelope(
        count, [(0, 0), (0.25, 0), (0.38, 1), (0.55, 0.9), (0.75, 0.15), (0.85, 0), (1, 0)]
    )


def _mouth(rng: np.random.Generator) -> float:
    """How much higher the resonances lie than a man's."""
    return float(rng.choice([rng.uniform(0.93, 1.03), rng.uniform(1.12, 1.22)]))
