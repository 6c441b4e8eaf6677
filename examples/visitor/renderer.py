"""Draws the visitor off screen with OpenGL (EGL; Mesa's software driver is enough)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import moderngl
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from visitor import shaders
from visitor.hair import Brows, Strands, grow_brows, grow_hair, scalp_weight
from visitor.head import Floats, Indices, Normals, Person, turned
from visitor.room import paint_room

if TYPE_CHECKING:
    from visitor.motion import Motion

OVERSAMPLING = 2
MULTISAMPLES = 4
SHADOW_SIZE = 1024
VIEW_HEIGHT_M, CAMERA_DISTANCE_M = 0.43, 1.5
CLOTH_OFFSET_M = 0.007
EYE_RADIUS_M = 0.0157
EYE_RINGS = 40
BODY_CUT_Y = 0.30
LASH_LENGTH_M = 0.006

MATERIAL_OF_GROUP = {
    "body": "skin", "helper-tights": "cloth", "helper-upper-teeth": "tooth", "helper-lower-teeth": "tooth",
    "helper-tongue": "tongue", "lashes": "lash",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Corners:
    """Drawn vertices: each is a vertex of the person (`source`) with its own texture coordinates and material."""

    source: Indices
    uv: Floats
    material: Floats
    triangles: Indices


class Renderer:
    """One person, one camera. `draw` returns height x width x 3, sRGB bytes."""

    def __init__(self, person: Person, *, width: int, height: int, seed: int) -> None:
        self.person, self.width, self.height = person, width, height
        self.context = moderngl.create_standalone_context(backend="egl")
        self.context.enable(moderngl.DEPTH_TEST)
        self.corners = _corners(person)
        self.normals = Normals(np.concatenate([person.faces[group] for group in MATERIAL_OF_GROUP]), len(person.rest))
        rest_normals = self.normals(person.rest)
        self.brows: Brows = grow_brows(person, rest_normals, seed=seed)
        self.eyes = [_Eye(person, group) for group in ("helper-r-eye", "helper-l-eye")]
        self._compile()
        self._make_targets()
        self._upload_solids(scalp_weight(person))
        self.hair = _Ribbons(self.context, self.strand, self.strand_shadow, grow_hair(person, rest_normals, seed=seed))
        self.brow_ribbons = _Ribbons(self.context, self.strand, self.strand_shadow, self.brows.strands(person.rest))
        self._set_constants(seed)

    def _compile(self) -> None:
        program = self.context.program
        self.solid = program(vertex_shader=shaders.SOLID_VERTEX, fragment_shader=shaders.SOLID_FRAGMENT)
        self.shadow = program(vertex_shader=shaders.SHADOW_VERTEX, fragment_shader=shaders.SHADOW_FRAGMENT)
        self.strand = program(vertex_shader=shaders.STRAND_VERTEX, fragment_shader=shaders.STRAND_FRAGMENT)
        self.strand_shadow = program(vertex_shader=shaders.STRAND_VERTEX, fragment_shader=shaders.STRAND_SHADOW_FRAGMENT)
        self.room = program(vertex_shader=shaders.ROOM_VERTEX, fragment_shader=shaders.ROOM_FRAGMENT)

    def _make_targets(self) -> None:
        size = (self.width * OVERSAMPLING, self.height * OVERSAMPLING)
        context = self.context
        self.canvas = context.framebuffer(
            context.renderbuffer(size, 3, samples=MULTISAMPLES), context.depth_renderbuffer(size, samples=MULTISAMPLES)
        )
        self.resolved = context.framebuffer(context.renderbuffer(size, 3))
        self.shadow_map = context.depth_texture((SHADOW_SIZE, SHADOW_SIZE))
        self.shadow_map.compare_func = "<="
        self.shadow_map.repeat_x = self.shadow_map.repeat_y = False
        self.shadow_target = context.framebuffer(depth_attachment=self.shadow_map)

    def _upload_solids(self, scalp: Floats) -> None:
        """Static attributes once; positions and normals each frame."""
        corners, eyes = self.corners, self.eyes
        rest = np.concatenate([self.person.rest[corners.source], *(eye.directions for eye in eyes)])
        uv = np.concatenate([corners.uv, *(np.zeros((len(eye.directions), 2)) for eye in eyes)])
        material = np.concatenate([corners.material, *(np.full(len(eye.directions), shaders.MATERIALS["eye"]) for eye in eyes)])
        detail = np.concatenate([_detail(self.person, scalp)[corners.source], *(np.zeros(len(eye.directions)) for eye in eyes)])
        fixed = np.column_stack([rest, uv, material, detail]).astype("f4")
        triangles = [corners.triangles]
        start = len(corners.source)
        for eye in eyes:
            triangles.append(eye.triangles + start)
            start += len(eye.directions)
        self.moving = self.context.buffer(reserve=start * 6 * 4, dynamic=True)
        fixed_buffer = self.context.buffer(fixed.tobytes())
        indices = self.context.buffer(np.concatenate(triangles).astype("i4").tobytes())
        moving = (self.moving, "3f 3f", "position", "normal")
        self.solid_mesh = self.context.vertex_array(
            self.solid, [moving, (fixed_buffer, "3f 2f 1f 1f", "rest", "uv", "material", "detail")], indices
        )
        self.shadow_mesh = self.context.vertex_array(
            self.shadow,
            [(self.moving, "3f 3x4", "position"), (fixed_buffer, "3f 2x4 1f 1x4", "rest", "material")],
            indices,
        )
        quad = self.context.buffer(np.array([-1, -1, 1, -1, -1, 1, 1, 1], "f4").tobytes())
        self.backdrop = self.context.vertex_array(self.room, [(quad, "2f", "corner")])

    def _set_constants(self, seed: int) -> None:
        person, context = self.person, self.context
        eye_y = float(np.mean([eye.centre[1] for eye in self.eyes]))
        aim = np.array([0.0, eye_y - 0.052, 0.1])
        camera = aim + [0.0, 0.02, CAMERA_DISTANCE_M]
        fov = 2 * np.degrees(np.arctan(VIEW_HEIGHT_M / 2 / (CAMERA_DISTANCE_M - 0.08)))
        to_clip = _perspective(fov, self.width / self.height, 0.3, 4.0) @ _look_at(camera, aim)
        light_direction = _unit(np.array([-0.62, 0.50, 0.72]))
        self.light_point = aim + light_direction
        to_light = _orthographic(0.42, 0.2, 1.8) @ _look_at(self.light_point, aim)
        upper_lip = person.rest[person.vertices_of("helper-upper-teeth")]
        skin = person.rest[person.vertices_of("body")]
        nose = skin[(np.abs(skin[:, 0]) < 0.01) & (np.abs(skin[:, 1] - eye_y + 0.035) < 0.02)]
        mouth = np.array([0.0, upper_lip[:, 1].min(), upper_lip[:, 2].max()])
        self.to_clip, self.to_light, self.camera = to_clip, to_light, camera
        masks = context.texture((person.masks.shape[1], person.masks.shape[0]), 4, person.masks[::-1].tobytes())
        masks.use(1)
        painted = paint_room(self.width * OVERSAMPLING, self.height * OVERSAMPLING, seed=seed)
        context.texture((painted.shape[1], painted.shape[0]), 3, painted.tobytes(), alignment=1).use(2)
        self.shadow_map.use(0)
        values: dict[str, object] = {
            "shadow_map": 0, "masks": 1, "room": 2, "camera": tuple(camera), "mouth_at": tuple(mouth), "nose_at": tuple(nose[nose[:, 2].argmax()]),
            "eye_level": (0.0, eye_y, 0.0), "collar_y": _collar_y(person), "head_centre": (0.0, eye_y + 0.02, float(person.pivot[2]) + 0.01),
        }  # fmt: skip
        for program in (self.solid, self.shadow, self.strand, self.strand_shadow, self.room):
            for name, value in values.items():
                if name in program:
                    program[name] = value
            if "to_light" in program:
                program["to_light"].write(_gl(to_light))
        self.solid["to_clip"].write(_gl(to_clip))

    def draw(self, motion: Motion, frame: int) -> NDArray[np.uint8]:
        shaped = self.person.shaped({action: float(curve[frame]) for action, curve in motion.face.items()})
        shaped[:, 1] += np.float32(motion.breath_m[frame]) * (1 - self.person.turn)
        self._place(shaped, motion.head[frame], motion.gaze[frame])
        self.brow_ribbons.update(self.brows.strands(shaped))
        turn = _gl(_turn_matrix(motion.head[frame], self.person.pivot))
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

    def _place(self, shaped: Floats, head: NDArray[np.float64], gaze: NDArray[np.float64]) -> None:
        """Positions and normals of everything solid for this frame, in the head's and the eyes' directions."""
        person, source = self.person, self.corners.source
        placed = turned(shaped, person.turn, head, person.pivot)
        normal = self.normals(placed)
        cloth = person.vertices_of("helper-tights")
        placed[cloth] += CLOTH_OFFSET_M * normal[cloth]
        rows = [np.hstack([placed[source], normal[source]])]
        rows += [eye.placed(head, gaze, person.pivot) for eye in self.eyes]
        self.moving.write(np.concatenate(rows).astype("f4").tobytes())

    def _read(self) -> NDArray[np.uint8]:
        self.context.copy_framebuffer(self.resolved, self.canvas)
        raw = np.frombuffer(self.resolved.read(components=3, alignment=1), np.uint8)
        n = OVERSAMPLING
        large = raw.reshape(self.height, n, self.width, n, 3).astype(np.float32)
        return large.mean((1, 3))[::-1].round().astype(np.uint8)


class _Eye:
    """A ball in the middle of MakeHuman's eye helper; `directions` in its own frame carry iris and pupil."""

    def __init__(self, person: Person, group: str) -> None:
        points = person.rest[person.vertices_of(group)].astype(np.float64)
        system = np.c_[2 * points, np.ones(len(points))]
        self.centre = np.linalg.lstsq(system, (points**2).sum(1), rcond=None)[0][:3]
        polar, around = np.meshgrid(np.linspace(0, np.pi * 0.6, EYE_RINGS), np.linspace(0, 2 * np.pi, EYE_RINGS), indexing="ij")
        self.directions = np.stack([np.sin(polar) * np.cos(around), np.sin(polar) * np.sin(around), np.cos(polar)], -1).reshape(-1, 3)
        a = (np.arange(EYE_RINGS - 1)[:, None] * EYE_RINGS + np.arange(EYE_RINGS - 1)).ravel()
        self.triangles = np.concatenate([np.c_[a, a + EYE_RINGS, a + 1], np.c_[a + 1, a + EYE_RINGS, a + EYE_RINGS + 1]])

    def placed(self, head: NDArray[np.float64], gaze: NDArray[np.float64], pivot: Floats) -> NDArray[np.float64]:
        """Positions and normals, N x 6."""
        own = _rotation(np.array([-gaze[1], gaze[0], 0.0]))
        turn = _rotation(head)
        direction = self.directions @ (turn @ own).T
        centre = turn @ (self.centre - pivot) + pivot
        return np.hstack([centre + EYE_RADIUS_M * direction, direction])


class _Ribbons:
    """Strands on the graphics card."""

    def __init__(self, context: moderngl.Context, program: moderngl.Program, shadow: moderngl.Program, strands: Strands) -> None:
        count, points = strands.points.shape[:2]
        self.width_m = strands.width_m
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

    def draw(self, program: moderngl.Program, to_clip: NDArray[np.float64], eye: NDArray[np.float64], turn: bytes, sheen: float) -> None:
        program["sheen"] = sheen
        self._set(program, to_clip, eye, turn)
        self.mesh.render()

    def cast(self, program: moderngl.Program, to_light: NDArray[np.float64], light: NDArray[np.float64], turn: bytes) -> None:
        self._set(program, to_light, light, turn)
        self.shadow_mesh.render()

    def _set(self, program: moderngl.Program, to_clip: NDArray[np.float64], eye: NDArray[np.float64], turn: bytes) -> None:
        program["to_clip"].write(_gl(to_clip))
        program["head_turn"].write(turn)
        program["eye_point"] = tuple(eye)
        program["width_m"] = self.width_m


def _corners(person: Person) -> Corners:
    """One drawn vertex for each pair of vertex and texture coordinate; what the camera never sees is left out."""
    sources, uvs, materials, triangles, start = [], [], [], [], 0
    for group, material in MATERIAL_OF_GROUP.items():
        faces = person.faces[group]
        seen = person.rest[faces][..., 1].min(1) > BODY_CUT_Y
        rows = np.column_stack([faces[seen].ravel(), person.corners_uv[group][seen].reshape(-1, 2)])
        unique, inverse = np.unique(rows, axis=0, return_inverse=True)
        sources.append(unique[:, 0].astype(np.int64))
        uvs.append(unique[:, 1:])
        materials.append(np.full(len(unique), shaders.MATERIALS[material]))
        triangles.append(inverse.reshape(-1, 3) + start)
        start += len(unique)
    return Corners(
        source=np.concatenate(sources),
        uv=np.concatenate(uvs).astype(np.float32),
        material=np.concatenate(materials).astype(np.float32),
        triangles=np.concatenate(triangles),
    )


def _detail(person: Person, scalp: Floats) -> Floats:
    """What the shader wants to know besides the position: hair on skin; distance from the gum or from the lid."""
    detail = scalp.copy()
    for group, sign in (("helper-upper-teeth", -1.0), ("helper-lower-teeth", 1.0)):
        vertices = person.vertices_of(group)
        height = sign * person.rest[vertices, 1]
        detail[vertices] = (height - height.min()) / np.ptp(height)
    lashes = person.vertices_of("lashes")
    from_lid, _ = cKDTree(person.rest[person.vertices_of("body")]).query(person.rest[lashes])
    detail[lashes] = from_lid / LASH_LENGTH_M
    return detail


def _collar_y(person: Person) -> float:
    """A crew neck sits a little below where the neck begins."""
    return float(person.pivot[1]) - 0.030


def _unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    return vector / np.linalg.norm(vector)


def _rotation(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rotation matrix of a rotation vector in radians."""
    ones = np.ones(3, np.float32)
    return turned(np.eye(3, dtype=np.float32), ones, vector, np.zeros(3, np.float32)).T.astype(np.float64)


def _turn_matrix(vector: NDArray[np.float64], pivot: Floats) -> NDArray[np.float64]:
    matrix = np.eye(4)
    matrix[:3, :3] = _rotation(vector)
    matrix[:3, 3] = pivot - matrix[:3, :3] @ pivot
    return matrix


def _look_at(eye: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    back = _unit(eye - target)
    right = _unit(np.cross([0.0, 1.0, 0.0], back))
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack([right, np.cross(back, right), back])
    matrix[:3, 3] = -matrix[:3, :3] @ eye
    return matrix


def _perspective(fov_degrees: float, aspect: float, near: float, far: float) -> NDArray[np.float64]:
    f = 1 / np.tan(np.radians(fov_degrees) / 2)
    return np.array([[f / aspect, 0, 0, 0], [0, f, 0, 0], [0, 0, (far + near) / (near - far), 2 * far * near / (near - far)], [0, 0, -1, 0]])


def _orthographic(half: float, near: float, far: float) -> NDArray[np.float64]:
    return np.array([[1 / half, 0, 0, 0], [0, 1 / half, 0, 0], [0, 0, -2 / (far - near), -(far + near) / (far - near)], [0, 0, 0, 1]])


def _gl(matrix: NDArray[np.float64]) -> bytes:
    return matrix.T.astype("f4").tobytes()
