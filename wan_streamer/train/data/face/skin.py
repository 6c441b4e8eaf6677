"""The colours of a skin as a texture, painted once by the graphics card."""

import moderngl
import numpy as np
from numpy.typing import NDArray

from wan_streamer.train.data.face import shaders
from wan_streamer.train.data.face.eyes import Eye
from wan_streamer.train.data.face.identity import Identity
from wan_streamer.train.data.face.mesh import Floats
from wan_streamer.train.data.face.parts import Part, mouth_front
from wan_streamer.train.data.face.person import Person


def paint_skin(
    context: moderngl.Context, person: Person, part: Part, identity: Identity, eye: Eye, size: int
) -> moderngl.Texture:
    """[size, size] with square roots of linear colours; alpha is where the lips are."""
    program = shaders.plain_program(context, "skin_paint")
    masks: NDArray[np.uint8] = np.ascontiguousarray(person.heads.masks[::-1])
    mask_texture = context.texture(masks.shape[1::-1], 4, masks.tobytes())
    mask_texture.use(0)
    _set_uniforms(program, person, identity, eye)
    rows = np.column_stack([part.uv_N2, part.rest_N3, part.detail_N]).astype("f4")
    vertices, indices = context.buffer(rows.tobytes()), context.buffer(part.triangles_T3.astype("i4").tobytes())
    mesh = context.vertex_array(program, [(vertices, "2f 3f 1f", "uv", "rest", "detail")], indices)
    texture = context.texture((size, size), 4)
    target = context.framebuffer(texture)
    target.use()
    red, green, blue = np.sqrt(identity.skin)
    target.clear(red, green, blue, 0.0)  # between the islands, for the smaller levels
    context.disable(moderngl.DEPTH_TEST)
    mesh.render()
    texture.build_mipmaps()
    for thing in (target, mesh, vertices, indices, mask_texture, program):
        thing.release()
    return texture


def _set_uniforms(program: moderngl.Program, person: Person, identity: Identity, eye: Eye) -> None:
    values: dict[str, object] = {
        "masks": 0,
        "mouth_at": tuple(mouth_front(person)),
        "nose_at": tuple(nose_tip(person)),
        "eye_at": (abs(eye.centre[0]), eye.centre[1], eye.centre[2]),
        "skin_colour": identity.skin,
        "lip_colour": identity.lips,
        "lip_strength": identity.lip_strength,
        "hair_colour": identity.hair.colour,
        "brow_colour": identity.brow_colour,
        "brow_thickness": identity.brow_thickness,
        "beard": identity.beard,
        "age_lines": identity.age_lines,
        "make_up": identity.lashes - 0.5,
    }
    for name, value in values.items():
        program[name] = value


def nose_tip(person: Person) -> Floats:
    """The foremost vertex in the middle of the face."""
    skin = person.rest_V3[person.vertices_of("body")]
    middle = skin[(np.abs(skin[:, 0]) < 0.01) & (np.abs(skin[:, 1] + 0.035) < 0.02)]
    tip: Floats = middle[middle[:, 2].argmax()]
    return tip
