"""Solid things made of a few shapes: boxes, lathes, tubes. Each part has one colour and one gloss."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wan_streamer.train.data.face.identity import Colour
from wan_streamer.train.data.face.mesh import Floats, Indices, Normals, grid_triangles

Vector = tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class Thing:
    """N vertices, metres; colours are linear; gloss 0 to 1."""

    position_N3: Floats
    normal_N3: Floats
    colour_N3: Floats
    gloss_N: Floats
    triangles_T3: Indices


def thing(position: NDArray[np.floating], triangles: Indices, colour: Colour, gloss: float = 0.0) -> Thing:
    """A smooth surface."""
    vertices = position.astype(np.float32)
    return Thing(
        position_N3=vertices,
        normal_N3=Normals(triangles, len(vertices))(vertices),
        colour_N3=np.tile(np.array(colour, np.float32), (len(vertices), 1)),
        gloss_N=np.full(len(vertices), gloss, np.float32),
        triangles_T3=triangles,
    )


def joined(things: Sequence[Thing]) -> Thing:
    """Several as one."""
    starts = np.cumsum([0, *(len(t.position_N3) for t in things)])
    return Thing(
        position_N3=np.concatenate([t.position_N3 for t in things]),
        normal_N3=np.concatenate([t.normal_N3 for t in things]),
        colour_N3=np.concatenate([t.colour_N3 for t in things]),
        gloss_N=np.concatenate([t.gloss_N for t in things]),
        triangles_T3=np.concatenate([t.triangles_T3 + start for t, start in zip(things, starts, strict=False)]),
    )


def box(centre: Vector, size: Vector, colour: Colour, gloss: float = 0.1, *, top_share: float = 1.0) -> Thing:
    """Six flat sides; `top_share` narrows the top."""
    faces: list[tuple[int, int, int]] = []
    position: list[NDArray[np.float64]] = []
    for axis in range(3):
        for sign in (-1.0, 1.0):
            one, two = np.eye(3)[(axis + 1) % 3], np.eye(3)[(axis + 2) % 3]
            out = sign * np.eye(3)[axis]
            corners = [out - sign * one - two, out + sign * one - two, out + sign * one + two, out - sign * one + two]
            start = len(position)
            position += corners
            faces += [(start, start + 1, start + 2), (start, start + 2, start + 3)]
    unit_box = np.array(position)
    unit_box[:, 0] *= np.where(unit_box[:, 1] > 0, top_share, 1.0)
    return thing(unit_box * np.array(size) / 2 + np.array(centre), np.array(faces), colour, gloss)


def lathe(
    centre: Vector, profile: Sequence[tuple[float, float]], colour: Colour, gloss: float = 0.2, *, sides: int = 20
) -> Thing:
    """A profile of (radius, height) turned about the vertical through the centre."""
    radius, height = np.array(profile).T
    around = np.linspace(0, 2 * np.pi, sides + 1)
    grid = np.stack(
        [
            radius * np.sin(around)[:, None],
            np.broadcast_to(height, (sides + 1, len(height))),
            radius * np.cos(around)[:, None],
        ],
        -1,
    )
    return thing(grid.reshape(-1, 3) + np.array(centre), grid_triangles(sides + 1, len(radius)), colour, gloss)


def tube(path: Sequence[Vector], radius: float, colour: Colour, gloss: float = 0.2, *, sides: int = 6) -> Thing:
    """A round bar along a path."""
    points = np.array(path)
    along = np.gradient(points, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    helper = np.where(np.abs(along[:, 2:3]) < 0.9, [[0.0, 0.0, 1.0]], [[1.0, 0.0, 0.0]])
    one = np.cross(along, helper)
    one /= np.linalg.norm(one, axis=1, keepdims=True)
    two = np.cross(along, one)
    angle = np.linspace(0, 2 * np.pi, sides + 1)[:, None, None]
    grid = points + radius * (np.cos(angle) * one + np.sin(angle) * two)
    return thing(grid.reshape(-1, 3), grid_triangles(sides + 1, len(points)), colour, gloss)
