"""The exported heads: from them any number of people are made without anny.

A person is a mixture of anchors (complete people: a gender, an origin, an age) plus shape directions (a wider nose)
plus, for each picture, facial actions. All are differences to one mean person and add up.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.face.base_mesh import Group
from wan_streamer.train.data.face.mesh import Floats, Indices
from wan_streamer.train.data.sources.cache import default_root

VERSION: Final = 1
FILE_NAME: Final = f"heads-{VERSION}.npz"
EXPORT_COMMAND: Final = "wan-streamer data faces"
# Channels of `Heads.masks`: MakeHuman's own drawings of where these are.
MASKS: Final = ("lips", "eyelids", "inside-mouth", "ears")


@dataclass(frozen=True, kw_only=True)
class Arm:
    """A forearm and hand, raised: elbow at the origin, fingers up, palm towards the viewer. Metres."""

    rest_V3: Floats
    faces_T3: Indices
    wrist_y_m: float


@dataclass(frozen=True, kw_only=True)
class Heads:
    """V vertices: the upper body, and helpers that follow it (teeth, tongue, lashes, eyes, a garment).

    Axes: x to the viewer's right, y up, z towards the viewer, metres; the point between the eyes is the origin.

    Attributes:
        mean_V3: the mean person.
        anchors: by name, the difference of a whole person to the mean [V, 3], float16.
        directions: by name, what one unit of a shape direction adds [V, 3], float16.
        actions: by ARKit's name, what one unit of a facial action adds [V, 3], float16.
        pivots: by the anchor's name, where the head turns [3].
        turn_V: the share of the head's rotation that a vertex follows.
        groups: triangles by part.
        masks: [size, size, 4] bytes, one channel for each name in MASKS, top row first.
        arms: a raised arm by what the hand does: "wave" or "grip".
    """

    mean_V3: Floats
    anchors: Mapping[str, NDArray[np.float16]]
    directions: Mapping[str, NDArray[np.float16]]
    actions: Mapping[str, NDArray[np.float16]]
    pivots: Mapping[str, Floats]
    turn_V: Floats
    groups: Mapping[str, Group]
    masks: NDArray[np.uint8]
    arms: Mapping[str, Arm]


def default_heads_folder() -> Path:
    """Where `wan-streamer data faces` puts them."""
    return default_root() / "faces"


def load_heads(folder: Path) -> Heads:
    """The heads that the export wrote.

    Raises:
        InvalidInput: there are none, or of another version.
    """
    path = folder / FILE_NAME
    if not path.is_file():
        raise InvalidInput(
            f"got no heads at {path}, expected those that `{EXPORT_COMMAND}` exports; run it once", reason="NO_HEADS"
        )
    with np.load(path, allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    return _heads(arrays)


def _heads(arrays: Mapping[str, NDArray[np.generic]]) -> Heads:
    def part(prefix: str) -> dict[str, NDArray[np.generic]]:
        return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}

    faces, uv, arms, arm_faces, wrists = (part(f"{name}:") for name in ("faces", "uv", "arm", "arm-faces", "wrist"))
    return Heads(
        mean_V3=_float32(arrays["mean"]),
        anchors={name: array.astype(np.float16) for name, array in part("anchor:").items()},
        directions={name: array.astype(np.float16) for name, array in part("direction:").items()},
        actions={name: array.astype(np.float16) for name, array in part("action:").items()},
        pivots={name: _float32(array) for name, array in part("pivot:").items()},
        turn_V=_float32(arrays["turn"]),
        groups={n: Group(faces_T3=faces[n].astype(np.int64), uv_T32=_float32(uv[n])) for n in sorted(faces)},
        masks=arrays["masks"].astype(np.uint8),
        arms={
            name: Arm(
                rest_V3=_float32(array), faces_T3=arm_faces[name].astype(np.int64), wrist_y_m=float(wrists[name].item())
            )
            for name, array in arms.items()
        },
    )


def _float32(array: NDArray[np.generic]) -> Floats:
    return array.astype(np.float32)
