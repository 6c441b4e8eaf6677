"""A person as a mesh that moves: the heads' mixture that an identity asks for."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.face.base_mesh import Group
from wan_streamer.train.data.face.heads import MASKS, Heads
from wan_streamer.train.data.face.identity import Identity
from wan_streamer.train.data.face.mesh import Floats, Indices, Normals

DRAWN_GROUPS: Final = (
    "body",
    "helper-tights",
    "helper-upper-teeth",
    "helper-lower-teeth",
    "helper-tongue",
    "lashes",
)
CLOTH_OFFSET_M: Final = 0.007


@dataclass(frozen=True, kw_only=True)
class Person:
    """V vertices of one identity; the axes are those of `Heads`.

    Attributes:
        rest_V3: without any action, cloth not yet lifted off the skin.
        pivot: where the head turns.
    """

    heads: Heads
    rest_V3: Floats
    pivot: Floats

    @property
    def groups(self) -> Mapping[str, Group]:
        """Triangles by part."""
        return self.heads.groups

    @property
    def turn_V(self) -> Floats:
        """The share of the head's rotation that a vertex follows."""
        return self.heads.turn_V

    @cached_property
    def normals(self) -> Normals:
        """Of everything drawn."""
        return Normals(np.concatenate([self.groups[name].faces_T3 for name in DRAWN_GROUPS]), len(self.rest_V3))

    def vertices_of(self, group: str) -> Indices:
        """The vertices of a part."""
        return np.unique(self.groups[group].faces_T3)

    def mask_at_vertices(self, name: str) -> Floats:
        """0 to 1 for each vertex of the body: how far the named mask covers it."""
        body, masks = self.groups["body"], self.heads.masks
        size = masks.shape[0]
        at = np.clip((body.uv_T32.reshape(-1, 2) * [1, -1] + [0, 1]) * size, 0, size - 1).astype(int)
        covered = np.zeros(len(self.rest_V3), np.float32)
        covered[body.faces_T3.ravel()] = masks[at[:, 1], at[:, 0], MASKS.index(name)] / 255
        return covered

    def eye_points(self, side: str) -> Floats:
        """Vertices of MakeHuman's eyeball, "l" or "r" (the person's own side)."""
        return self.rest_V3[self.vertices_of(f"helper-{side}-eye")]


def make_person(heads: Heads, identity: Identity) -> Person:
    """Mixes a person.

    Raises:
        InvalidInput: the identity names an anchor or a direction that the heads do not have.
    """
    unknown = (identity.anchors.keys() - heads.anchors.keys()) | (identity.directions.keys() - heads.directions.keys())
    if unknown:
        raise InvalidInput(
            f"got {', '.join(sorted(unknown))} in {identity.name!r}, which the exported heads do not have; "
            "export them again",
            reason="HEADS",
        )
    rest, pivot = heads.mean_V3.copy(), np.zeros(3, np.float32)
    for name, weight in identity.anchors.items():
        rest += np.float32(weight) * heads.anchors[name]
        pivot += np.float32(weight) * heads.pivots[name]
    for name, weight in identity.directions.items():
        rest += np.float32(weight) * heads.directions[name]
    return Person(heads=heads, rest_V3=rest, pivot=pivot)
