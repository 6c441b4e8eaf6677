"""One person on the graphics card: what never changes goes up once, what the face moves goes up for each frame."""

from collections.abc import Mapping
from typing import Final

import moderngl
import numpy as np
from numpy.typing import NDArray

from wan_streamer.train.data.curves import FACE_ACTIONS
from wan_streamer.train.data.face import shaders
from wan_streamer.train.data.face.camera import Matrix, gl_bytes
from wan_streamer.train.data.face.eyes import EYE_RADIUS_M, Eye
from wan_streamer.train.data.face.glasses import make_glasses
from wan_streamer.train.data.face.hair import grow_hair, scalp_weight
from wan_streamer.train.data.face.heads import Heads
from wan_streamer.train.data.face.identity import Identity
from wan_streamer.train.data.face.lighting import Lighting, measure_light
from wan_streamer.train.data.face.parts import (
    Part,
    body_parts,
    eye_part,
    glasses_part,
    hair_part,
    joined_triangles,
    make_actions,
)
from wan_streamer.train.data.face.person import make_person
from wan_streamer.train.data.face.skin import paint_skin

TEXTURES: Final = {"albedo": 1, "streaks": 2}
OUTFITS: Final = ("sweater", "shirt", "jacket", "uniform")
COLLAR_ABOVE_PIVOT_M: Final = -0.030  # the pivot is low in the neck
SKIN_BELOW_COLLAR_M: Final = 0.03
DEEPEST_COLLAR_M: Final = 0.12
AWAY_Z: Final = -0.55  # of a normal: heads turn by less than what brings it into view
# Of hair whose strands do not lie in one direction.
GLOSS: Final = {"buzz": 0.1, "short": 0.4, "quiff": 0.5, "afro": 0.1}
OPEN_JAW: Final = 0.25  # jawOpen at which light falls into the mouth


class Figure:
    """A person in a scene's light. `place` moves it, `draw` shows it."""

    def __init__(
        self,
        context: moderngl.Context,
        heads: Heads,
        identity: Identity,
        lighting: Lighting,
        *,
        skin_size: int,
        seed: int,
    ) -> None:
        self._context, self._identity = context, identity
        self._person = person = make_person(heads, identity)
        normals = person.normals(person.rest_V3)
        self._eyes = [Eye(person.eye_points(side), ring_count=22) for side in "rl"]
        hair = grow_hair(person, identity.hair, normals, seed=seed)
        parts = [*body_parts(person, normals, scalp_weight(person, identity.hair)), *map(eye_part, self._eyes)]
        parts += [hair_part(mesh) for mesh in hair]
        if identity.glasses is not None:
            parts.append(glasses_part(make_glasses(self._eyes, identity.glasses)))
        self._skin = paint_skin(context, person, parts[0], identity, self._eyes[1], skin_size)
        self._actions = make_actions(person, normals)
        self._upload(parts, lighting)
        self._programs = {name: shaders.material_program(context, name) for name in {part.material for part in parts}}
        self._meshes = {name: self._mesh(name, parts) for name in self._programs}
        self._set_fixed(lighting)

    def _upload(self, parts: list[Part], lighting: Lighting) -> None:
        """Moving rows first in their buffer, so that one write per frame is enough."""
        position, normal = (np.concatenate([getattr(p, name) for p in parts]) for name in ("position_N3", "normal_N3"))
        light = measure_light(
            self._context, position, normal, joined_triangles(parts, casting=True), lighting.key_towards
        )
        start = 0
        for part in parts:
            if part.depth_N is not None:
                light[start : start + len(part.depth_N)] = part.depth_N[:, None]
            start += len(part.position_N3)
        source = np.concatenate([part.source_N for part in parts])
        moving = np.isin(source, self._actions.moving_M)
        eyes = np.concatenate([np.full(len(part.position_N3), part.material == "eye") for part in parts])
        self._order = np.argsort(np.where(eyes, 0, np.where(moving, 1, 2)), kind="stable")
        self._eye_count, self._moving_count = int(eyes.sum()), int(moving.sum())
        columns = [np.concatenate([getattr(p, name) for p in parts]) for name in ("rest_N3", "uv_N2", "turn_N")]
        detail = np.concatenate([part.detail_N for part in parts])
        self._rows = np.column_stack([position, normal, detail])[self._order].astype("f4")
        fixed = np.column_stack([*columns, light])[self._order].astype("f4")
        self._buffer = self._context.buffer(self._rows.tobytes(), dynamic=True)
        self._fixed = self._context.buffer(fixed.tobytes())
        moved = source[self._order][self._eye_count : self._eye_count + self._moving_count]
        self._moved = np.searchsorted(self._actions.moving_M, moved)
        self._live = self._rows[: self._eye_count + self._moving_count].copy()

    def _mesh(self, material: str, parts: list[Part]) -> moderngl.VertexArray:
        number = np.empty(len(self._order), np.int64)
        number[self._order] = np.arange(len(self._order))
        triangles = number[joined_triangles(parts, material=material)]
        triangles = triangles[~self._unseen(material, triangles)]
        program = self._programs[material]
        content = [
            _present(self._buffer, program, (("position", 3), ("normal", 3), ("detail", 1))),
            _present(self._fixed, program, (("rest", 3), ("uv", 2), ("turn", 1), ("light", 2))),
        ]
        return self._context.vertex_array(program, content, self._context.buffer(triangles.astype("i4").tobytes()))

    def _unseen(self, material: str, triangles: NDArray[np.int64]) -> NDArray[np.bool_]:
        """What looks away from every camera, and skin under clothes or hair (it would show through them)."""
        if material not in ("skin", "cloth"):
            return np.zeros(len(triangles), np.bool_)
        unseen: NDArray[np.bool_] = (self._rows[triangles, 5] < AWAY_Z).all(1)
        if material == "skin":
            unseen |= self._under_cloth(triangles) | (self._rows[triangles, 6] > 0.999).all(1)
        return unseen

    def _under_cloth(self, triangles: NDArray[np.int64]) -> NDArray[np.bool_]:
        x, y, z = (self._rows[triangles, i] for i in range(3))
        front = np.clip((z - self._chest_z) / 0.05, 0, 1)
        shoulder = 0.10 * np.clip((np.abs(x) - 0.075) / 0.04, 0, 1)
        neckline = (
            self.collar_y
            + shoulder
            - SKIN_BELOW_COLLAR_M
            - DEEPEST_COLLAR_M * front * np.clip(1 - np.abs(x) / 0.07, 0, 1)
        )
        covered: NDArray[np.bool_] = (y < neckline).all(1)
        return covered

    @property
    def _chest_z(self) -> float:
        return float(self._person.pivot[2])

    @property
    def collar_y(self) -> float:
        """Height of the neckline at the side of the neck."""
        return float(self._person.pivot[1]) + COLLAR_ABOVE_PIVOT_M - self._identity.clothes.collar_down_m

    def _set_fixed(self, lighting: Lighting) -> None:
        identity, eye_y = self._identity, float(self._eyes[0].centre[1])
        self._set(
            {
                **TEXTURES, **lighting.uniforms(), "pivot": tuple(self._person.pivot), "iris_colour": identity.iris,
                "eye_y": eye_y, "lash_strength": identity.lashes, "hair_colour": identity.hair.colour, 
                "gloss": GLOSS.get(identity.hair.style, 1.0),
                "outfit": OUTFITS.index(identity.clothes.outfit), "cloth_colour": identity.clothes.colour,
                "inner_colour": identity.clothes.inner_colour, "collar_y": self.collar_y,
                "chest_z": self._chest_z,
            }
        )  # fmt: skip

    def _set(self, values: Mapping[str, object]) -> None:
        for program in self._programs.values():
            for name in values.keys() & set(program):
                program[name] = values[name]

    def place(self, row: Mapping[str, float], stands_x_m: float = 0.0) -> None:
        """Takes one row of the curves; `stands_x_m` is the person's own place."""
        weights = np.array([row[name] for name in FACE_ACTIONS], np.float32)
        start = 0
        for eye in self._eyes:
            position, normal = eye.looking(row["gaze_yaw"], row["gaze_pitch"])
            rows = self._live[start : start + len(position)]
            rows[:, :3], rows[:, 3:6] = position, normal
            rows[:, 6] = normal[:, 1] * EYE_RADIUS_M
            start += len(position)
        change = self._actions.at(weights)
        np.add(self._rows[start : start + self._moving_count, :6], change[self._moved], out=self._live[start:, :6])
        self._buffer.write(self._live.tobytes())
        head = np.array([row["head_pitch"], row["head_yaw"], row["head_roll"]])
        angle = float(np.linalg.norm(head))
        self._set(
            {
                "angle": angle,
                "axis": tuple(head / angle) if angle > 1e-9 else (0.0, 1.0, 0.0),
                "shift": (stands_x_m + row["body_x"], row["body_y"], row["body_z"]),
                "breath": row["breath"],
                "openness": min(row["jawOpen"] / OPEN_JAW, 1.0),
            }
        )

    def aim(self, to_clip: Matrix, camera: Matrix) -> None:
        """Where it is looked at from."""
        packed = gl_bytes(to_clip)
        for program in self._programs.values():
            program["to_clip"].write(packed)  # type: ignore[union-attr]
        self._set({"camera": tuple(float(value) for value in camera)})

    def draw(self, streaks: moderngl.Texture) -> None:
        """Onto the canvas that is in use; what hides most comes first."""
        self._skin.use(TEXTURES["albedo"])
        streaks.use(TEXTURES["streaks"])
        for material in shaders.MATERIALS:
            if material in self._meshes:
                self._meshes[material].render()


def _present(
    buffer: moderngl.Buffer, program: moderngl.Program, columns: tuple[tuple[str, int], ...]
) -> tuple[object, ...]:
    """A buffer's layout; columns that a program does not use are skipped."""
    layout = [f"{size}f" if name in program else f"{size}x4" for name, size in columns]
    return (buffer, " ".join(layout), *(name for name, _ in columns if name in program))
