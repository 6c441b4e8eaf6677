"""What meshes share: their types, normals, joining drawn vertices, and turning vertices with a head."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]
Indices: TypeAlias = NDArray[np.int64]


def turned(vertices: Floats, share: Floats, rotation: NDArray[np.float64], pivot: Floats) -> Floats:
    """Rotate each vertex by its share of a rotation vector (radians) about the pivot (Rodrigues' formula)."""
    angle = float(np.linalg.norm(rotation))
    if angle < 1e-9:
        return vertices
    axis = rotation / angle
    arm = vertices - pivot
    cos, sin = np.cos(share * angle)[:, None], np.sin(share * angle)[:, None]
    along = (arm @ axis)[:, None] * axis * (1 - cos)
    turned_V3: Floats = (pivot + arm * cos + np.cross(axis, arm) * sin + along).astype(np.float32)
    return turned_V3


class Normals:
    """Smooth vertex normals of one mesh whose triangles never change."""

    def __init__(self, triangles: Indices, vertex_count: int) -> None:
        from scipy.sparse import csr_matrix

        self._triangles = triangles
        rows, columns = triangles.ravel(), np.repeat(np.arange(len(triangles)), 3)
        self._incidence = csr_matrix(
            (np.ones(len(rows), np.float32), (rows, columns)), shape=(vertex_count, len(triangles))
        )

    def __call__(self, vertices: Floats) -> Floats:
        """Unit normals [V, 3]; zero where no triangle is."""
        a, b, c = (vertices[self._triangles[:, i]] for i in range(3))
        summed: Floats = self._incidence @ np.cross(b - a, c - a)
        return unit(summed)


def unit(vectors: NDArray[np.floating]) -> Floats:
    """Each vector at length 1; zero stays zero."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    scaled: Floats = (vectors / np.maximum(length, 1e-12)).astype(np.float32)
    return scaled


def grid_triangles(columns: int, rows: int) -> Indices:
    """Triangles of a grid whose vertices are numbered row after row within a column."""
    a = (np.arange(columns - 1)[:, None] * rows + np.arange(rows - 1)).ravel()
    return np.concatenate([np.c_[a, a + rows, a + 1], np.c_[a + 1, a + rows, a + rows + 1]])
