"""Who somebody is: shape, skin, hair and clothes, as numbers and names from which `person.py` makes a mesh."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

Colour = tuple[float, float, float]
"""Linear red, green, blue; 0 to 1."""
HairStyle = Literal["bald", "buzz", "short", "quiff", "afro", "tied", "bob", "shoulder", "long"]
Outfit = Literal["sweater", "shirt", "jacket", "uniform"]


@dataclass(frozen=True, kw_only=True)
class Hair:
    """Hair of the head.

    Attributes:
        part_x_m: where the parting is, to the viewer's right.
        line_up_m: how far the hairline has gone up.
        volume: 1 is usual.
    """

    style: HairStyle
    colour: Colour
    part_x_m: float = 0.02
    line_up_m: float = 0.0
    volume: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Clothes:
    """What is worn.

    Attributes:
        inner_colour: of the shirt under a jacket.
        collar_down_m: how much lower than usual the neckline is.
    """

    outfit: Outfit
    colour: Colour
    inner_colour: Colour = (0.75, 0.75, 0.73)
    collar_down_m: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Identity:
    """A person.

    Attributes:
        anchors: weights of complete people in `Heads.anchors`; they add up to 1.
        directions: weights of `Heads.directions`.
        lips, lip_strength: colour of the lips and how much of it covers the skin.
        beard: 0 none, 1 a full dark stubble.
        age_lines: 0 to 1, wrinkles and spots.
        lashes: 0 to 1, how strong they show.
        glasses: colour of the frame, None without.
    """

    name: str
    anchors: Mapping[str, float]
    directions: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    skin: Colour
    iris: Colour
    lips: Colour
    lip_strength: float
    hair: Hair
    brow_colour: Colour
    brow_thickness: float = 1.0
    lashes: float = 1.0
    beard: float = 0.0
    age_lines: float = 0.0
    clothes: Clothes
    glasses: Colour | None = None
