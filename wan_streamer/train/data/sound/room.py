"""The answer of a room to a click, by image sources (Allen and Berkley, 1979) and a tail of decaying noise.

Images give the first 80 ms, in which walls can be told apart; behind them so many reflections arrive at once that
noise sounds the same and costs nothing.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from wan_streamer.train.data.conversation import USER_RATE_HZ
from wan_streamer.train.data.sound.acoustics import Acoustics

_SPEED_M_S: Final = 343.0
_EARLY_S: Final = 0.08
_BLEND_S: Final = 0.02
# Sound decays by 60 dB: e^-6.9 in amplitude.
_DECAY: Final = float(np.log(1000))
_MICROPHONE_HEIGHT_M: Final = 1.4
_MOUTH_HEIGHT_M: Final = 1.55
# Walls are not quite flat: without it the images of a box sound like a flutter.
_JITTER_M: Final = 0.05


def room_response(acoustics: Acoustics, rng: np.random.Generator) -> NDArray[np.float32]:
    """The answer at 16 kHz. It begins with the direct sound, of height 1: the way through the air takes no time here.

    Args:
        rng: draws where the visitor and the microphone stand.
    """
    if not acoustics.reverberation_s:
        return np.ones(1, np.float32)
    room_m = np.array(acoustics.room_m)
    microphone_m, source_m = _places(room_m, acoustics.distance_m, rng)
    reflection = _reflection(room_m, acoustics.reverberation_s)
    distances_m, bounces = _images(room_m, source_m, microphone_m, _EARLY_S * _SPEED_M_S)
    direct_m = float(np.linalg.norm(source_m - microphone_m))
    jitter_m = rng.uniform(0, _JITTER_M, len(distances_m)) * (bounces > 0)
    delays = (distances_m - direct_m + jitter_m) / _SPEED_M_S * USER_RATE_HZ
    heights = reflection**bounces * direct_m / distances_m
    length = round(max(acoustics.reverberation_s, _EARLY_S + _BLEND_S) * USER_RATE_HZ)
    early = _place(delays, heights, length)
    return (early + _tail(early, acoustics.reverberation_s, rng)).astype(np.float32)


def _places(
    room_m: NDArray[np.float64], distance_m: float, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Microphone and mouth: the kiosk by a wall, the visitor in front of it."""
    height_m = min(_MICROPHONE_HEIGHT_M, room_m[2] / 2)
    microphone_m = np.array([room_m[0] * rng.uniform(0.3, 0.7), 0.3, height_m])
    angle = rng.uniform(-0.5, 0.5)
    step_m = distance_m * np.array([np.sin(angle), np.cos(angle), 0.0])
    source_m = microphone_m + step_m + np.array([0.0, 0.0, _MOUTH_HEIGHT_M - _MICROPHONE_HEIGHT_M])
    return microphone_m, np.clip(source_m, 0.2, room_m - 0.2)


def _reflection(room_m: NDArray[np.float64], reverberation_s: float) -> float:
    """How much of the amplitude a wall gives back, by Eyring's formula."""
    length, width, height = room_m
    surface = 2 * (length * width + length * height + width * height)
    absorbed = 0.161 * room_m.prod() / (surface * reverberation_s)
    return float(np.exp(-absorbed / 2))


def _images(
    room_m: NDArray[np.float64], source_m: NDArray[np.float64], microphone_m: NDArray[np.float64], reach_m: float
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Distance and number of bounces of each image that is near enough."""
    axes = []
    for size, source, microphone in zip(room_m, source_m, microphone_m, strict=True):
        count = int(np.ceil(reach_m / (2 * size))) + 1
        cells = np.arange(-count, count + 1)
        straight, mirrored = 2 * cells * size + source, 2 * cells * size - source
        offsets = np.concatenate([straight, mirrored]) - microphone
        axes.append((offsets, np.concatenate([np.abs(2 * cells), np.abs(2 * cells - 1)])))
    (x, x_bounces), (y, y_bounces), (z, z_bounces) = axes
    squares = x[:, None, None] ** 2 + y[None, :, None] ** 2 + z[None, None, :] ** 2
    bounces = x_bounces[:, None, None] + y_bounces[None, :, None] + z_bounces[None, None, :]
    near = squares <= reach_m**2
    return np.sqrt(squares[near]), bounces[near]


def _place(delays: NDArray[np.float64], heights: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    """Clicks between samples are shared between the two nearest."""
    response = np.zeros(length + 2)
    whole = np.floor(delays).astype(int)
    inside = whole < length
    whole, rest, heights = whole[inside], (delays - whole)[inside], heights[inside]
    np.add.at(response, whole, heights * (1 - rest))
    np.add.at(response, whole + 1, heights * rest)
    return response[:length]


def _tail(early: NDArray[np.float64], reverberation_s: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Noise that goes on where the images end, as loud as they were there."""
    seconds = np.arange(len(early)) / USER_RATE_HZ
    begin_s = _EARLY_S - _BLEND_S
    window = (seconds >= begin_s - _BLEND_S) & (seconds < begin_s)
    level = np.sqrt(np.mean(early[window] ** 2)) * np.exp(_DECAY * (begin_s - _BLEND_S / 2) / reverberation_s)
    rise = np.clip((seconds - begin_s) / _BLEND_S, 0, 1)
    tail: NDArray[np.float64] = level * rise * np.exp(-_DECAY * seconds / reverberation_s)
    return tail * rng.standard_normal(len(early))
