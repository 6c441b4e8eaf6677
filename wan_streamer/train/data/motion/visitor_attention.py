"""What a visitor looks at: mostly the agent, above whose picture the camera is."""

from itertools import pairwise
from typing import Final

import numpy as np

from wan_streamer.train.data.motion.directions import ITEM_Y_M, towards, visitor_x_m
from wan_streamer.train.data.motion.easing import Curve
from wan_streamer.train.data.motion.gaze import Aside, draw_asides, look_aside
from wan_streamer.train.data.motion.places import walk_x_m
from wan_streamer.train.data.motion.scene import US_PER_S, actions, said_by, seconds, side_talk, sounds
from wan_streamer.train.data.motion.temper import Temper
from wan_streamer.train.data.timeline import Timeline

# Who talks to somebody beside them turns that far.
SIDE_TALK_RAD: Final = 0.95
# Between two lines of a side talk nobody looks back at the agent.
SIDE_TALK_GAP_S: Final = 1.2
# Who walks looks where they go, in the first part of the way in and in all of the way out.
WALKING_RAD: Final = 0.6
WALKING_SHARE: Final = 0.45
ASIDE_RATE_SPEAKING_HZ: Final = 0.12
ASIDE_RATE_IDLE_HZ: Final = 0.12
ASIDE_RAD: Final = 0.22
LONGEST_ASIDE_S: Final = 1.2
ITEM_RAD: Final = 0.2


def visitor_target(
    timeline: Timeline, visitor_id: str, time_s: Curve, temper: Temper, random: np.random.Generator
) -> Curve:
    """Where a visitor looks, [frames, 2]: yaw to the viewer's right and pitch up, radians."""
    target_F2 = towards(visitor_x_m(timeline, visitor_id, time_s))
    asides = draw_asides(
        time_s,
        temper.shyness * _aside_rate_hz(timeline, visitor_id, time_s),
        random,
        reach_rad=ASIDE_RAD,
        longest_s=LONGEST_ASIDE_S,
    )
    asides += _hesitations(timeline, visitor_id, random) + _at_own_item(timeline, visitor_id)
    asides += _turned_away(timeline, visitor_id)
    target_F2 = look_aside(target_F2, time_s, asides)
    target_F2 = _at_each_other(timeline, visitor_id, time_s, target_F2)
    return _along_the_way(timeline, visitor_id, time_s, target_F2)


def _aside_rate_hz(timeline: Timeline, visitor_id: str, time_s: Curve) -> Curve:
    """Nobody looks away from an agent who speaks, nearly."""
    rate_hz = np.full(len(time_s), ASIDE_RATE_IDLE_HZ)
    for utterance in timeline.utterances:
        begin_s, end_s = seconds(utterance)
        is_own = getattr(utterance.event, "visitor", "") == visitor_id
        within = (time_s >= begin_s) & (time_s < end_s)
        rate_hz[within] = ASIDE_RATE_SPEAKING_HZ if is_own else 0.2 * ASIDE_RATE_IDLE_HZ
    return rate_hz


def _hesitations(timeline: Timeline, visitor_id: str, random: np.random.Generator) -> tuple[Aside, ...]:
    """Up or down and aside while searching for words."""
    asides = []
    for utterance in said_by(timeline, visitor_id):
        for before, after in pairwise(utterance.pieces):
            begin_us = before.at_us + before.clip_end_us - before.clip_begin_us
            asides.append(
                Aside(
                    begin_s=begin_us / US_PER_S + 0.05,
                    end_s=after.at_us / US_PER_S,
                    yaw_rad=random.choice([-1, 1]) * random.uniform(0.1, 0.25),
                    pitch_rad=random.uniform(-0.12, 0.15),
                )
            )
    return tuple(asides)


def _at_own_item(timeline: Timeline, visitor_id: str) -> tuple[Aside, ...]:
    """A short look at what one holds up."""
    return tuple(
        Aside(begin_s=begin_s, end_s=begin_s + 0.4, yaw_rad=-ITEM_RAD, pitch_rad=2 * ITEM_Y_M)
        for event, span in actions(timeline, "show_ticket", "show_card", "show_object")
        for begin_s in [span.begin_us / US_PER_S]
        if event.visitor == visitor_id
    )


def _turned_away(timeline: Timeline, visitor_id: str) -> tuple[Aside, ...]:
    """Nobody coughs or sneezes into another's face."""
    return tuple(
        Aside(begin_s=begin_s, end_s=end_s, yaw_rad=0.18, pitch_rad=-0.12)
        for event, span in sounds(timeline, visitor_id)
        for begin_s, end_s in [seconds(span)]
        if event.sound in ("cough", "sneeze")
    )


def _at_each_other(timeline: Timeline, visitor_id: str, time_s: Curve, target_F2: Curve) -> Curve:
    own_x_m = visitor_x_m(timeline, visitor_id, time_s)
    for utterance in side_talk(timeline):
        speaker, hearer = getattr(utterance.event, "visitor", ""), getattr(utterance.event, "to", "")
        if visitor_id not in (speaker, hearer):
            continue
        begin_s, end_s = seconds(utterance)
        begin_s += -0.15 if speaker == visitor_id else 0.3
        within = (time_s >= begin_s) & (time_s < end_s + SIDE_TALK_GAP_S)
        other_x_m = visitor_x_m(timeline, hearer if speaker == visitor_id else speaker, time_s)
        target_F2[within, 0] = SIDE_TALK_RAD * np.sign(other_x_m - own_x_m)[within]
        target_F2[within, 1] = 0
    return target_F2


def _along_the_way(timeline: Timeline, visitor_id: str, time_s: Curve, target_F2: Curve) -> Curve:
    away = np.sign(walk_x_m(timeline, visitor_id, time_s))
    for event, span in actions(timeline, "arrive", "come_back", "leave"):
        if event.visitor != visitor_id:
            continue
        begin_s, end_s = seconds(span)
        is_leaving = event.action == "leave"
        until_s = end_s if is_leaving else begin_s + WALKING_SHARE * (end_s - begin_s)
        within = (time_s >= begin_s) & (time_s < until_s)
        target_F2[within, 0] = WALKING_RAD * away[within] * (1 if is_leaving else -1)
        target_F2[within, 1] = -0.05
    return target_F2
