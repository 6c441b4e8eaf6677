"""Pictures of many people, each moving."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from wan_streamer.eval.validation.agent_films import HEIGHT, WIDTH, AgentFilm
from wan_streamer.eval.validation.pictures import Picture
from wan_streamer.train.data.curves import COLUMNS, Curves

PICTURES_EACH: Final = 6
FACES: Final = tuple(f"face-{number:03d}" for number in range(20))
# What happens in front of a body: it is walked in, a hand waves. Only the face matters here.
LEFT_OUT: Final = ("body_x", "body_z", "hand_raise", "hand_sway", "item_raise")


def agent_pictures(films: Sequence[AgentFilm]) -> list[Picture]:
    """The agent in the middle of some films."""
    return [film.frames[len(film.frames) // 2] for film in films[:PICTURES_EACH]]


def visitor_pictures(films: Sequence[AgentFilm]) -> list[list[Picture]]:
    """Visitors who move as the agent does in some films, each in one scene."""
    from wan_streamer.train.data.face.heads import default_heads_folder
    from wan_streamer.train.data.face.visitor_renderer import VisitorRenderer

    people = []
    for seed, face in enumerate(FACES):
        renderer = VisitorRenderer(default_heads_folder(), (face,), seed, HEIGHT, WIDTH)
        moments = [(_face_only(film.curves), len(film.frames) // 2) for film in films[:PICTURES_EACH]]
        people.append([renderer.draw((curves,), frame, items=(None,)) for curves, frame in moments])
        renderer.close()
    return people


def _face_only(curves: Curves) -> Curves:
    values = curves.values_FC.copy()
    values[:, [COLUMNS.index(name) for name in LEFT_OUT]] = 0
    return Curves(values_FC=np.asarray(values))
