"""What a camera adds to a picture: a soft lens, a colour cast, noise."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from wan_streamer.train.data.face.scene import Scene

SPARE: Final = 64  # the field of noise is larger than the picture by this, and is cut anew for each frame
CHROMA: Final = 0.5  # of the noise's strength


class Sensor:
    """A pure function of scene and frame."""

    def __init__(self, scene: Scene, seed: int, height: int, width: int) -> None:
        random = np.random.default_rng([seed, 11])
        size = (height + SPARE, width + SPARE)
        luma, chroma = random.normal(0, scene.noise, (*size, 1)), random.normal(0, scene.noise * CHROMA, (*size, 3))
        self._noise = (luma + chroma).astype(np.float32)
        self._gains = np.array(scene.gains, np.float32)
        self._seed, self._side = seed, _side_weight(scene.blur_pixels)
        self._silent = scene.noise == 0

    def expose(self, image: NDArray[np.uint8], frame: int) -> NDArray[np.uint8]:
        """The picture as the camera delivers it."""
        light = image.astype(np.float32)
        if self._side:
            light = _blurred(_blurred(light, self._side, 0), self._side, 1)
        light *= self._gains
        if not self._silent:
            top, left = np.random.default_rng([self._seed, 13, frame]).integers(0, SPARE, 2)
            light += self._noise[top : top + image.shape[0], left : left + image.shape[1]]
        light += 0.5
        return np.clip(light, 0, 255, out=light).astype(np.uint8)


def _side_weight(blur_pixels: float) -> float:
    """Weight of each neighbour in a kernel of three that has this standard deviation."""
    return min(blur_pixels**2 / 2, 1 / 3)


def _blurred(light: NDArray[np.float32], side: float, axis: int) -> NDArray[np.float32]:
    padded = np.pad(light, [(1, 1) if i == axis else (0, 0) for i in range(3)], mode="edge")
    count = light.shape[axis]
    before, after = (padded.take(range(start, start + count), axis) for start in (0, 2))
    soft: NDArray[np.float32] = light * np.float32(1 - 2 * side) + (before + after) * np.float32(side)
    return soft
