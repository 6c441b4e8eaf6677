"""Strands on the graphics card: each is a ribbon that its vertex shader turns towards whoever looks."""

from __future__ import annotations

import moderngl
import numpy as np
from numpy.typing import NDArray

from visitor.hair import Strands
from wan_streamer.train.data.face.camera import gl_bytes


class Ribbons:
    """One set of strands; `update` moves them, `draw` shows them, `cast` puts them into the shadow map."""

    def __init__(
        self, context: moderngl.Context, program: moderngl.Program, shadow: moderngl.Program, strands: Strands
    ) -> None:
        count, points = strands.points.shape[:2]
        self.width_m, self.swing = strands.width_m, strands.swing
        self.shade = strands.shade
        self.buffer = context.buffer(reserve=count * points * 2 * 9 * 4, dynamic=True)
        a = (np.arange(count)[:, None] * points + np.arange(points - 1)).ravel() * 2
        triangles = np.concatenate([np.c_[a, a + 1, a + 2], np.c_[a + 2, a + 1, a + 3]])
        indices = context.buffer(triangles.astype("i4").tobytes())
        names = ("position", "tangent", "side", "along", "shade")
        self.mesh = context.vertex_array(program, [(self.buffer, "3f 3f 1f 1f 1f", *names)], indices)
        self.shadow_mesh = context.vertex_array(shadow, [(self.buffer, "3f 3f 1f 1f 1x4", *names[:4])], indices)
        self.update(strands)

    def update(self, strands: Strands) -> None:
        count, points = strands.points.shape[:2]
        rows = np.empty((count, points, 2, 9), "f4")
        rows[..., 0:3] = strands.points[:, :, None]
        rows[..., 3:6] = np.gradient(strands.points, axis=1)[:, :, None]
        rows[..., 6] = (-1.0, 1.0)
        rows[..., 7] = np.linspace(0, 1, points)[None, :, None]
        rows[..., 8] = self.shade[:, None, None]
        self.buffer.write(rows.tobytes())

    def draw(
        self,
        program: moderngl.Program,
        to_clip: NDArray[np.float64],
        eye: NDArray[np.float64],
        turn: bytes,
        sheen: float,
    ) -> None:
        program["sheen"] = sheen
        self._set(program, to_clip, eye, turn)
        self.mesh.render()

    def cast(
        self, program: moderngl.Program, to_light: NDArray[np.float64], light: NDArray[np.float64], turn: bytes
    ) -> None:
        self._set(program, to_light, light, turn)
        self.shadow_mesh.render()

    def _set(
        self, program: moderngl.Program, to_clip: NDArray[np.float64], eye: NDArray[np.float64], turn: bytes
    ) -> None:
        program["to_clip"].write(gl_bytes(to_clip))
        program["head_turn"].write(turn)
        program["eye_point"] = tuple(eye)
        program["width_m"] = self.width_m
        program["swing"] = self.swing
