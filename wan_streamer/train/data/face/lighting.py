"""Where light comes from, and how much of it reaches each vertex: measured once with shadow maps."""

from dataclasses import dataclass
from typing import Final

import moderngl
import numpy as np
from numpy.typing import NDArray

from wan_streamer.train.data.face import shaders
from wan_streamer.train.data.face.camera import gl_bytes, look_at, orthographic
from wan_streamer.train.data.face.identity import Colour
from wan_streamer.train.data.face.mesh import Floats, Indices, unit

MAP_SIZE: Final = 384
REACH_M: Final = 0.46
AIM: Final = np.array([0.0, -0.13, -0.06])
BIAS_M: Final = 0.004
OFF_SURFACE_M: Final = 0.004
SKY_DIRECTIONS: Final = 40
KEY_DIRECTIONS: Final = 8
KEY_SPREAD: Final = 0.10  # radius of the lamp at a distance of 1


@dataclass(frozen=True, kw_only=True)
class Lighting:
    """Directions point towards the lamps; colours are linear."""

    key_towards: tuple[float, float, float] = (-0.55, 0.50, 0.75)
    key: Colour = (2.30, 2.12, 1.90)
    fill_towards: tuple[float, float, float] = (0.80, 0.10, 0.62)
    fill: Colour = (0.34, 0.38, 0.45)
    rim_towards: tuple[float, float, float] = (0.62, 0.45, -0.62)
    rim: Colour = (1.3, 1.12, 0.86)
    sky: Colour = (0.50, 0.49, 0.48)
    ground: Colour = (0.30, 0.25, 0.22)
    exposure: float = 0.62

    def uniforms(self) -> dict[str, object]:
        """Values of the shaders' uniforms."""
        return {
            "key_direction": _direction(self.key_towards), "key": self.key,
            "fill_direction": _direction(self.fill_towards), "fill": self.fill,
            "rim_direction": _direction(self.rim_towards), "rim": self.rim,
            "sky": self.sky, "ground": self.ground, "exposure": self.exposure,
        }  # fmt: skip


def _direction(towards: tuple[float, float, float]) -> tuple[float, ...]:
    return tuple(float(value) for value in unit(np.array(towards)))


def measure_light(
    context: moderngl.Context, positions: Floats, normals: Floats, casting: Indices, key_towards: tuple[float, ...]
) -> Floats:
    """[N, 2]: the open share of the sky above each vertex, and the visible share of the key light.

    Args:
        casting: the triangles that throw shadows.
    """
    maps = _DepthMaps(context, positions, casting)
    probe = positions + OFF_SURFACE_M * normals
    sky, weight = np.zeros(len(positions)), np.zeros(len(positions))
    for direction in _sphere(SKY_DIRECTIONS):
        facing = np.maximum(normals @ direction, 0.0)
        sky += facing * maps.visible(direction, probe)
        weight += facing
    lamp = unit(np.array(key_towards)).astype(np.float64)
    spread = [unit(lamp + KEY_SPREAD * offset).astype(np.float64) for offset in _sphere(KEY_DIRECTIONS)]
    key = np.mean([maps.visible(direction, probe) for direction in spread], axis=0)
    maps.release()
    return np.stack([sky / np.maximum(weight, 1e-6), key], 1).astype(np.float32)


def _sphere(count: int) -> NDArray[np.float64]:
    """Directions that cover the sphere evenly (Fibonacci)."""
    index = np.arange(count) + 0.5
    polar, around = np.arccos(1 - 2 * index / count), np.pi * (1 + 5**0.5) * index
    return np.stack([np.cos(around) * np.sin(polar), np.cos(polar), np.sin(around) * np.sin(polar)], 1)


class _DepthMaps:
    """One depth picture at a time, from a direction."""

    def __init__(self, context: moderngl.Context, positions: Floats, casting: Indices) -> None:
        self._program = shaders.plain_program(context, "depth")
        self._vertices = context.buffer(positions.astype("f4").tobytes())
        self._indices = context.buffer(casting.astype("i4").tobytes())
        self._mesh = context.vertex_array(self._program, [(self._vertices, "3f", "position")], self._indices)
        self._depth = context.depth_texture((MAP_SIZE, MAP_SIZE))
        self._target = context.framebuffer(depth_attachment=self._depth)

    def visible(self, direction: NDArray[np.float64], points: Floats) -> NDArray[np.float64]:
        """1 where nothing stands between a point and the lamp."""
        sideways = np.array([0.0, 0.0, 0.01])  # `look_at` wants a direction that is not straight up
        matrix = orthographic(REACH_M, 0.1, 2.1) @ look_at(AIM + direction + sideways, AIM)
        self._target.clear(depth=1.0)
        self._target.use()
        self._program["to_light"].write(gl_bytes(matrix))  # type: ignore[union-attr]
        self._mesh.render()
        depth = np.frombuffer(self._depth.read(), "f4").reshape(MAP_SIZE, MAP_SIZE)
        seen = (points @ matrix[:3, :3].T + matrix[:3, 3]) * 0.5 + 0.5
        column, row = (np.clip(seen[:, i] * MAP_SIZE, 0, MAP_SIZE - 1).astype(int) for i in (0, 1))
        clear: NDArray[np.float64] = (seen[:, 2] - BIAS_M / 2.0 < depth[row, column]).astype(np.float64)
        return clear

    def release(self) -> None:
        """Gives the memory back."""
        for thing in (self._mesh, self._vertices, self._indices, self._target, self._depth, self._program):
            thing.release()
