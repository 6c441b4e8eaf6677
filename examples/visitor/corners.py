"""Which vertices of the person are drawn, with which material and what the shader is told about them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from visitor import shaders
from visitor.head import Floats, Indices, Person

BODY_CUT_Y = 0.30  # the camera never sees what is lower
LASH_LENGTH_M = 0.006
MATERIAL_OF_GROUP = {
    "body": "skin", "helper-tights": "cloth", "helper-upper-teeth": "tooth", "helper-lower-teeth": "tooth",
    "helper-tongue": "tongue", "lashes": "lash",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Corners:
    """Drawn vertices: each is a vertex of the person (`source`) with its own texture coordinates and material."""

    source: Indices
    uv: Floats
    material: Floats
    triangles: Indices


def make_corners(person: Person) -> Corners:
    """One drawn vertex for each pair of vertex and texture coordinate; what the camera never sees is left out."""
    sources, uvs, materials, triangles, start = [], [], [], [], 0
    for group, material in MATERIAL_OF_GROUP.items():
        faces = person.faces[group]
        seen = person.rest[faces][..., 1].min(1) > BODY_CUT_Y
        rows = np.column_stack([faces[seen].ravel(), person.corners_uv[group][seen].reshape(-1, 2)])
        unique, inverse = np.unique(rows, axis=0, return_inverse=True)
        sources.append(unique[:, 0].astype(np.int64))
        uvs.append(unique[:, 1:])
        materials.append(np.full(len(unique), shaders.MATERIALS[material]))
        triangles.append(inverse.reshape(-1, 3) + start)
        start += len(unique)
    return Corners(
        source=np.concatenate(sources),
        uv=np.concatenate(uvs).astype(np.float32),
        material=np.concatenate(materials).astype(np.float32),
        triangles=np.concatenate(triangles),
    )


def shader_detail(person: Person, scalp: Floats) -> Floats:
    """What the shader wants to know besides the position: hair on skin; distance from the gum or from the lid."""
    detail = scalp.copy()
    for group, sign in (("helper-upper-teeth", -1.0), ("helper-lower-teeth", 1.0)):
        vertices = person.vertices_of(group)
        height = sign * person.rest[vertices, 1]
        detail[vertices] = (height - height.min()) / np.ptp(height)
    lashes = person.vertices_of("lashes")
    from_lid, _ = cKDTree(person.rest[person.vertices_of("body")]).query(person.rest[lashes])
    detail[lashes] = from_lid / LASH_LENGTH_M
    return detail
