"""Whom and what the agent looks at."""

from typing import Final

import numpy as np

from wan_streamer.train.data.events import Backchannel, UserTurn
from wan_streamer.train.data.motion.chance import draw_moments
from wan_streamer.train.data.motion.directions import DISTANCE_M, ITEM_X_M, ITEM_Y_M, towards, visitor_x_m
from wan_streamer.train.data.motion.easing import Curve, steps
from wan_streamer.train.data.motion.gaze import Aside, draw_asides, look_aside
from wan_streamer.train.data.motion.scene import US_PER_S, actions, seconds, sounds, stays
from wan_streamer.train.data.timeline import Timeline, Utterance

# From what happens to the eyes' answer (choice reaction of a person: 200 to 300 ms).
REACTION_S: Final = 0.24
# Where nobody is, the eyes wander through the hall.
WANDER_RATE_HZ: Final = 0.3
WANDER_GAP_S: Final = 1.6
WANDER_RAD: Final = (0.2, 0.05)
# Speakers look away more than listeners (Argyle & Cook 1976: 40 % of the time against 75 %); a host does so less.
ASIDE_RATE_SPEAKING_HZ: Final = 0.2
ASIDE_RATE_LISTENING_HZ: Final = 0.02
ASIDE_RATE_IDLE_HZ: Final = 0.1
ASIDE_RAD: Final = 0.13
LONGEST_ASIDE_S: Final = 0.8
# Most answers begin with a thought: a look up and aside in the gap before it.
THOUGHT_SHARE: Final = 0.7
LEAST_THOUGHT_S: Final = 0.2
# A door or a phone draws the eyes, not always.
NOISE_LOOK_SHARE: Final = 0.6
# After so long with an item in view, the eyes are back at the face.
ITEM_LOOK_S: Final = 0.75


def agent_target(timeline: Timeline, time_s: Curve, listening: Curve, random: np.random.Generator) -> Curve:
    """Where the agent looks, [frames, 2]: yaw to the viewer's right and pitch up, radians.

    Args:
        listening: [frames], 1 while somebody speaks to the agent.
    """
    target_F2 = _at_partner(timeline, time_s, random)
    target_F2 = _at_items(timeline, time_s, target_F2)
    speaking = _within_any(time_s, timeline.agent_turns())
    rate_hz = np.where(speaking, ASIDE_RATE_SPEAKING_HZ, ASIDE_RATE_IDLE_HZ)
    rate_hz = np.where(listening > 0, ASIDE_RATE_LISTENING_HZ, rate_hz)
    asides = draw_asides(time_s, rate_hz, random, reach_rad=ASIDE_RAD, longest_s=LONGEST_ASIDE_S)
    asides += _thoughts(timeline, random) + _noise_looks(timeline, random)
    return look_aside(target_F2, time_s, asides)


def _at_partner(timeline: Timeline, time_s: Curve, random: np.random.Generator) -> Curve:
    moments_s = np.array([0.0, *draw_moments(time_s, WANDER_RATE_HZ, random, least_gap_s=WANDER_GAP_S)])
    target_F2 = steps(time_s, moments_s, random.normal(0, 1, (len(moments_s), 2)).clip(-1.8, 1.8) * WANDER_RAD)
    partners = _partners(timeline)
    ends_s = [begin_s for begin_s, _ in partners[1:]] + [float("inf")]
    for (begin_s, visitor_id), end_s in zip(partners, ends_s, strict=True):
        if visitor_id is not None:
            within = (time_s >= begin_s) & (time_s < end_s)
            target_F2[within] = towards(visitor_x_m(timeline, visitor_id, time_s[within]))
    return target_F2


def _partners(timeline: Timeline) -> list[tuple[float, str | None]]:
    """From when on the agent attends to whom."""
    there = [visitor.id for visitor in timeline.script.visitors if visitor.is_there_at_start]
    partners: list[tuple[float, str | None]] = [(0.0, there[0] if there else None)]
    partners += [
        (utterance.begin_us / US_PER_S + REACTION_S, utterance.event.visitor)
        for utterance in timeline.utterances
        if isinstance(utterance.event, UserTurn | Backchannel)
    ]
    for event, span in actions(
        timeline, "arrive", "come_back", "leave", "wave", "show_ticket", "show_card", "show_object"
    ):
        begin_s, end_s = seconds(span)
        partners.append((begin_s + REACTION_S, event.visitor))
        if event.action == "leave":
            partners.append((end_s, _who_stays(timeline, span.end_us)))
    return sorted(partners, key=lambda partner: partner[0])


def _who_stays(timeline: Timeline, at_us: int) -> str | None:
    there = [name for name, spans in stays(timeline).items() if any(s.begin_us <= at_us < s.end_us for s in spans)]
    return there[0] if there else None


def _at_items(timeline: Timeline, time_s: Curve, target_F2: Curve) -> Curve:
    for event, span in actions(timeline, "show_ticket", "show_card", "show_object"):
        begin_s, end_s = seconds(span)
        begin_s += REACTION_S
        within = (time_s >= begin_s) & (time_s < min(end_s, begin_s + ITEM_LOOK_S))
        item_x_m = visitor_x_m(timeline, event.visitor, time_s[within]) + ITEM_X_M
        target_F2[within] = towards(item_x_m) + np.array([0, ITEM_Y_M / DISTANCE_M])
    return target_F2


def _thoughts(timeline: Timeline, random: np.random.Generator) -> tuple[Aside, ...]:
    ends_s = {u.event.id: u.end_us / US_PER_S for u in timeline.utterances if isinstance(u.event, UserTurn)}
    thoughts = []
    for turn in timeline.agent_turns():
        end_s = turn.begin_us / US_PER_S - random.uniform(0.0, 0.12)
        begin_s = ends_s.get(getattr(turn.event, "answers", ""), end_s) + random.uniform(0.12, 0.22)
        side, has_thought = random.choice([-1, 1]), random.random() < THOUGHT_SHARE
        yaw_rad, pitch_rad = side * random.uniform(0.1, 0.18), random.uniform(0.02, 0.09)
        if has_thought and end_s - begin_s >= LEAST_THOUGHT_S:
            thoughts.append(Aside(begin_s=begin_s, end_s=end_s, yaw_rad=yaw_rad, pitch_rad=pitch_rad))
    return tuple(thoughts)


def _noise_looks(timeline: Timeline, random: np.random.Generator) -> tuple[Aside, ...]:
    looks = []
    for _, span in sounds(timeline, None):
        begin_s = span.begin_us / US_PER_S + REACTION_S + random.uniform(0, 0.1)
        yaw_rad = random.choice([-1, 1]) * random.uniform(0.2, 0.35)
        if random.random() < NOISE_LOOK_SHARE:
            end_s = begin_s + random.uniform(0.5, 1.0)
            looks.append(Aside(begin_s=begin_s, end_s=end_s, yaw_rad=yaw_rad, pitch_rad=0.0))
    return tuple(looks)


def _within_any(time_s: Curve, utterances: tuple[Utterance, ...]) -> Curve:
    within = np.zeros(len(time_s))
    for utterance in utterances:
        begin_s, end_s = seconds(utterance)
        within[(time_s >= begin_s) & (time_s < end_s)] = 1
    return within
