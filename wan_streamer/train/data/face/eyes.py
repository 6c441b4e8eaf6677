"""Eyeballs: MakeHuman's own are only a guide; these turn, and their shader draws iris and pupil."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from wan_streamer.train.data.face.camera import rotation_matrix
from wan_streamer.train.data.face.mesh import Floats, Indices

EYE_RADIUS_M: Final = 0.0157


class Eye:
    """A ball in the middle of the points of an eye; `directions` in its own frame carry iris and pupil."""

    def __init__(self, points: Floats, *, ring_count: int = 40) -> None:
        exact = points.astype(np.float64)
        system = np.c_[2 * exact, np.ones(len(exact))]
        self.centre: NDArray[np.float64] = np.linalg.lstsq(system, (exact**2).sum(1), rcond=None)[0][:3]
        polar, around = np.meshgrid(
            np.linspace(0, np.pi * 0.6, ring_count), np.linspace(0, 2 * np.pi, ring_count), indexing="ij"
        )
        self.directions: NDArray[np.float64] = np.stack(
            [np.sin(polar) * np.cos(around), np.sin(polar) * np.sin(around), np.cos(polar)], -1
        ).reshape(-1, 3)
        a = (np.arange(ring_count - 1)[:, None] * ring_count + np.arange(ring_count - 1)).ravel()
        self.triangles: Indices = np.concatenate(
            [np.c_[a, a + ring_count, a + 1], np.c_[a + 1, a + ring_count, a + ring_count + 1]]
        )

    def looking(self, yaw_rad: float, pitch_rad: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Positions and normals [N, 3] before the head turns; yaw to the viewer's right, pitch upwards."""
        direction = self.directions @ rotation_matrix(np.array([-pitch_rad, yaw_rad, 0.0])).T
        return self.centre + EYE_RADIUS_M * direction, direction
