"""Where visitors stand, and how they come and go."""

from typing import Final
from zlib import crc32

import numpy as np

from wan_streamer.train.data.motion.easing import Curve
from wan_streamer.train.data.motion.scene import actions, seconds, stays
from wan_streamer.train.data.timeline import Timeline

# Two people beside each other, shoulder to shoulder.
BESIDE_M: Final = 0.25
# Outside of every picture, shoulders included.
AWAY_M: Final = 1.2
# Somebody walks at a steady pace and slows down in the last part of the way.
SLOWING_SHARE: Final = 0.4


def place_x_m(timeline: Timeline, visitor_id: str) -> float:
    """Where a visitor's place is, metres to the viewer's right of the middle; 0 for who is there alone."""
    there = stays(timeline)
    others = [span for name, spans in there.items() if name != visitor_id for span in spans]
    if not any(stay.overlap_us(other.begin_us, other.end_us) for stay in there[visitor_id] for other in others):
        return 0.0
    together = [visitor.id for visitor in timeline.script.visitors]
    return -BESIDE_M if together.index(visitor_id) % 2 == 0 else BESIDE_M


def walk_x_m(timeline: Timeline, visitor_id: str, time_s: Curve) -> Curve:
    """Where a visitor stands relative to the own place, [frames]; away is `AWAY_M` to one side.

    It depends on the script alone, so that the agent can look where the visitor really is.
    """
    visitor = next(visitor for visitor in timeline.script.visitors if visitor.id == visitor_id)
    away_m = _side(timeline, visitor_id) * AWAY_M
    x_m = np.full(len(time_s), 0.0 if visitor.is_there_at_start else away_m)
    for event, span in actions(timeline, "arrive", "come_back", "leave"):
        if event.visitor != visitor_id:
            continue
        begin_s, end_s = seconds(span)
        if event.action == "leave":
            left = _way_left((end_s - time_s) / (end_s - begin_s))
        else:
            left = _way_left((time_s - begin_s) / (end_s - begin_s))
        x_m = np.where(time_s >= begin_s, away_m * left, x_m)
    return x_m


def _side(timeline: Timeline, visitor_id: str) -> float:
    """From the side of their place; who stands in the middle comes from either."""
    place_m = place_x_m(timeline, visitor_id)
    if place_m:
        return float(np.sign(place_m))
    return 1.0 if crc32(f"{timeline.script.name}/{visitor_id}".encode()) % 2 else -1.0


def _way_left(progress: Curve) -> Curve:
    """1 to 0: steady, then slower."""
    done = np.clip(progress, 0, 1)
    steady = 1 - SLOWING_SHARE
    speed = 1 / (steady + SLOWING_SHARE / 2)
    slowing = np.clip((done - steady) / SLOWING_SHARE, 0, 1)
    return np.asarray(1 - speed * (np.minimum(done, steady) + SLOWING_SHARE * (slowing - slowing**2 / 2)), np.float64)
