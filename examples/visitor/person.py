"""Who the visitor is, mixed from the heads that `wan-streamer data faces` exports."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from wan_streamer.train.data.face.export_heads import export_heads
from wan_streamer.train.data.face.heads import FILE_NAME, load_heads
from wan_streamer.train.data.face.identity import Clothes, Hair, Identity
from wan_streamer.train.data.face.mesh import Floats
from wan_streamer.train.data.face.person import Person, make_person

HAIR = Hair(style="bob", colour=(0.05, 0.025, 0.013))
VISITOR = Identity(
    name="visitor",
    anchors={"woman-caucasian-young": 0.75, "woman-asian-young": 0.15, "woman-african-young": 0.10},
    directions={"wing-ears": -1.0},  # ears that lie close, under the hair
    # Skin, eyes, hair and clothes are in this example's own shaders.
    skin=(0.5, 0.285, 0.2),
    iris=(0.17, 0.11, 0.05),
    lips=(0.46, 0.15, 0.135),
    lip_strength=0.8,
    hair=HAIR,
    brow_colour=HAIR.colour,
    clothes=Clothes(outfit="sweater", colour=(0.018, 0.088, 0.105)),
)


def load_person(folder: Path) -> Person:
    """The visitor; the heads are exported into the folder first if need be (two minutes, and 1.5 GB beside them)."""
    if not (folder / FILE_NAME).is_file():
        export_heads(folder, Console())
    return make_person(load_heads(folder), VISITOR)


def shaped(person: Person, weights: Mapping[str, float]) -> Floats:
    """The vertices with facial actions applied, before the head turns."""
    vertices = person.rest_V3.copy()
    for action, weight in weights.items():
        if abs(weight) > 1e-4:
            vertices += weight * person.heads.actions[action]
    return vertices
