"""The drawn vertices of a person, one part for each material. What the facial actions move comes first."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wan_streamer.train.data.curves import FACE_ACTIONS
from wan_streamer.train.data.face.eyes import EYE_RADIUS_M, Eye
from wan_streamer.train.data.face.hair import HairMesh
from wan_streamer.train.data.face.mesh import Floats, Indices
from wan_streamer.train.data.face.person import CLOTH_OFFSET_M, Person
from wan_streamer.train.data.face.things import Thing

LASH_LENGTH_M: Final = 0.006
MOUTH_DEPTH_M: Final = 0.030
TONGUE, TOOTH = 0.0, 1.0


@dataclass(frozen=True, kw_only=True)
class Part:
    """N drawn vertices of one material; the columns are those of `shaders.VERTEX`.

    Attributes:
        source_N: which vertex of the person each one is; -1 where it is none.
    """

    material: str
    position_N3: Floats
    normal_N3: Floats
    rest_N3: Floats
    uv_N2: Floats
    turn_N: Floats
    detail_N: Floats
    source_N: Indices
    triangles_T3: Indices
    casts_shadow: bool = True
    depth_N: Floats | None = None
    """Instead of measured light, for what is in the mouth."""


def body_parts(person: Person, normals: Floats, scalp_V: Floats) -> list[Part]:
    """Skin, garment, mouth and lashes."""
    cloth = _corners(person, "helper-tights", "cloth", normals, np.zeros_like(scalp_V))
    lifted = cloth.position_N3 + CLOTH_OFFSET_M * cloth.normal_N3
    return [
        _corners(person, "body", "skin", normals, scalp_V),
        replace(cloth, position_N3=lifted),
        *(_mouth(person, group, normals) for group in ("helper-upper-teeth", "helper-lower-teeth", "helper-tongue")),
        _corners(person, "lashes", "lash", normals, _from_lid(person), casts_shadow=False),
    ]


def _corners(
    person: Person,
    group: str,
    material: str,
    normals: Floats,
    detail_V: Floats,
    *,
    casts_shadow: bool = True,
    depth_V: Floats | None = None,
) -> Part:
    """One drawn vertex for each pair of vertex and texture coordinate."""
    mesh = person.groups[group]
    rows = np.column_stack([mesh.faces_T3.ravel(), mesh.uv_T32.reshape(-1, 2)])
    unique, inverse = np.unique(rows, axis=0, return_inverse=True)
    source = unique[:, 0].astype(np.int64)
    return Part(
        material=material,
        position_N3=person.rest_V3[source],
        normal_N3=normals[source],
        rest_N3=person.rest_V3[source],
        uv_N2=unique[:, 1:].astype(np.float32),
        turn_N=person.turn_V[source],
        detail_N=detail_V[source],
        source_N=source,
        triangles_T3=inverse.reshape(-1, 3),
        casts_shadow=casts_shadow,
        depth_N=None if depth_V is None else depth_V[source],
    )


def _mouth(person: Person, group: str, normals: Floats) -> Part:
    """Teeth know how far they are from the gum; all of the mouth is darker the deeper it is."""
    vertices = person.vertices_of(group)
    detail = np.zeros(len(person.rest_V3), np.float32)
    if group != "helper-tongue":
        height = person.rest_V3[vertices, 1] * (-1 if "upper" in group else 1)
        detail[vertices] = TOOTH + (height - height.min()) / np.ptp(height)
    inward = np.clip(1 + (person.rest_V3[:, 2] - mouth_front(person)[2]) / MOUTH_DEPTH_M, 0, 1)
    depth = (inward**2 * (3 - 2 * inward)).astype(np.float32)
    return _corners(person, group, "mouth", normals, detail, casts_shadow=False, depth_V=depth)


def mouth_front(person: Person) -> Floats:
    """The middle of the upper teeth's edge."""
    teeth = person.rest_V3[person.vertices_of("helper-upper-teeth")]
    return np.array([0.0, teeth[:, 1].min(), teeth[:, 2].max()], np.float32)


def _from_lid(person: Person) -> Floats:
    """0 at the root of a lash, about 1 at its tip."""
    from scipy.spatial import cKDTree

    lashes = person.vertices_of("lashes")
    distance, _ = cKDTree(person.rest_V3[person.vertices_of("body")]).query(person.rest_V3[lashes])
    detail = np.zeros(len(person.rest_V3), np.float32)
    detail[lashes] = distance / LASH_LENGTH_M
    return detail


def eye_part(eye: Eye) -> Part:
    """An eyeball: its rest positions are directions in its own frame."""
    position, normal = eye.looking(0.0, 0.0)
    count = len(position)
    plain = np.zeros(count, np.float32)
    return Part(
        material="eye",
        position_N3=position.astype(np.float32),
        normal_N3=normal.astype(np.float32),
        rest_N3=eye.directions.astype(np.float32),
        uv_N2=np.zeros((count, 2), np.float32),
        turn_N=plain + 1,
        detail_N=(normal[:, 1] * EYE_RADIUS_M).astype(np.float32),
        source_N=np.full(count, -1),
        triangles_T3=eye.triangles,
        casts_shadow=False,
        depth_N=plain + 0.8,
    )


def hair_part(mesh: HairMesh) -> Part:
    """Hair: its rest positions are the strands' directions."""
    return Part(
        material="hair",
        position_N3=mesh.position_N3,
        normal_N3=mesh.normal_N3,
        rest_N3=mesh.flow_N3,
        uv_N2=mesh.uv_N2,
        turn_N=mesh.turn_N,
        detail_N=mesh.fringe_N,
        source_N=np.full(len(mesh.position_N3), -1),
        triangles_T3=mesh.triangles_T3,
    )


def glasses_part(glasses: Thing) -> Part:
    """Spectacles: their rest positions are colours."""
    count = len(glasses.position_N3)
    return Part(
        material="thing",
        position_N3=glasses.position_N3,
        normal_N3=glasses.normal_N3,
        rest_N3=glasses.colour_N3,
        uv_N2=np.column_stack([glasses.gloss_N, np.zeros(count)]).astype(np.float32),
        turn_N=np.ones(count, np.float32),
        detail_N=np.zeros(count, np.float32),
        source_N=np.full(count, -1),
        triangles_T3=glasses.triangles_T3,
        casts_shadow=False,
        depth_N=np.ones(count, np.float32),
    )


def joined_triangles(parts: Sequence[Part], *, material: str | None = None, casting: bool = False) -> Indices:
    """Triangles of the parts as if all stood in one list of vertices; only of a material, only what casts shadows."""
    chosen, start = [np.zeros((0, 3), np.int64)], 0
    for part in parts:
        if material in (None, part.material) and (part.casts_shadow or not casting):
            chosen.append(part.triangles_T3 + start)
        start += len(part.position_N3)
    return np.concatenate(chosen)


@dataclass(frozen=True, kw_only=True)
class Actions:
    """What the facial actions do to M moving vertices.

    Attributes:
        moving_M: vertices of the person.
        change_KM6: what one unit of each of FACE_ACTIONS adds to position and normal.
    """

    moving_M: Indices
    change_KM6: Floats

    def at(self, weights_K: NDArray[np.float32]) -> Floats:
        """The change [M, 6] under weights of all actions."""
        used = np.flatnonzero(weights_K)
        change: Floats = np.tensordot(weights_K[used], self.change_KM6[used], 1)
        return change


def make_actions(person: Person, normals: Floats) -> Actions:
    """Normals change in proportion too: exact for one action, near enough for several."""
    deltas = [person.heads.actions[name].astype(np.float32) for name in FACE_ACTIONS]
    moving = np.flatnonzero(np.any([np.abs(delta).max(1) > 2e-5 for delta in deltas], axis=0))
    rows = []
    for delta in deltas:
        bent = person.normals(person.rest_V3 + delta) - normals
        rows.append(np.hstack([delta[moving], bent[moving]]))
    return Actions(moving_M=moving, change_KM6=np.stack(rows).astype(np.float32))
