"""What the visitors' camera is like and what stands behind them: drawn from a seed."""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from wan_streamer.train.data.face.camera import Matrix, look_at, perspective
from wan_streamer.train.data.face.identity import Colour
from wan_streamer.train.data.face.lighting import Lighting

Place = Literal["foyer", "wall", "window", "street"]
PLACES: Final[tuple[Place, ...]] = ("foyer", "wall", "window", "street")

# The height of the picture where the visitors stand, metres: for one, for two beside each other.
VIEW_M: Final = ((0.40, 0.60), (0.66, 0.82))
DISTANCE_M: Final = (0.75, 1.7)
CAMERA_ABOVE_EYES_M: Final = (-0.16, 0.22)
CAMERA_ASIDE_RAD: Final = 0.20
FACE_Z_M: Final = 0.05
# Eyes stand at this share of the picture's height, from its top.
EYES_FROM_TOP: Final = (0.36, 0.46)
# Colour of daylight, of a cloudy day, of warm lamps.
LAMPS: Final[tuple[Colour, ...]] = ((1.0, 0.97, 0.92), (0.90, 0.96, 1.08), (1.06, 0.96, 0.83))


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One camera in one place.

    Attributes:
        aim, camera: metres, in the axes of `Heads`.
        aside_m: how far the camera's middle is from the visitors' middle.
        noise: standard deviation of the sensor's noise, in steps of 256.
        blur_pixels: of the lens, standard deviation.
        gains: of the camera's red, green and blue.
    """

    place: Place
    backdrop_seed: int
    lighting: Lighting
    aim: Matrix
    camera: Matrix
    fov_degrees: float
    noise: float
    blur_pixels: float
    gains: Colour

    def to_clip(self, height: int, width: int) -> Matrix:
        """The camera's matrix for a picture of this size."""
        matrix: Matrix = perspective(self.fov_degrees, width / height, 0.2, 4.0) @ look_at(self.camera, self.aim)
        return matrix


def draw_scene(seed: int, *, people: int) -> Scene:
    """The scene of a seed; a wider view where two can stand."""
    random = np.random.default_rng([seed, 7])
    low, high = VIEW_M[0 if people < 2 else 1]
    view_m, distance_m = random.uniform(low, high), random.uniform(*DISTANCE_M)
    eyes = random.uniform(*EYES_FROM_TOP)
    aim = np.array([random.normal(0, 0.015), (eyes - 0.5) * view_m, FACE_Z_M])
    aside = random.uniform(-CAMERA_ASIDE_RAD, CAMERA_ASIDE_RAD)
    above_m = random.uniform(*CAMERA_ABOVE_EYES_M) * distance_m
    camera = aim + np.array([distance_m * np.sin(aside), above_m, distance_m * np.cos(aside)])
    reach = float(np.linalg.norm(camera - aim))
    return Scene(
        place=PLACES[int(random.integers(len(PLACES)))],
        backdrop_seed=int(random.integers(1 << 30)),
        lighting=_lighting(random),
        aim=aim,
        camera=camera,
        fov_degrees=2 * float(np.degrees(np.arctan(view_m / 2 / reach))),
        noise=float(random.choice((0.0, 1.0)) * random.uniform(0.5, 4.5)),
        blur_pixels=float(max(0.0, random.uniform(-0.5, 0.75))),
        gains=_colour(1 + random.normal(0, 0.035, 3)),
    )


def _lighting(random: np.random.Generator) -> Lighting:
    side, up = random.uniform(-1.0, 1.0), random.uniform(0.15, 1.0)
    strength = random.uniform(1.2, 2.9)
    lamp, sky = (np.array(LAMPS[int(random.integers(len(LAMPS)))]) for _ in range(2))
    ambient = random.uniform(0.28, 0.75)
    return Lighting(
        key_towards=(side, up, random.uniform(0.45, 1.0)),
        key=_colour(lamp * strength),
        fill_towards=(-side, 0.1, 0.6),
        fill=_colour(sky * random.uniform(0.1, 0.6)),
        rim_towards=(-side, 0.4, -0.6),
        rim=_colour(sky * random.uniform(0.0, 1.6)),
        sky=_colour(sky * ambient),
        ground=_colour(sky * ambient * random.uniform(0.4, 0.8) * [1.05, 0.95, 0.85]),
        exposure=float(1.75 / (strength + 1.4 * ambient) * random.uniform(0.60, 1.0)),
    )


def _colour(values: Matrix) -> Colour:
    red, green, blue = (float(value) for value in values)
    return red, green, blue
