"""The few matrices that a camera needs. They multiply column vectors; `gl_bytes` packs one for OpenGL."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from visitor.head import Floats, turned

Matrix = NDArray[np.float64]


def unit(vector: Matrix) -> Matrix:
    return vector / np.linalg.norm(vector)


def rotation_matrix(vector: Matrix) -> Matrix:
    """Rotation matrix of a rotation vector in radians."""
    ones = np.ones(3, np.float32)
    return turned(np.eye(3, dtype=np.float32), ones, vector, np.zeros(3, np.float32)).T.astype(np.float64)


def turn_matrix(vector: Matrix, pivot: Floats) -> Matrix:
    matrix = np.eye(4)
    matrix[:3, :3] = rotation_matrix(vector)
    matrix[:3, 3] = pivot - matrix[:3, :3] @ pivot
    return matrix


def look_at(eye: Matrix, target: Matrix) -> Matrix:
    back = unit(eye - target)
    right = unit(np.cross([0.0, 1.0, 0.0], back))
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack([right, np.cross(back, right), back])
    matrix[:3, 3] = -matrix[:3, :3] @ eye
    return matrix


def perspective(fov_degrees: float, aspect: float, near: float, far: float) -> Matrix:
    f = 1 / np.tan(np.radians(fov_degrees) / 2)
    return np.array(
        [
            [f / aspect, 0, 0, 0],
            [0, f, 0, 0],
            [0, 0, (far + near) / (near - far), 2 * far * near / (near - far)],
            [0, 0, -1, 0],
        ]
    )


def orthographic(half: float, near: float, far: float) -> Matrix:
    return np.array(
        [
            [1 / half, 0, 0, 0],
            [0, 1 / half, 0, 0],
            [0, 0, -2 / (far - near), -(far + near) / (far - near)],
            [0, 0, 0, 1],
        ]
    )


def gl_bytes(matrix: Matrix) -> bytes:
    return matrix.T.astype("f4").tobytes()
