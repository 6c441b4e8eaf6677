"""Spectacles: two rims, a bridge and temples that go to the ears."""

from typing import Final

import numpy as np

from wan_streamer.train.data.face.eyes import Eye
from wan_streamer.train.data.face.identity import Colour
from wan_streamer.train.data.face.things import Thing, joined, tube

RIM_M: Final = (0.0250, 0.0195)
RIM_THICK_M: Final = 0.0015
BEFORE_EYES_M: Final = 0.030
TEMPLE_X_M: Final = 0.073
TEMPLE_LENGTH_M: Final = 0.105


def make_glasses(eyes: list[Eye], colour: Colour) -> Thing:
    """On the nose of whoever has these eyes."""
    angle = np.linspace(0, 2 * np.pi, 25)
    width, height = RIM_M
    parts, inner = [], []
    for eye in eyes:
        x, y, z = eye.centre
        y, z = y - 0.002, z + BEFORE_EYES_M
        side = np.sign(x)
        x = side * max(abs(x), width + 0.007)
        corner = 1 + 0.10 * np.abs(np.sin(2 * angle))
        rim = [(x + width * corner[i] * np.cos(a), y + height * corner[i] * np.sin(a), z) for i, a in enumerate(angle)]
        parts.append(tube(rim, RIM_THICK_M, colour, 0.6))
        hinge = (side * TEMPLE_X_M, y + 0.008, z - 0.012)
        back = (side * (TEMPLE_X_M + 0.004), y + 0.010, z - TEMPLE_LENGTH_M)
        parts.append(tube([(x + side * width, y + 0.008, z), hinge, back], RIM_THICK_M, colour, 0.6))
        inner.append((x - side * width, y + 0.004, z))
    bridge = [inner[0], (0.0, inner[0][1] + 0.004, inner[0][2] + 0.002), inner[1]]
    return joined([*parts, tube(bridge, RIM_THICK_M, colour, 0.6)])
