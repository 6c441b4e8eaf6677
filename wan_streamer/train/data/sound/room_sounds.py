"""Doors, phones and footsteps, each another one."""

import numpy as np

from wan_streamer.train.data.conversation import USER_RATE_HZ
from wan_streamer.train.data.sound.voiced import Signal, band, envelope, join, power_one, seconds


def door(rng: np.random.Generator) -> Signal:
    """The leaf falls into its frame and rattles, the latch clicks; now and then it creaks before."""
    parts = [_creak(rng)] if rng.random() < 0.4 else []
    count = seconds(rng.uniform(0.6, 1.0))
    slam = _thump(rng, count, low_hz=rng.uniform(55, 110), modes=7, decay_s=rng.uniform(0.06, 0.14))
    rattle = power_one(band(rng.standard_normal(count), 300, 2500)) * np.exp(-np.arange(count) / seconds(0.035))
    clicks = np.zeros(count)
    for at_s in np.cumsum(rng.uniform(0.02, 0.09, rng.integers(1, 4))):
        clicks[seconds(at_s) :] += _click(rng, count - seconds(at_s))
    return join([*parts, 0.7 * slam + 1.6 * rattle + 0.5 * clicks])


def _creak(rng: np.random.Generator) -> Signal:
    """A hinge that sticks and slips, faster and slower."""
    count = seconds(rng.uniform(0.5, 1.1))
    rate_hz = envelope(count, [(0, 25), (rng.uniform(0.3, 0.6), rng.uniform(60, 110)), (1, 30)])
    slips = np.diff(np.floor(np.cumsum(rate_hz * rng.uniform(0.9, 1.1, count)) / USER_RATE_HZ), prepend=0.0)
    ring_hz = rng.uniform(600, 1300)
    creak = band(slips, ring_hz * 0.8, ring_hz * 1.3) + 0.6 * band(slips, ring_hz * 2.1, ring_hz * 2.9)
    return 0.25 * power_one(creak) * envelope(count, [(0, 0), (0.2, 0.7), (0.6, 1), (1, 0)])


def _thump(rng: np.random.Generator, count: int, *, low_hz: float, modes: int, decay_s: float) -> Signal:
    """A board that is hit: a few decaying tones, the higher the shorter."""
    time_s = np.arange(count) / USER_RATE_HZ
    sound = np.zeros(count)
    for number in range(modes):
        pitch_hz = low_hz * (1 + number * rng.uniform(0.6, 0.95))
        fall = np.exp(-time_s / (decay_s / (1 + 0.5 * number)))
        sound += (
            rng.uniform(0.4, 1.0) / (1 + number) * fall * np.sin(2 * np.pi * pitch_hz * time_s + rng.uniform(0, 0.6))
        )
    return 4 * power_one(sound)


def _click(rng: np.random.Generator, count: int) -> Signal:
    ring_hz = rng.uniform(1500, 3200)
    fall = np.exp(-np.arange(count) / seconds(0.008))
    return 4 * fall * power_one(band(rng.standard_normal(count), ring_hz * 0.7, ring_hz * 1.6))


def phone(rng: np.random.Generator) -> Signal:
    """A bell with two tones, a digital warble, or a tune of struck bars."""
    kind = rng.integers(3)
    if kind == 0:
        return _warble(rng, (440.0, 480.0), rate_hz=20.0)
    if kind == 1:
        low_hz = rng.uniform(900, 1500)
        return _warble(rng, (low_hz, low_hz * 1.25), rate_hz=rng.uniform(14, 24))
    return _tune(rng)


def _warble(rng: np.random.Generator, tones_hz: tuple[float, float], *, rate_hz: float) -> Signal:
    """Rings of about a second with gaps between them."""
    parts = []
    for _ in range(rng.integers(1, 4)):
        count = seconds(rng.uniform(0.6, 1.1))
        time_s = np.arange(count) / USER_RATE_HZ
        pitch_hz = np.where((time_s * rate_hz) % 1 < 0.5, *tones_hz)
        phase = 2 * np.pi * np.cumsum(pitch_hz) / USER_RATE_HZ
        ring = np.sin(phase) + 0.4 * np.sin(2 * phase) + 0.25 * np.sin(3 * phase)
        parts += [ring * envelope(count, [(0, 0), (0.02, 1), (0.97, 1), (1, 0)]), np.zeros(seconds(0.35))]
    return join(parts[:-1])


def _tune(rng: np.random.Generator) -> Signal:
    scale = rng.uniform(500, 800) * 2 ** (np.array([0, 2, 4, 7, 9, 12, 14, 16]) / 12)
    beat_s, notes = rng.uniform(0.11, 0.17), rng.integers(0, len(scale), rng.integers(4, 7))
    count = seconds(beat_s * len(notes) * 2 + 0.5)
    sound = np.zeros(count)
    for index, note in enumerate([*notes, *notes]):
        begin = seconds(index * beat_s)
        time_s = np.arange(count - begin) / USER_RATE_HZ
        phase = 2 * np.pi * scale[note] * time_s
        bar = np.sin(phase) * np.exp(-time_s / 0.16) + 0.3 * np.sin(3.9 * phase) * np.exp(-time_s / 0.04)
        sound[begin:] += bar
    return sound * envelope(count, [(0, 1), (0.95, 1), (1, 0)])


def footsteps(rng: np.random.Generator) -> Signal:
    """Somebody walks by on a hard floor: heel and sole, nearer and away again."""
    number, period_s = int(rng.integers(4, 9)), rng.uniform(0.46, 0.62)
    count = seconds(number * period_s + 0.3)
    sound, nearest = np.zeros(count), rng.uniform(0, 1)
    for index in range(number):
        begin = seconds(index * period_s + rng.uniform(0, 0.03))
        closeness = 0.3 + 0.7 * np.exp(-(((index / number - nearest) / 0.4) ** 2))
        sound[begin:] += closeness * _step(rng, count - begin)
    return sound


def _step(rng: np.random.Generator, count: int) -> Signal:
    heel = _thump(rng, count, low_hz=rng.uniform(90, 140), modes=4, decay_s=0.025)
    tap = power_one(band(rng.standard_normal(count), 700, 3200)) * np.exp(-np.arange(count) / seconds(0.012))
    sole = np.zeros(count)
    begin = min(seconds(rng.uniform(0.06, 0.1)), count)
    scuff = np.exp(-np.arange(count - begin) / seconds(0.03)) * rng.standard_normal(count - begin)
    sole[begin:] = scuff
    return 0.3 * heel + 5.0 * tap + 0.6 * power_one(band(sole, 400, 2200))
