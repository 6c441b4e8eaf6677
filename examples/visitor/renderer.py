"""Draws the visitor off screen with OpenGL (EGL; Mesa's software driver is enough)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import moderngl
import numpy as np
from numpy.typing import NDArray

from visitor import shaders
from visitor.hair import grow_brows, grow_hair, scalp_weight
from visitor.person import shaped
from visitor.ribbons import Ribbons
from visitor.room import paint_room
from wan_streamer.train.data.face.camera import gl_bytes, look_at, orthographic, perspective, turn_matrix, unit_vector
from wan_streamer.train.data.face.eyes import Eye
from wan_streamer.train.data.face.mesh import Floats, Indices, turned
from wan_streamer.train.data.face.parts import body_parts, joined_triangles, mouth_front
from wan_streamer.train.data.face.person import CLOTH_OFFSET_M, Person
from wan_streamer.train.data.face.skin import nose_tip

if TYPE_CHECKING:
    from visitor.motion import Motion

OVERSAMPLING = 3  # cheaper with a software driver than multisampling, and it smooths shading too
SHADOW_SIZE = 1024
VIEW_HEIGHT_M, CAMERA_DISTANCE_M = 0.43, 1.5
COLLAR_ABOVE_PIVOT_M = -0.030  # the pivot is low in the neck
TEXTURE_UNITS = {"shadow_map": 0, "masks": 1, "room": 2}


class Renderer:
    """One person, one camera. `draw` returns height x width x 3, sRGB bytes."""

    def __init__(self, person: Person, *, width: int, height: int, seed: int) -> None:
        self.person, self.width, self.height = person, width, height
        self.context = moderngl.create_standalone_context(backend="egl")
        self.context.enable(moderngl.DEPTH_TEST)
        rest_normals = person.normals(person.rest_V3)
        self.parts = body_parts(person, rest_normals, scalp_weight(person))
        self.source = np.concatenate([part.source_N for part in self.parts])
        self.brows = grow_brows(person, rest_normals, seed=seed)
        self.eyes = [Eye(person.eye_points(side)) for side in "rl"]
        self._compile()
        self._make_targets()
        self._upload_solids()
        self.hair = Ribbons(self.context, self.strand, self.strand_shadow, grow_hair(person, rest_normals, seed=seed))
        self.brow_ribbons = Ribbons(self.context, self.strand, self.strand_shadow, self.brows.strands(person.rest_V3))
        self._aim()
        self._bind_textures(seed)
        self._set_uniforms()

    def _compile(self) -> None:
        program = self.context.program
        self.solid = program(vertex_shader=shaders.SOLID_VERTEX, fragment_shader=shaders.SOLID_FRAGMENT)
        self.shadow = program(vertex_shader=shaders.SHADOW_VERTEX, fragment_shader=shaders.SHADOW_FRAGMENT)
        self.strand = program(vertex_shader=shaders.STRAND_VERTEX, fragment_shader=shaders.STRAND_FRAGMENT)
        self.strand_shadow = program(
            vertex_shader=shaders.STRAND_VERTEX, fragment_shader=shaders.STRAND_SHADOW_FRAGMENT
        )
        self.room = program(vertex_shader=shaders.ROOM_VERTEX, fragment_shader=shaders.ROOM_FRAGMENT)

    def _make_targets(self) -> None:
        size = (self.width * OVERSAMPLING, self.height * OVERSAMPLING)
        context = self.context
        self.canvas = context.framebuffer(context.renderbuffer(size, 3), context.depth_renderbuffer(size))
        self.shadow_map = context.depth_texture((SHADOW_SIZE, SHADOW_SIZE))
        self.shadow_map.compare_func = "<="
        self.shadow_map.repeat_x = self.shadow_map.repeat_y = False
        self.shadow_target = context.framebuffer(depth_attachment=self.shadow_map)

    def _upload_solids(self) -> None:
        """What never changes goes up once; positions and normals go up for each frame."""
        fixed, triangles = self._fixed_attributes(), self._triangles()
        self.moving = self.context.buffer(reserve=len(fixed) * 6 * 4, dynamic=True)
        attributes = self.context.buffer(fixed.astype("f4").tobytes())
        indices = self.context.buffer(triangles.astype("i4").tobytes())
        self.solid_mesh = self.context.vertex_array(
            self.solid,
            [
                (self.moving, "3f 3f", "position", "normal"),
                (attributes, "3f 2f 1f 1f", "rest", "uv", "material", "detail"),
            ],
            indices,
        )
        self.shadow_mesh = self.context.vertex_array(
            self.shadow,
            [(self.moving, "3f 3x4", "position"), (attributes, "3f 2x4 1f 1x4", "rest", "material")],
            indices,
        )
        quad = self.context.buffer(np.array([-1, -1, 1, -1, -1, 1, 1, 1], "f4").tobytes())
        self.backdrop = self.context.vertex_array(self.room, [(quad, "2f", "corner")])

    def _fixed_attributes(self) -> Floats:
        """Rest position, texture coordinates, material and detail of every drawn vertex, the eyes' last."""
        rows = []
        for part in self.parts:
            material = np.full(len(part.source_N), shaders.MATERIALS[part.material])
            rows.append(np.column_stack([part.rest_N3, part.uv_N2, material, part.detail_N]))
        for eye in self.eyes:
            plain = np.zeros(len(eye.directions))
            rows.append(np.column_stack([eye.directions, plain, plain, plain + shaders.MATERIALS["eye"], plain]))
        return np.concatenate(rows)

    def _triangles(self) -> Indices:
        triangles, start = [joined_triangles(self.parts)], len(self.source)
        for eye in self.eyes:
            triangles.append(eye.triangles + start)
            start += len(eye.directions)
        return np.concatenate(triangles)

    def _aim(self) -> None:
        """Head and shoulders in the picture, and the key light's shadow map around them."""
        aim = np.array([0.0, self._eye_y() - 0.052, -0.075])
        self.camera = aim + np.array([0.0, 0.02, CAMERA_DISTANCE_M])
        fov = 2 * np.degrees(np.arctan(VIEW_HEIGHT_M / 2 / (CAMERA_DISTANCE_M - 0.08)))
        self.to_clip = perspective(fov, self.width / self.height, 0.3, 4.0) @ look_at(self.camera, aim)
        self.light_point = aim + unit_vector(np.array(shaders.KEY_TOWARDS))
        self.to_light = orthographic(0.42, 0.2, 1.8) @ look_at(self.light_point, aim)

    def _eye_y(self) -> float:
        return float(np.mean([eye.centre[1] for eye in self.eyes]))

    def _bind_textures(self, seed: int) -> None:
        room = paint_room(self.width * OVERSAMPLING, self.height * OVERSAMPLING, seed=seed)
        self.shadow_map.use(TEXTURE_UNITS["shadow_map"])
        for name, image in (("masks", np.ascontiguousarray(self.person.heads.masks[::-1])), ("room", room)):
            height, width, channels = image.shape
            texture = self.context.texture((width, height), channels, image.tobytes(), alignment=1)
            texture.use(TEXTURE_UNITS[name])

    def _set_uniforms(self) -> None:
        """Each program gets those that it knows."""
        person, eye_y = self.person, self._eye_y()
        values: dict[str, object] = {
            **TEXTURE_UNITS,
            "camera": tuple(self.camera),
            "mouth_at": tuple(mouth_front(person)),
            "nose_at": tuple(nose_tip(person)),
            "eye_level": (0.0, eye_y, 0.0),
            "collar_y": float(person.pivot[1]) + COLLAR_ABOVE_PIVOT_M,
            "head_centre": (0.0, eye_y + 0.02, float(person.pivot[2]) + 0.01),
        }
        for program in (self.solid, self.shadow, self.strand, self.strand_shadow, self.room):
            for name in values.keys() & set(program):
                program[name] = values[name]
            if "to_light" in program:
                program["to_light"].write(gl_bytes(self.to_light))
        self.solid["to_clip"].write(gl_bytes(self.to_clip))

    def draw(self, motion: Motion, frame: int) -> NDArray[np.uint8]:
        vertices = shaped(self.person, {action: float(curve[frame]) for action, curve in motion.face.items()})
        vertices[:, 1] += np.float32(motion.breath_m[frame]) * (1 - self.person.turn_V)
        self._place(vertices, motion.head[frame], motion.gaze[frame])
        self.brow_ribbons.update(self.brows.strands(vertices))
        turn = gl_bytes(turn_matrix(motion.head[frame], self.person.pivot))
        self.shadow_target.clear(depth=1.0)
        self.shadow_target.use()
        self.shadow_mesh.render()
        self.hair.cast(self.strand_shadow, self.to_light, self.light_point, turn)
        self.canvas.use()
        self.canvas.clear(depth=1.0)
        self.backdrop.render(moderngl.TRIANGLE_STRIP)
        self.solid_mesh.render()
        for ribbons, sheen in ((self.hair, 1.0), (self.brow_ribbons, 0.2)):
            ribbons.draw(self.strand, self.to_clip, self.camera, turn, sheen)
        return self._read()

    def _place(self, vertices: Floats, head: NDArray[np.float64], gaze: NDArray[np.float64]) -> None:
        """Positions and normals of everything solid for this frame, in the head's and the eyes' directions."""
        person = self.person
        placed = turned(vertices, person.turn_V, head, person.pivot)
        normal = person.normals(placed)
        cloth = person.vertices_of("helper-tights")
        placed[cloth] += CLOTH_OFFSET_M * normal[cloth]
        rows = [np.hstack([placed[self.source], normal[self.source]])]
        for eye in self.eyes:
            position, direction = eye.looking(gaze[0], gaze[1])
            ones = np.ones(len(position), np.float32)
            ball = turned(position.astype(np.float32), ones, head, person.pivot)
            rows.append(np.hstack([ball, turned(direction.astype(np.float32), ones, head, np.zeros(3, np.float32))]))
        self.moving.write(np.concatenate(rows).astype("f4").tobytes())

    def _read(self) -> NDArray[np.uint8]:
        raw = np.frombuffer(self.canvas.read(components=3, alignment=1), np.uint8)
        n = OVERSAMPLING
        large = raw.reshape(self.height, n, self.width, n, 3).astype(np.float32)
        return large.mean((1, 3))[::-1].round().astype(np.uint8)
