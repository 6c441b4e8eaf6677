"""Eyeballs: MakeHuman's own are only a guide; these turn, and their shader draws iris and pupil."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from visitor.camera import rotation_matrix
from visitor.head import Floats, Person

EYE_RADIUS_M = 0.0157
EYE_RINGS = 40


class Eye:
    """A ball in the middle of MakeHuman's eye helper; `directions` in its own frame carry iris and pupil."""

    def __init__(self, person: Person, group: str) -> None:
        points = person.rest[person.vertices_of(group)].astype(np.float64)
        system = np.c_[2 * points, np.ones(len(points))]
        self.centre = np.linalg.lstsq(system, (points**2).sum(1), rcond=None)[0][:3]
        polar, around = np.meshgrid(
            np.linspace(0, np.pi * 0.6, EYE_RINGS), np.linspace(0, 2 * np.pi, EYE_RINGS), indexing="ij"
        )
        self.directions = np.stack(
            [np.sin(polar) * np.cos(around), np.sin(polar) * np.sin(around), np.cos(polar)], -1
        ).reshape(-1, 3)
        a = (np.arange(EYE_RINGS - 1)[:, None] * EYE_RINGS + np.arange(EYE_RINGS - 1)).ravel()
        self.triangles = np.concatenate(
            [np.c_[a, a + EYE_RINGS, a + 1], np.c_[a + 1, a + EYE_RINGS, a + EYE_RINGS + 1]]
        )

    def placed(self, head: NDArray[np.float64], gaze: NDArray[np.float64], pivot: Floats) -> NDArray[np.float64]:
        """Positions and normals, N x 6."""
        own = rotation_matrix(np.array([-gaze[1], gaze[0], 0.0]))
        turn = rotation_matrix(head)
        direction = self.directions @ (turn @ own).T
        centre = turn @ (self.centre - pivot) + pivot
        return np.hstack([centre + EYE_RADIUS_M * direction, direction])
