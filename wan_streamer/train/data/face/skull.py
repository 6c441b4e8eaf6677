"""The head as smooth convex surfaces: what hair lies on and must not enter."""

import numpy as np
from numpy.typing import NDArray

from wan_streamer.train.data.face.mesh import Floats, unit
from wan_streamer.train.data.face.person import Person

Points = NDArray[np.floating]
_SHARPNESS_PER_M = 220.0  # of the soft maximum over the hull's facets
_NEIGHBOURS = 6


class Skull:
    """The convex hull of the upper head.

    Args:
        with_ears: hair that covers the ears must keep off them; hair behind them lies on the bone.
    """

    def __init__(self, person: Person, *, with_ears: bool) -> None:
        from scipy.spatial import ConvexHull

        body = person.vertices_of("body")
        points = person.rest_V3[body]
        kept = (points[:, 1] > -0.085) & (person.turn_V[body] > 0.7)
        if not with_ears:
            kept &= person.mask_at_vertices("ears")[body] < 0.2
        upper = points[kept]
        above_eyes = upper[upper[:, 1] > 0]
        self.centre = np.array([0.0, 0.02, (above_eyes[:, 2].min() + above_eyes[:, 2].max()) / 2], np.float64)
        equations = ConvexHull(upper.astype(np.float64)).equations
        self._normals, self._offsets = equations[:, :3], equations[:, 3]

    def distance(self, points: Points) -> tuple[Points, Points]:
        """Height above the surface [N] and outward normals [N, 3], smooth."""
        heights = points @ self._normals.T + self._offsets
        top = heights.max(1, keepdims=True)
        weight = np.exp((heights - top) * _SHARPNESS_PER_M)
        return top[:, 0], unit(weight @ self._normals)

    def surface(self, directions: Points) -> Points:
        """Where rays from the centre leave the head [N, 3]."""
        along = directions @ self._normals.T
        behind = -(self._normals @ self.centre + self._offsets)
        reach = np.where(along > 1e-6, behind / np.maximum(along, 1e-6), np.inf).min(1)
        out: Points = self.centre + directions * reach[:, None]
        return out


class Trunk:
    """Neck and shoulders, clothed: where hanging hair comes to lie."""

    def __init__(self, person: Person, normals: Floats) -> None:
        from scipy.spatial import cKDTree

        low = [person.vertices_of(name) for name in ("body", "helper-tights")]
        vertices = np.concatenate(low)
        vertices = vertices[person.rest_V3[vertices, 1] < -0.09]
        self._points, self._normals = person.rest_V3[vertices], normals[vertices]
        self._tree = cKDTree(self._points)

    def distance(self, points: Points) -> tuple[Points, Points]:
        """Height above the nearest skin [N] and its normals [N, 3]."""
        _, nearest = self._tree.query(points, k=_NEIGHBOURS)
        normal = unit(self._normals[nearest].mean(1))
        return ((points - self._points[nearest].mean(1)) * normal).sum(1), normal
