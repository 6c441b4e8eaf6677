"""Directions between the agent and the visitors, radians: yaw to the viewer's right, pitch up."""

from typing import Final

import numpy as np

from wan_streamer.train.data.motion.easing import Curve
from wan_streamer.train.data.motion.places import place_x_m, walk_x_m
from wan_streamer.train.data.timeline import Timeline

# From the agent's screen and camera to somebody at its desk.
DISTANCE_M: Final = 0.9
# Nobody turns further after somebody who walks away.
LIMIT_RAD: Final = 0.5
# An item is held up beside the head, in the right hand: on the left of the visitors' picture.
ITEM_X_M: Final = -0.22
ITEM_Y_M: Final = -0.1


def towards(x_m: Curve) -> Curve:
    """The way between the middle of the picture and somebody at x_m, [frames, 2].

    It is the same for both: who stands right of the middle in the visitors' picture is on the left of the agent, who is
    seen from the front; and from there the middle is on the left of that picture.
    """
    yaw = np.clip(-np.arctan2(x_m, DISTANCE_M), -LIMIT_RAD, LIMIT_RAD)
    return np.stack([yaw, np.zeros_like(yaw)], axis=1)


def visitor_x_m(timeline: Timeline, visitor_id: str, time_s: Curve) -> Curve:
    """Where a visitor stands, metres to the right of the middle of the visitors' picture, [frames]."""
    return place_x_m(timeline, visitor_id) + walk_x_m(timeline, visitor_id, time_s)
