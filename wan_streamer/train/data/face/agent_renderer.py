"""Draws the agent: one face, one place behind it, one camera, one light."""

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wan_streamer.train.data.agent import Looks
from wan_streamer.train.data.curves import Curves
from wan_streamer.train.data.face.backdrops import paint_backdrop, paint_desk_hall
from wan_streamer.train.data.face.camera import look_at, perspective
from wan_streamer.train.data.face.canvas import Backdrop, Canvas, make_context
from wan_streamer.train.data.face.figure import Figure
from wan_streamer.train.data.face.heads import load_heads
from wan_streamer.train.data.face.lighting import Lighting
from wan_streamer.train.data.face.streaks import make_streaks

VIEW_HEIGHT_M: Final = 0.385
CAMERA_DISTANCE_M: Final = 1.45
AIM: Final = np.array([0.0, -0.040, 0.08])
SKIN_TEXELS_A_ROW: Final = 3  # of the picture; a head is a third of the texture and half of the picture


class AgentRenderer:
    """One picture from one row of curves; the same row gives the same bytes on the same driver.

    Raises:
        InvalidInput: no EGL, no exported heads, people or shapes that they do not have, or a size that no picture has.
    """

    def __init__(self, heads_folder: Path, looks: Looks, height: int = 128, width: int = 224) -> None:
        heads = load_heads(heads_folder)
        self._context = make_context()
        self._canvas = Canvas(self._context, height, width)
        self._streaks = make_streaks(self._context)
        skin_size = 1024 if height < 300 else 2048
        self._figure = Figure(self._context, heads, looks.face, Lighting(), skin_size=skin_size, seed=5)
        behind = (
            paint_desk_hall(height, width)
            if looks.place == "desk"
            else paint_backdrop(looks.place, looks.place_seed, height, width)
        )
        self._backdrop = Backdrop(self._canvas, behind)
        camera = AIM + np.array([0.0, 0.02, CAMERA_DISTANCE_M])
        fov = 2 * float(np.degrees(np.arctan(VIEW_HEIGHT_M / 2 / CAMERA_DISTANCE_M)))
        self._figure.aim(perspective(fov, width / height, 0.3, 4.0) @ look_at(camera, AIM), camera)

    def draw(self, curves: Curves, frame: int) -> NDArray[np.uint8]:
        """One frame [height, width, 3], sRGB bytes."""
        with self._context:  # another renderer's context may be current
            self._figure.place(curves.row(frame))
            self._canvas.begin()
            self._figure.draw(self._streaks)
            self._backdrop.draw()
            return self._canvas.read()

    def close(self) -> None:
        """Gives the context back."""
        self._context.release()
