"""What is behind people: painted with a few shapes and thrown out of focus."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from wan_streamer.train.data.face.scene import Place

Shade = tuple[int, int, int]
Image8 = NDArray[np.uint8]
PAINT_HEIGHT: Final = 360  # painted large, so that every size shows the same


class _Paint:
    """A picture to paint on; positions and sizes are shares of its width and height."""

    def __init__(self, aspect: float, top: Shade, bottom: Shade) -> None:
        self.size = (round(PAINT_HEIGHT * aspect), PAINT_HEIGHT)
        level = np.linspace(0, 1, PAINT_HEIGHT)[:, None, None]
        wall = np.array(top) * (1 - level) + np.array(bottom) * level
        self.image = Image.fromarray(np.broadcast_to(wall, (*self.size[::-1], 3)).astype(np.uint8))
        self._draw = ImageDraw.Draw(self.image)

    def box(self, left: float, top: float, right: float, bottom: float, shade: Shade) -> None:
        self._draw.rectangle((*self._at(left, top), *self._at(right, bottom)), fill=shade)

    def ellipse(self, left: float, top: float, right: float, bottom: float, shade: Shade) -> None:
        self._draw.ellipse((*self._at(left, top), *self._at(right, bottom)), fill=shade)

    def polygon(self, points: list[tuple[float, float]], shade: Shade) -> None:
        self._draw.polygon([self._at(x, y) for x, y in points], fill=shade)

    def _at(self, x: float, y: float) -> tuple[float, float]:
        return x * self.size[0], y * self.size[1]

    def finished(self, height: int, width: int, *, blur: float, darker: float) -> Image8:
        """Out of focus by a share of the height, and darker in the corners."""
        soft = self.image.filter(ImageFilter.GaussianBlur(PAINT_HEIGHT * blur))
        small = np.asarray(soft.resize((width, height), Image.Resampling.BOX), np.float32)
        y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
        done: Image8 = (small * (1 - darker * (x**2 + y**2))[..., None]).clip(0, 255).astype(np.uint8)
        return done


def paint_desk_hall(height: int, width: int) -> Image8:
    """The museum behind the agent: a warm wall, a framed landscape, a vase in a lit niche, the desk's edge."""
    paint = _Paint(width / height, (196, 188, 174), (158, 146, 132))
    paint.box(0.0, 0.0, 0.04, 1.0, (132, 122, 112))
    paint.box(0.075, 0.12, 0.265, 0.64, (92, 62, 36))
    paint.box(0.090, 0.147, 0.250, 0.613, (226, 216, 192))
    paint.box(0.105, 0.175, 0.235, 0.585, (86, 128, 150))
    paint.polygon(
        [(0.105, 0.585), (0.105, 0.44), (0.15, 0.38), (0.19, 0.45), (0.235, 0.40), (0.235, 0.585)], (98, 112, 66)
    )
    paint.ellipse(0.175, 0.22, 0.205, 0.273, (246, 214, 140))
    paint.box(0.735, 0.05, 0.935, 0.80, (228, 220, 204))
    paint.box(0.752, 0.08, 0.918, 0.775, (196, 178, 146))
    paint.polygon(
        [(0.805, 0.60), (0.793, 0.38), (0.822, 0.25), (0.848, 0.25), (0.877, 0.38), (0.865, 0.60)], (44, 96, 112)
    )
    paint.box(0.785, 0.60, 0.885, 0.775, (142, 134, 122))
    paint.box(0.0, 0.92, 1.0, 1.0, (112, 78, 50))
    return paint.finished(height, width, blur=0.020, darker=0.12)


def paint_backdrop(place: Place, seed: int, height: int, width: int) -> Image8:
    """A place behind visitors; its colours and where things stand follow the seed."""
    random = np.random.default_rng(seed)
    paint = _PAINTERS[place](random, width / height)
    return paint.finished(
        height, width, blur=float(random.uniform(0.004, 0.030)), darker=float(random.uniform(0.0, 0.22))
    )


def _shade(random: np.random.Generator, low: int, high: int, tint: float = 0.05) -> Shade:
    """A grey with a tint."""
    level = random.uniform(low, high)
    red, green, blue = (int(np.clip(level * (1 + random.uniform(-tint, tint)), 0, 255)) for _ in range(3))
    return red, green, blue


def _foyer(random: np.random.Generator, aspect: float) -> _Paint:
    """Pillars, doors, lamps and a stone floor."""
    paint = _Paint(aspect, _shade(random, 80, 190), _shade(random, 90, 170))
    floor = random.uniform(0.74, 0.90)
    paint.box(0, floor, 1, 1, _shade(random, 60, 130))
    dark, light = _shade(random, 50, 110, 0.25), _shade(random, 150, 220)
    for left in np.arange(random.uniform(-0.1, 0.1), 1, random.uniform(0.2, 0.34)):
        paint.box(left, 0, left + 0.055, floor, light)
        paint.box(left + 0.036, 0, left + 0.055, floor, dark)
    door = random.uniform(0.05, 0.8)
    paint.box(door, 0.3, door + 0.16, floor, dark)
    for x in random.uniform(0, 1, 5):
        paint.ellipse(x, 0.05, x + 0.022, 0.09, (255, 232, 190))
    return paint


def _wall(random: np.random.Generator, aspect: float) -> _Paint:
    """A plain wall, sometimes with pictures."""
    tone = _shade(random, 70, 215, 0.12)
    fading = random.uniform(0.6, 1.05)
    paint = _Paint(aspect, tone, (int(tone[0] * fading), int(tone[1] * fading), int(min(tone[2] * fading, 255))))
    for _ in range(int(random.integers(0, 4))):
        left, top = random.uniform(0, 0.9), random.uniform(0.0, 0.4)
        right, bottom = left + random.uniform(0.08, 0.25), top + random.uniform(0.2, 0.45)
        paint.box(left, top, right, bottom, _shade(random, 30, 120, 0.3))
        paint.box(left + 0.012, top + 0.02, right - 0.012, bottom - 0.02, _shade(random, 60, 200, 0.25))
    return paint


def _window(random: np.random.Generator, aspect: float) -> _Paint:
    """Bright panes behind the visitor."""
    paint = _Paint(aspect, _shade(random, 90, 180), _shade(random, 70, 150))
    bar = _shade(random, 60, 210)
    bottom = random.uniform(0.6, 0.95)
    for left in np.arange(random.uniform(-0.2, 0.1), 1, 0.3):
        paint.box(left, 0.0, left + 0.24, bottom, _shade(random, 200, 250, 0.02))
        paint.box(left, bottom - 0.22, left + 0.24, bottom, _shade(random, 110, 190, 0.08))
        paint.box(left + 0.113, 0.0, left + 0.127, bottom, bar)
        paint.box(left, 0.33, left + 0.24, 0.355, bar)
    return paint


def _street(random: np.random.Generator, aspect: float) -> _Paint:
    """Houses, sky, trees, cars and people far away."""
    paint = _Paint(aspect, _shade(random, 170, 245, 0.04), _shade(random, 150, 220, 0.03))
    left = -0.1
    while left < 1:
        width, top = random.uniform(0.14, 0.3), random.uniform(0.0, 0.35)
        paint.box(left, top, left + width, 0.85, _shade(random, 70, 190, 0.12))
        for x in np.arange(left + 0.02, left + width - 0.03, 0.055):
            for y in np.arange(top + 0.06, 0.7, 0.13):
                paint.box(x, y, x + 0.025, y + 0.07, _shade(random, 40, 110, 0.15))
        left += width
    paint.box(0, 0.82, 1, 1, _shade(random, 80, 130, 0.06))
    for x in random.uniform(0, 1, 3):
        paint.ellipse(x - 0.07, 0.30, x + 0.07, 0.68, (int(random.uniform(40, 90)), int(random.uniform(80, 120)), 40))
        paint.box(x - 0.008, 0.6, x + 0.008, 0.85, (70, 52, 38))
    car = random.uniform(0, 0.85)
    paint.box(car, 0.74, car + 0.2, 0.86, _shade(random, 50, 180, 0.5))
    return paint


_PAINTERS: Final[Mapping[Place, Callable[[np.random.Generator, float], _Paint]]] = MappingProxyType(
    {"foyer": _foyer, "wall": _wall, "window": _window, "street": _street}
)
