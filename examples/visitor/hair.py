"""Hair, brows and lashes: strands that are grown from the head, combed, and kept out of the skin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.spatial import ConvexHull, cKDTree

from wan_streamer.train.data.face.mesh import Floats, Indices
from wan_streamer.train.data.face.mesh import unit as _unit
from wan_streamer.train.data.face.person import Person

STRAND_COUNT = 7_000
POINTS_PER_STRAND = 20
STEP_M = 0.0090
PART_X_M = 0.028
HAIR_WIDTH_M = 0.0016
BROW_COUNT, BROW_POINTS, BROW_WIDTH_M = 420, 5, 0.00055


@dataclass(frozen=True, kw_only=True)
class Strands:
    """points: S strands x P points x 3. shade: S, a random number for each strand. width_m: at the root.

    swing: share of the head's turn that the tips do not follow.
    """

    points: Floats
    shade: Floats
    width_m: float
    swing: float


def scalp_weight(person: Person) -> Floats:
    """For each vertex: 1 where hair grows, 0 elsewhere, with a soft hairline between."""
    height, azimuth = _head_coordinates(person)
    # Degrees from the face's middle -> height of the hairline above the eyes, metres.
    line = np.interp(
        np.abs(azimuth), [0, 25, 42, 58, 75, 95, 120, 180], [0.066, 0.064, 0.052, 0.030, 0.012, 0.012, -0.05, -0.075]
    )
    weight = np.clip((height - line) / 0.018 + 0.5, 0, 1)
    return (weight * (person.turn_V > 0.7) * (person.mask_at_vertices("ears") < 0.2)).astype(np.float32)


def _head_coordinates(person: Person) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Height above the eyes (metres) and azimuth about the head's vertical axis (degrees, 0 = face)."""
    centre = _head_centre(person)
    offset = person.rest_V3 - centre
    return offset[:, 1], np.degrees(np.arctan2(offset[:, 0], offset[:, 2]))


def _head_centre(person: Person) -> Floats:
    """On the eyes' level, in the middle of the skull."""
    eyes = person.rest_V3[person.vertices_of("helper-l-eye")]
    skull = person.rest_V3[person.vertices_of("body")]
    skull = skull[skull[:, 1] > eyes[:, 1].mean()]
    return np.array([0.0, eyes[:, 1].mean(), (skull[:, 2].min() + skull[:, 2].max()) / 2], np.float32)


def grow_hair(person: Person, normals: Floats, *, seed: int) -> Strands:
    """A side-parted bob: out of the scalp, away from the parting, down along the head, in towards the chin."""
    random = np.random.default_rng(seed)
    roots, outward = _scatter(person, normals, scalp_weight(person), STRAND_COUNT, random)
    skin = _Skin(person, normals, random)
    eye_y = _head_centre(person)[1]
    lift = random.uniform(0.001, 0.017, STRAND_COUNT)[:, None]
    length = random.uniform(0.88, 1.0, STRAND_COUNT)[:, None]
    heading = _unit(outward * 0.3 + _comb(roots, outward) + np.array([0, -0.3, 0]))
    points = [roots]
    position = roots
    for _ in range(POINTS_PER_STRAND - 1):
        above_skin, normal = skin.near(position)
        below = np.clip((eye_y - 0.01 - position[:, 1:2]) / 0.07, 0, 1)
        cling = -normal * np.clip((above_skin - lift) / 0.02, 0, 1.0) * (1 - 0.75 * below)
        combed = np.clip((position[:, 1:2] - eye_y - 0.015) / 0.06, 0, 1)
        pull = (
            0.5 * combed * _comb(position, normal) + np.array([0, -0.55, 0]) + 0.6 * cling + _curl_in(position, below)
        )
        heading = _unit(heading + 0.8 * pull + random.normal(0, 0.045, position.shape))
        position = skin.kept_out(position + STEP_M * length * heading, lift)
        points.append(position)
    curves = gaussian_filter1d(np.stack(points, 1), 1.2, axis=1, mode="nearest")
    curves[:, 0] = roots
    curves = curves[_leaves_face_free(curves, person)].astype(np.float32)
    return Strands(points=curves, shade=random.random(len(curves)).astype(np.float32), width_m=HAIR_WIDTH_M, swing=0.22)


class _Skin:
    """What strands must not enter: neck, shoulders, the head's convex hull (they would curl in the ears' folds)."""

    def __init__(self, person: Person, normals: Floats, random: np.random.Generator) -> None:
        body = person.vertices_of("body")
        height = person.rest_V3[body, 1] - _head_centre(person)[1]
        trunk = body[(height > -0.32) & (height < -0.07)]
        head, out_of_head = _sample_hull(person.rest_V3[body[height > -0.075]], random)
        self.points = np.concatenate([person.rest_V3[trunk], head])
        self.normals = np.concatenate([normals[trunk], out_of_head])
        self.tree = cKDTree(self.points)

    def near(self, position: NDArray[np.floating]) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """Height above the nearest skin (N x 1, negative inside) and its normal."""
        _, nearest = self.tree.query(position, k=6)
        normal = _unit(self.normals[nearest].mean(1))
        return ((position - self.points[nearest].mean(1)) * normal).sum(1, keepdims=True), normal

    def kept_out(self, position: NDArray[np.floating], lift: NDArray[np.floating]) -> NDArray[np.floating]:
        height, normal = self.near(position)
        return position + normal * np.clip(lift - height, 0, 0.012)


def _sample_hull(
    points: Floats, random: np.random.Generator, count: int = 12_000
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Random points on the convex hull, and its outward normals there."""
    hull = ConvexHull(points)
    a, b, c = (points[hull.simplices[:, i]] for i in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    chosen = random.choice(len(area), count, p=area / area.sum())
    share = random.dirichlet((1, 1, 1), count)
    return sum(share[:, i, None] * corner[chosen] for i, corner in enumerate((a, b, c))), hull.equations[chosen, :3]


def _comb(position: NDArray[np.floating], normal: NDArray[np.floating]) -> NDArray[np.floating]:
    """Away from the parting to either side, and back from the face; along the surface."""
    side = np.where(position[:, :1] > PART_X_M, 1.0, -1.0)
    wish = side * np.array([1.0, 0, 0]) + np.array([0, 0, -0.50])
    return wish - normal * (wish * normal).sum(1, keepdims=True)


def _curl_in(position: NDArray[np.floating], below: NDArray[np.floating]) -> NDArray[np.floating]:
    """The lower the strand hangs, the more it turns towards the neck."""
    towards_neck = -position * np.array([1.0, 0, 0])
    return 0.16 * below * _unit(towards_neck)


def _leaves_face_free(curves: NDArray[np.floating], person: Person) -> NDArray[np.bool_]:
    """False for strands that stray over the eyes, the mouth or the throat."""
    centre = _head_centre(person)
    x, y, z = np.abs(curves[..., 0]), curves[..., 1] - centre[1], curves[..., 2]
    over_face = (x < 0.056) & (y < 0.028) & (z > centre[2] + 0.03)
    over_throat = (x < 0.05) & (y < -0.08) & (z > person.pivot[2] + 0.02)
    return ~(over_face | over_throat).any(1)


def _scatter(
    person: Person, normals: Floats, weight: Floats, count: int, random: np.random.Generator
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Random points on the skin, as dense as `weight` says, and the normals there."""
    faces = person.groups["body"].faces_T3
    corners = person.rest_V3[faces]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    density = area * weight[faces].mean(1)
    chosen = random.choice(len(faces), count, p=density / density.sum())
    share = random.dirichlet((1, 1, 1), count)[..., None]
    return (corners[chosen] * share).sum(1), _unit((normals[faces[chosen]] * share).sum(1))


@dataclass(frozen=True, kw_only=True)
class Brows:
    """Brow strands as offsets from the skin vertex nearest to their root, so that they follow the face."""

    anchors: Indices
    offsets: Floats
    shade: Floats

    def strands(self, vertices: Floats) -> Strands:
        return Strands(
            points=vertices[self.anchors][:, None] + self.offsets, shade=self.shade, width_m=BROW_WIDTH_M, swing=0.0
        )


def grow_brows(person: Person, normals: Floats, *, seed: int) -> Brows:
    random = np.random.default_rng(seed)
    skin = person.vertices_of("body")
    skin = skin[(person.turn_V[skin] > 0.99) & (normals[skin, 2] > 0.2)]
    tree = cKDTree(person.rest_V3[skin][:, :2])
    roots, headings = [], []
    for eye, side in (("helper-r-eye", -1.0), ("helper-l-eye", 1.0)):
        centre = person.rest_V3[person.vertices_of(eye)].mean(0)
        along = random.beta(1.45, 1.25, BROW_COUNT)
        spread = (1 - along**2) * 0.0026 + 0.0008
        x = centre[0] + side * (-0.016 + 0.041 * along)
        y = (
            centre[1]
            + 0.0205
            + 0.0065 * np.sin(np.pi * along**0.8 * 0.78)
            - 0.003 * along
            + random.uniform(-1, 1, BROW_COUNT) * spread
        )
        roots.append(np.stack([x, y], 1))
        headings.append(np.stack([side * (0.35 + 0.65 * along), 0.75 - 1.05 * along], 1))
    root, heading = np.concatenate(roots), _unit(np.concatenate(headings))
    _, nearest = tree.query(root, k=3)
    nearest = skin[nearest]
    step = np.linspace(0, 0.0062, BROW_POINTS)[None, :, None] * random.uniform(0.7, 1.2, (len(root), 1, 1))
    flat = root[:, None] + step * heading[:, None]
    surface = _surface_depth(person, normals, nearest[:, 0], flat) + 0.0006 + 0.0006 * np.linspace(0, 1, BROW_POINTS)
    points = np.concatenate([flat, surface[..., None]], -1)
    offsets = (points - person.rest_V3[nearest[:, 0]][:, None]).astype(np.float32)
    return Brows(anchors=nearest[:, 0], offsets=offsets, shade=random.random(len(root)).astype(np.float32))


def _surface_depth(
    person: Person, normals: Floats, anchor: Indices, flat: NDArray[np.floating]
) -> NDArray[np.floating]:
    """z on the plane that touches the skin at the anchor, for points given by x and y."""
    delta = flat - person.rest_V3[anchor][:, None, :2]
    normal = normals[anchor][:, None]
    return person.rest_V3[anchor][:, None, 2] - (delta * normal[..., :2]).sum(-1) / np.maximum(normal[..., 2], 0.3)
