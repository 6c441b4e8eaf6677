"""What visitors hold up. The origin is where the hand grips; metres, y up, z towards the viewer."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import numpy as np

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.events import ITEMS
from wan_streamer.train.data.face.identity import Colour
from wan_streamer.train.data.face.mesh import grid_triangles
from wan_streamer.train.data.face.things import Thing, box, joined, lathe, thing, tube

CARD_COLOURS: Final[Mapping[str, Colour]] = MappingProxyType(
    {
        "red": (0.62, 0.010, 0.016),
        "green": (0.012, 0.33, 0.05),
        "blue": (0.010, 0.06, 0.55),
        "yellow": (0.80, 0.53, 0.01),
    }
)
WHITE: Final = (0.80, 0.79, 0.76)
BLACK: Final = (0.010, 0.010, 0.012)
STEEL: Final = (0.42, 0.43, 0.45)


# How much lower than a hand an item is held, so that its top stays in the picture.
LOWER_M: Final[Mapping[str, float]] = MappingProxyType(
    {"card": 0.045, "ticket": 0.0, "object.umbrella": 0.165, "object.bottle": 0.070, "object.book": 0.080}
)


def lower_m(name: str) -> float:
    """By how much the arm is lower while it holds this."""
    return LOWER_M.get(name, LOWER_M.get(name.partition(".")[0], 0.02))


def item_names() -> tuple[str, ...]:
    """Everything that can be held up: "ticket", "card.red", "object.book" and so on."""
    kinds = {action.removeprefix("show_"): names for action, names in ITEMS.items()}
    return ("ticket", *(f"{kind}.{name}" for kind, names in kinds.items() for name in names))


def make_item(name: str) -> Thing:
    """The thing of that name.

    Raises:
        InvalidInput: there is none.
    """
    if name not in item_names():
        raise InvalidInput(f"got the item {name!r}, expected one of {', '.join(item_names())}", reason="ITEM")
    kind, _, which = name.partition(".")
    return _card(CARD_COLOURS[which]) if kind == "card" else _MAKERS[which or kind]()


def _card(colour: Colour) -> Thing:
    return joined([box((0, 0.060, 0.022), (0.115, 0.165, 0.003), colour, 0.15)])


def _ticket() -> Thing:
    """A cream slip with a picture, lines of print and a stub behind a perforation."""
    z = 0.025
    ink, picture = (0.05, 0.05, 0.06), (0.55, 0.17, 0.03)
    lines = [box((0.022, 0.075 - 0.014 * i, z), (0.070 - 0.012 * (i % 2), 0.005, 0.004), ink, 0.0) for i in range(4)]
    dots = [box((-0.042, 0.022 + 0.0115 * i, z), (0.0035, 0.0055, 0.0045), ink, 0.0) for i in range(7)]
    return joined(
        [
            box((0, 0.056, z), (0.175, 0.080, 0.003), WHITE, 0.1),
            box((-0.065, 0.056, z), (0.036, 0.066, 0.004), picture, 0.1),
            *lines,
            *dots,
        ]
    )


def _umbrella() -> Thing:
    """A small open one."""
    ribs, radius = 8, 0.150
    colours = ((0.55, 0.012, 0.02), WHITE)
    height, stick = 0.19, tube([(0, y, 0) for y in np.linspace(-0.075, 0.20, 8)], 0.0045, STEEL, 0.6)
    angle = np.linspace(np.pi, 2 * np.pi, 9)
    hook = tube([(0.020 + 0.020 * np.cos(a), -0.075 + 0.020 * np.sin(a), 0) for a in angle], 0.006, (0.12, 0.05, 0.02))
    panels = [_panel(radius, height, 2 * np.pi * i / ribs, 2 * np.pi / ribs, colours[i % 2]) for i in range(ribs)]
    return joined([stick, hook, *panels])


def _panel(radius: float, height: float, start: float, width: float, colour: Colour) -> Thing:
    around, up = np.linspace(start, start + width, 6)[:, None], np.linspace(0, 1, 7)[None]
    reach = radius * np.sin(up * np.pi / 2) * (1 - 0.06 * up * np.sin((around - start) / width * np.pi))
    y = height + 0.075 * (np.cos(up * np.pi / 2) - 0.5) + 0.016 * up * np.sin((around - start) / width * np.pi)
    grid = np.stack(np.broadcast_arrays(reach * np.sin(around), y, reach * np.cos(around)), -1)
    return thing(grid.reshape(-1, 3), grid_triangles(6, 7), colour, 0.15)


def _bottle() -> Thing:
    glass, label = (0.010, 0.16, 0.28), WHITE
    body = [(0.0, -0.07), (0.034, -0.07), (0.036, -0.06), (0.036, 0.07), (0.030, 0.10), (0.013, 0.125), (0.012, 0.15)]
    return joined(
        [
            lathe((0, 0, 0.012), body, glass, 0.9),
            lathe((0, 0, 0.012), [(0.0368, -0.005), (0.0368, 0.055)], label, 0.1),
            lathe((0, 0, 0.012), [(0.015, 0.145), (0.015, 0.172), (0.0, 0.173)], (0.55, 0.02, 0.02), 0.3),
        ]
    )


def _book() -> Thing:
    cover, pages, gold = (0.30, 0.022, 0.030), (0.75, 0.70, 0.58), (0.72, 0.45, 0.08)
    return joined(
        [
            box((0, 0.075, 0.026), (0.150, 0.205, 0.026), cover, 0.2),
            box((0.004, 0.075, 0.026), (0.150, 0.195, 0.020), pages, 0.0),
            box((0, 0.128, 0.040), (0.100, 0.020, 0.002), gold, 0.4),
            box((0, 0.100, 0.040), (0.075, 0.008, 0.002), gold, 0.4),
            box((0, 0.030, 0.040), (0.050, 0.050, 0.002), gold, 0.4),
            box((-0.068, 0.075, 0.0395), (0.006, 0.205, 0.002), (0.14, 0.01, 0.014), 0.2),
        ]
    )


def _phone() -> Thing:
    screen = (0.10, 0.42, 0.70)
    colours = ((0.75, 0.25, 0.05), (0.10, 0.55, 0.15), (0.70, 0.60, 0.08), (0.60, 0.08, 0.35))
    icons = [
        box((-0.022 + 0.022 * (i % 3), 0.105 - 0.026 * (i // 3), 0.029), (0.014, 0.014, 0.001), colours[i % 4], 0.0)
        for i in range(9)
    ]
    return joined(
        [
            box((0, 0.065, 0.022), (0.082, 0.168, 0.010), BLACK, 0.6),
            box((0, 0.065, 0.0275), (0.074, 0.150, 0.002), screen, 0.5),
            *icons,
        ]
    )


def _bag() -> Thing:
    leather, dark = (0.34, 0.13, 0.035), (0.17, 0.06, 0.018)
    angle = np.linspace(0, np.pi, 13)
    handle = tube([(0.050 * np.cos(a), -0.035 + 0.062 * np.sin(a), 0.02) for a in angle], 0.0065, dark)
    return joined(
        [
            handle,
            box((0, -0.110, 0.02), (0.215, 0.150, 0.060), leather, 0.3, top_share=0.80),
            box((0, -0.070, 0.052), (0.170, 0.062, 0.006), dark, 0.3, top_share=1.05),
            box((0, -0.100, 0.058), (0.022, 0.018, 0.006), (0.70, 0.47, 0.12), 0.9),
        ]
    )


def _camera() -> Thing:
    ring = [(0.036, 0.0), (0.036, 0.034), (0.029, 0.036), (0.027, 0.026), (0.0, 0.024)]
    lens = _forward(lathe((0, 0, 0), ring, (0.02, 0.02, 0.022), 0.7), (0.0, 0.052, 0.052))
    glass = _forward(lathe((0, 0, 0), [(0.026, 0.029), (0.0, 0.033)], (0.05, 0.06, 0.16), 1.0), (0.0, 0.052, 0.052))
    return joined(
        [
            box((0, 0.052, 0.030), (0.142, 0.088, 0.044), (0.022, 0.022, 0.024), 0.2),
            box((0, 0.086, 0.030), (0.143, 0.020, 0.045), STEEL, 0.6),
            box((0, 0.107, 0.030), (0.050, 0.026, 0.040), (0.022, 0.022, 0.024), 0.3, top_share=0.7),
            box((0.048, 0.100, 0.030), (0.018, 0.010, 0.018), STEEL, 0.6),
            lens,
            glass,
        ]
    )


def _forward(upright: Thing, centre: tuple[float, float, float]) -> Thing:
    """What points up, pointed at the viewer."""
    turn = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]], np.float32)
    return Thing(
        position_N3=upright.position_N3 @ turn + np.array(centre, np.float32),
        normal_N3=upright.normal_N3 @ turn,
        colour_N3=upright.colour_N3,
        gloss_N=upright.gloss_N,
        triangles_T3=upright.triangles_T3,
    )


_MAKERS: Final[Mapping[str, Callable[[], Thing]]] = MappingProxyType(
    {
        "ticket": _ticket, "umbrella": _umbrella, "bottle": _bottle, "book": _book, "phone": _phone, "bag": _bag,
        "camera": _camera,
    }
)  # fmt: skip
