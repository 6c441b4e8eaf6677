"""The programs of the graphics card, from `glsl/`.

One program for each material: a software driver runs every branch for every pixel. What does not change (shadows,
occlusion, the skin's colours) is made before the first picture.
"""

from importlib.resources import files
from typing import Final

import moderngl

# In the order of drawing: what hides most comes first.
MATERIALS: Final = ("skin", "cloth", "hair", "eye", "mouth", "lash", "thing")
_VERSION: Final = "#version 330\n"
_VERTEX: Final = f"{_VERSION}#define VERTEX\n"


def material_program(context: moderngl.Context, material: str) -> moderngl.Program:
    """Moves, lights and colours one of MATERIALS."""
    own = _source(material)
    return context.program(
        vertex_shader=_VERTEX + _source("vertex") + own + _source("vertex_main"),
        fragment_shader=_VERSION + _source("pixel") + own,
    )


def plain_program(context: moderngl.Context, name: str) -> moderngl.Program:
    """One that is whole in one file: "backdrop", "resolve", "depth" or "skin_paint"."""
    own = _source(name)
    return context.program(vertex_shader=_VERTEX + own, fragment_shader=_VERSION + own)


def _source(name: str) -> str:
    return (files(__package__) / "glsl" / f"{name}.glsl").read_text(encoding="utf-8")
