"""Background noise without end: street, machines, music, rain. Babble is in `babble.py`."""

from typing import Final

import numpy as np

from wan_streamer.train.data.conversation import USER_RATE_HZ
from wan_streamer.train.data.sound.voiced import Signal, band, power_one, seconds

# Semitones of the chords that the music walks through.
_CHORDS: Final = ((0, 4, 7), (9, 12, 16), (5, 9, 12), (7, 11, 14), (2, 5, 9), (4, 7, 11))


def coloured(count: int, slope: float, rng: np.random.Generator) -> Signal:
    """Noise whose power falls with frequency to the power of `slope`: 0 white, 1 pink, 2 brown (above 20 Hz)."""
    spectrum = np.fft.rfft(rng.standard_normal(count))
    frequency_hz = np.fft.rfftfreq(count, 1 / USER_RATE_HZ)
    return power_one(np.fft.irfft(spectrum / np.maximum(frequency_hz, 20.0) ** (slope / 2), count))


def street(count: int, rng: np.random.Generator) -> Signal:
    """A steady roar; every few seconds a car comes and goes."""
    sound = 0.6 * coloured(count, 1.6, rng) * _slow(count, 0.3, rng)
    at_s = rng.uniform(-3, 3)
    while at_s < count / USER_RATE_HZ:
        half_s = rng.uniform(1.5, 3.5)
        _add_car(sound, at_s, half_s, rng)
        at_s += rng.exponential(5) + 1
    return sound


def _add_car(sound: Signal, at_s: float, half_s: float, rng: np.random.Generator) -> None:
    first, last = max(0, round((at_s - half_s) * USER_RATE_HZ)), min(len(sound), round((at_s + half_s) * USER_RATE_HZ))
    if last - first < seconds(0.5):
        return
    time_s = np.arange(first, last) / USER_RATE_HZ - at_s
    loudness = np.maximum(1 / (1 + (time_s / (0.25 * half_s)) ** 2) - 1 / 17, 0)
    tyres = power_one(band(coloured(last - first, 0.8, rng), 120, rng.uniform(1500, 3500)))
    engine_hz = rng.uniform(60, 110) * (1 - 0.06 * np.tanh(time_s / (0.2 * half_s)))
    phase = 2 * np.pi * np.cumsum(engine_hz) / USER_RATE_HZ
    engine = sum(np.sin(number * phase + rng.random()) / number for number in range(1, 7))
    sound[first:last] += rng.uniform(0.6, 1.6) * loudness * (tyres + 0.35 * engine)


def hum(count: int, rng: np.random.Generator) -> Signal:
    """Ventilation and a transformer."""
    time_s = np.arange(count) / USER_RATE_HZ
    base_hz = float(rng.choice([50.0, 60.0]))
    tones = sum(
        rng.uniform(0.1, 0.6) / number * np.sin(2 * np.pi * (number * base_hz * time_s + rng.random()))
        for number in (1, 2, 3, 4, 6)
    )
    fan_hz = rng.uniform(90, 260)
    whirr = 0.12 * np.sin(2 * np.pi * fan_hz * time_s + 2 * coloured(count, 2, rng))
    return coloured(count, 1.8, rng) * _slow(count, 0.1, rng) + 0.8 * np.asarray(tones) + whirr


def rain(count: int, rng: np.random.Generator) -> Signal:
    """The hiss of many drops, and near ones that can be told apart."""
    hiss = power_one(band(rng.standard_normal(count), 900, 7000)) * _slow(count, 0.2, rng)
    drops = np.zeros(count)
    number = rng.poisson(rng.uniform(15, 60) * count / USER_RATE_HZ)
    drops[rng.integers(0, count, number)] = rng.exponential(1.0, number)
    kernel_count = seconds(0.02)
    time_s = np.arange(kernel_count) / USER_RATE_HZ
    kernel = np.exp(-time_s / 0.003) * np.sin(2 * np.pi * rng.uniform(1200, 2600) * time_s)
    return 0.7 * hiss + 1.2 * np.convolve(drops, kernel)[:count]


def music(count: int, rng: np.random.Generator) -> Signal:
    """A band plays from afar: plucked chords, a bass, a hi-hat."""
    beat_s, key_hz = rng.uniform(0.35, 0.6), 220 * 2 ** (rng.integers(0, 12) / 12)
    chords = rng.permutation(len(_CHORDS))[:4]
    sound = np.zeros(count)
    for beat in range(int(count / USER_RATE_HZ / beat_s) + 1):
        chord, begin = _CHORDS[chords[beat // 4 % 4]], round(beat * beat_s * USER_RATE_HZ)
        notes = [*chord] if beat % 2 == 0 else [chord[rng.integers(3)] + 12]
        for note in notes:
            _pluck(sound, begin, key_hz * 2 ** (note / 12), 0.5, rng)
        if beat % 4 in (0, 2):
            _pluck(sound, begin, key_hz / 2 * 2 ** (chord[0] / 12), 1.2, rng)
        _hat(sound, begin + seconds(beat_s / 2), rng)
    return sound + 0.003 * rng.standard_normal(count)


def _pluck(sound: Signal, begin: int, pitch_hz: float, height: float, rng: np.random.Generator) -> None:
    part = sound[begin : begin + seconds(1.2)]
    time_s = np.arange(len(part)) / USER_RATE_HZ
    for number in range(1, 6):
        fall = np.exp(-time_s * (2.0 + 1.5 * number))
        part += height / number**1.3 * fall * np.sin(2 * np.pi * (number * pitch_hz * time_s + rng.random()))


def _hat(sound: Signal, begin: int, rng: np.random.Generator) -> None:
    part = sound[begin : begin + seconds(0.08)]
    part += 0.25 * np.diff(rng.standard_normal(len(part) + 1)) * np.exp(-np.arange(len(part)) / seconds(0.015))


def _slow(count: int, depth: float, rng: np.random.Generator) -> Signal:
    """Loudness that wanders around 1 over seconds."""
    points = rng.uniform(1 - depth, 1 + depth, int(count / USER_RATE_HZ) + 3)
    return np.interp(np.arange(count) / USER_RATE_HZ, np.arange(len(points)), points)
