"""The room behind the visitor: a museum's foyer, painted with a few shapes and thrown out of focus."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

WALL_TOP, WALL_BOTTOM = (98, 92, 84), (150, 138, 122)
FLOOR = (92, 74, 58)
STONE, SHADE, DAYLIGHT, LAMP = (176, 164, 146), (70, 64, 60), (226, 236, 244), (255, 226, 176)
BONE = (206, 196, 172)
BLUR_SHARE = 0.011  # of the width: far away, wide open lens


def paint_room(width: int, height: int, *, seed: int) -> NDArray[np.uint8]:
    """Height x width x 3, sRGB."""
    image = Image.fromarray(_wall(width, height))
    draw = ImageDraw.Draw(image)
    _windows(draw, width, height)
    _skeleton(draw, width, height)
    _pillars(draw, width, height)
    _lamps(draw, width, height, np.random.default_rng(seed))
    soft = image.filter(ImageFilter.GaussianBlur(width * BLUR_SHARE))
    return _vignette(np.asarray(soft, np.float32), width, height)


def _wall(width: int, height: int) -> NDArray[np.uint8]:
    level = np.linspace(0, 1, height)[:, None, None]
    wall = np.array(WALL_TOP) * (1 - level) + np.array(WALL_BOTTOM) * level
    wall = np.where(level > 0.86, np.array(FLOOR), wall)
    return np.broadcast_to(wall, (height, width, 3)).astype(np.uint8)


def _windows(draw: ImageDraw.ImageDraw, width: int, height: int) -> None:
    """Tall arched windows on the left, where the key light comes from."""
    for left, right in ((0.03, 0.145), (0.185, 0.30)):
        x0, x1 = left * width, right * width
        radius = (x1 - x0) / 2
        top = 0.12 * height
        draw.pieslice((x0, top, x1, top + 2 * radius), 180, 360, fill=DAYLIGHT)
        draw.rectangle((x0, top + radius, x1, 0.74 * height), fill=DAYLIGHT)
        draw.line(((x0 + x1) / 2, top, (x0 + x1) / 2, 0.74 * height), fill=STONE, width=width // 180)
        for bar in (0.34, 0.54):
            draw.line((x0, bar * height, x1, bar * height), fill=STONE, width=width // 220)


def _skeleton(draw: ImageDraw.ImageDraw, width: int, height: int) -> None:
    """A long-necked dinosaur on its plinth, on the right: why the visitor came."""

    def at(x: float, y: float) -> tuple[float, float]:
        return x * width, y * height

    spine = [
        at(0.70, 0.27),
        at(0.735, 0.30),
        at(0.765, 0.38),
        at(0.79, 0.47),
        at(0.83, 0.52),
        at(0.89, 0.52),
        at(0.94, 0.57),
        at(1.01, 0.66),
    ]
    draw.line(spine, fill=BONE, width=width // 95, joint="curve")
    draw.ellipse((*at(0.672, 0.245), *at(0.708, 0.295)), fill=BONE)
    for rib in np.linspace(0.805, 0.895, 7):
        draw.arc((*at(rib - 0.012, 0.50), *at(rib + 0.022, 0.66)), 250, 80, fill=BONE, width=width // 240)
    for hip, foot in ((0.812, 0.80), (0.828, 0.845), (0.893, 0.88), (0.905, 0.925)):
        draw.line(
            (at(hip, 0.53), at((hip + foot) / 2 + 0.006, 0.66), at(foot, 0.79)),
            fill=BONE,
            width=width // 130,
            joint="curve",
        )
    draw.rectangle((*at(0.76, 0.79), *at(0.98, 0.87)), fill=SHADE)


def _pillars(draw: ImageDraw.ImageDraw, width: int, height: int) -> None:
    for centre, half in ((0.345, 0.022), (0.635, 0.022)):
        x0, x1 = (centre - half) * width, (centre + half) * width
        draw.rectangle((x0, 0, x1, 0.88 * height), fill=STONE)
        draw.rectangle((x0 + (x1 - x0) * 0.62, 0, x1, 0.88 * height), fill=(138, 127, 112))
        draw.rectangle((x0 - 0.008 * width, 0.84 * height, x1 + 0.008 * width, 0.9 * height), fill=(150, 139, 124))


def _lamps(draw: ImageDraw.ImageDraw, width: int, height: int, random: np.random.Generator) -> None:
    for x in np.linspace(0.42, 0.97, 6) + random.normal(0, 0.006, 6):
        y, radius = (0.10 + 0.02 * random.standard_normal()) * height, 0.009 * width
        draw.ellipse((x * width - radius, y - radius, x * width + radius, y + radius), fill=LAMP)


def _vignette(image: NDArray[np.float32], width: int, height: int) -> NDArray[np.uint8]:
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    return (image * (1 - 0.22 * (x**2 + y**2))[..., None]).clip(0, 255).astype(np.uint8)
