"""The few matrices that a camera needs. They multiply column vectors; `gl_bytes` packs one for OpenGL."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from wan_streamer.train.data.face.mesh import Floats, turned

Matrix: TypeAlias = NDArray[np.float64]


def unit_vector(vector: Matrix) -> Matrix:
    """The same direction at length 1."""
    scaled: Matrix = vector / np.linalg.norm(vector)
    return scaled


def rotation_matrix(vector: Matrix) -> Matrix:
    """Rotation matrix of a rotation vector in radians."""
    ones = np.ones(3, np.float32)
    return turned(np.eye(3, dtype=np.float32), ones, vector, np.zeros(3, np.float32)).T.astype(np.float64)


def turn_matrix(vector: Matrix, pivot: Floats) -> Matrix:
    """Rotation by a rotation vector about a point."""
    matrix = np.eye(4)
    matrix[:3, :3] = rotation_matrix(vector)
    matrix[:3, 3] = pivot - matrix[:3, :3] @ pivot
    return matrix


def look_at(eye: Matrix, target: Matrix) -> Matrix:
    """A camera at `eye` that looks at `target` with its top up."""
    back = unit_vector(eye - target)
    right = unit_vector(np.cross([0.0, 1.0, 0.0], back))
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack([right, np.cross(back, right), back])
    matrix[:3, 3] = -matrix[:3, :3] @ eye
    return matrix


def perspective(fov_degrees: float, aspect: float, near: float, far: float) -> Matrix:
    """A lens; the angle is that of the picture's height."""
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
    """A square of 2 * half metres without perspective."""
    return np.array(
        [
            [1 / half, 0, 0, 0],
            [0, 1 / half, 0, 0],
            [0, 0, -2 / (far - near), -(far + near) / (far - near)],
            [0, 0, 0, 1],
        ]
    )


def gl_bytes(matrix: Matrix) -> bytes:
    """Column after column, 32-bit floats."""
    return matrix.T.astype("f4").tobytes()
