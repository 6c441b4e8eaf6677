"""Things on the graphics card that move as a whole: a raised arm, what it holds."""

import moderngl
import numpy as np

from wan_streamer.train.data.face import shaders
from wan_streamer.train.data.face.camera import Matrix, gl_bytes
from wan_streamer.train.data.face.lighting import Lighting
from wan_streamer.train.data.face.mesh import Floats
from wan_streamer.train.data.face.things import Thing

OPEN_SKY = (0.9, 1.0)  # nothing shades it


class Prop:
    """A thing in a scene's light. `draw` shows it turned about its origin and shifted."""

    def __init__(
        self, context: moderngl.Context, shape: Thing, lighting: Lighting, to_clip: Matrix, camera: Matrix
    ) -> None:
        count = len(shape.position_N3)
        rows = np.column_stack(
            [
                shape.position_N3, shape.normal_N3, shape.colour_N3, shape.gloss_N, np.zeros(count), np.ones(count),
                np.tile(OPEN_SKY, (count, 1)),
            ]
        )  # fmt: skip
        self._program = shaders.material_program(context, "thing")
        names = ("position", "normal", "rest", "uv", "turn", "light")
        vertices = context.buffer(rows.astype("f4").tobytes())
        indices = context.buffer(shape.triangles_T3.astype("i4").tobytes())
        self._mesh = context.vertex_array(self._program, [(vertices, "3f 3f 3f 2f 1f 2f", *names)], indices)
        self._set({**lighting.uniforms(), "camera": tuple(camera), "pivot": (0.0, 0.0, 0.0), "breath": 0.0})
        self._program["to_clip"].write(gl_bytes(to_clip))  # type: ignore[union-attr]

    def _set(self, values: dict[str, object]) -> None:
        for name in values.keys() & set(self._program):
            self._program[name] = values[name]

    def draw(self, shift: Floats, lean_rad: float) -> None:
        """Leaning to the viewer's left by so much, its origin at `shift`."""
        self._set({"axis": (0.0, 0.0, 1.0), "angle": lean_rad, "shift": tuple(float(value) for value in shift)})
        self._mesh.render()
