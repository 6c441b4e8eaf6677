"""How a visitor moves in a conversation."""

from collections.abc import Mapping
from typing import Final

import numpy as np

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.curves import Curves
from wan_streamer.train.data.events import Backchannel
from wan_streamer.train.data.motion.blinks import draw_blinks, lids
from wan_streamer.train.data.motion.breathing import breath
from wan_streamer.train.data.motion.chance import random_for, unrest
from wan_streamer.train.data.motion.curve_sheet import CurveSheet
from wan_streamer.train.data.motion.easing import Curve, follow
from wan_streamer.train.data.motion.gaze import add_head_and_eyes
from wan_streamer.train.data.motion.hands import raised, waving
from wan_streamer.train.data.motion.head import nods, stress_nods, sway
from wan_streamer.train.data.motion.lips import mouth_curves
from wan_streamer.train.data.motion.placed_speech import PlacedSpeech, loudness, place_speech
from wan_streamer.train.data.motion.places import AWAY_M, walk_x_m
from wan_streamer.train.data.motion.scene import (
    US_PER_S,
    actions,
    frame_middles_s,
    phrase_ends_s,
    said_by,
    seconds,
    sounds,
    stays,
)
from wan_streamer.train.data.motion.spasms import add_cough, add_laugh, add_sneeze
from wan_streamer.train.data.motion.temper import Temper, draw_temper
from wan_streamer.train.data.motion.visitor_attention import visitor_target
from wan_streamer.train.data.motion.visitor_expression import add_visitor_expression
from wan_streamer.train.data.spoken_clip import SpokenClip
from wan_streamer.train.data.timeline import Timeline

NOD_RAD: Final = 0.1
# From the end of the agent's phrase to a listener's nod.
NOD_AFTER_S: Final = (0.1, 0.35)
# A murmur comes with a nod, nearly always.
MURMUR_NOD_SHARE: Final = 0.8
SWAY_M: Final = 0.007
# Steps lift the body, and rock it.
STEPS_HZ: Final = 1.9
STEP_LIFT_M: Final = 0.012
STEP_ROLL_RAD: Final = 0.025
# Who comes from the side comes from further back.
BACK_M: Final = 0.2
WALKING_M_S: Final = 0.15


def visitor_motion(timeline: Timeline, visitor_id: str, clips: Mapping[str, SpokenClip], seed: int) -> Curves:
    """A visitor's curves, as long as the conversation; who is away stands outside the picture (`body_x`).

    Pure: the same arguments give the same curves. Where the visitor stands does not depend on the seed.

    Args:
        clips: of what the visitor says at least, by the ids of the events.

    Raises:
        InvalidInput: no such visitor, a clip is missing, or a phone is not ARPAbet.
    """
    if visitor_id not in (visitor.id for visitor in timeline.script.visitors):
        raise InvalidInput(
            f"got the visitor {visitor_id!r}, expected one of {[visitor.id for visitor in timeline.script.visitors]}",
            reason="VISITOR",
        )
    time_s, temper = frame_middles_s(timeline), draw_temper(seed, visitor_id)
    speech = place_speech(said_by(timeline, visitor_id), clips)
    level = loudness(speech, len(time_s))
    sheet = CurveSheet(len(time_s))
    phones = [phone for placed in speech for phone in placed.phones]
    sheet.add_all(mouth_curves(phones, len(time_s), articulation=temper.articulation))
    face = random_for(seed, visitor_id, "face")
    add_visitor_expression(sheet, timeline, visitor_id, time_s, level, temper, face)
    _add_body(sheet, timeline, visitor_id, speech, time_s, seed)
    _add_head_and_eyes(sheet, timeline, visitor_id, time_s, level, temper, seed)
    _add_sounds(sheet, timeline, visitor_id, time_s)
    _add_hands(sheet, timeline, visitor_id, time_s)
    return sheet.curves()


def _add_body(
    sheet: CurveSheet,
    timeline: Timeline,
    visitor_id: str,
    speech: tuple[PlacedSpeech, ...],
    time_s: Curve,
    seed: int,
) -> None:
    random = random_for(seed, visitor_id, "body")
    x_m = walk_x_m(timeline, visitor_id, time_s)
    is_there = 1 - np.abs(x_m) / AWAY_M
    walking = follow(np.minimum(np.abs(np.gradient(x_m, time_s)) / WALKING_M_S, 1), 0.06)
    stride = np.pi * STEPS_HZ * time_s
    sheet.add("body_x", x_m + SWAY_M * is_there * unrest(time_s, random, period_s=5.7))
    sheet.add("body_y", STEP_LIFT_M * walking * (np.sin(stride) ** 2 - 0.5))
    sheet.add("body_z", -BACK_M * np.abs(x_m) / AWAY_M + SWAY_M * unrest(time_s, random, period_s=7.1))
    sheet.add("head_roll", STEP_ROLL_RAD * walking * np.sin(stride))
    phrases = [phrase for placed in speech for phrase in placed.phrases]
    sheet.add("breath", breath(time_s, phrases, random))


def _add_head_and_eyes(
    sheet: CurveSheet,
    timeline: Timeline,
    visitor_id: str,
    time_s: Curve,
    level: Curve,
    temper: Temper,
    seed: int,
) -> None:
    target_F2 = visitor_target(timeline, visitor_id, time_s, temper, random_for(seed, visitor_id, "target"))
    pose_F3 = temper.liveliness * sway(
        time_s, follow(np.minimum(level * 2, 1), 0.3), random_for(seed, visitor_id, "head")
    )
    pitch = temper.liveliness * stress_nods(level) + _nods(timeline, visitor_id, time_s, temper, seed)
    pose_F3[:, 0] += pitch
    eyes = random_for(seed, visitor_id, "eyes")
    add_head_and_eyes(sheet, time_s, pose_F3, target_F2, temper.head_share, eyes)
    ends_s = [end_s for utterance in timeline.utterances for end_s in phrase_ends_s(utterance)]
    blinks = random_for(seed, visitor_id, "blinks")
    blinks_s = draw_blinks(time_s, target_F2, ends_s, blinks, per_minute=temper.blinks_per_minute)
    for name, values in lids(time_s, blinks_s, sheet["gaze_pitch"]).items():
        sheet.add_sides(name, values)


def _nods(timeline: Timeline, visitor_id: str, time_s: Curve, temper: Temper, seed: int) -> Curve:
    """Nods to what the agent says, and with murmurs."""
    random = random_for(seed, visitor_id, "nods")
    there = stays(timeline)[visitor_id]
    begins_s = [
        end_s + random.uniform(*NOD_AFTER_S)
        for turn in timeline.agent_turns()
        for end_s in phrase_ends_s(turn)
        if random.random() < temper.nods and any(stay.overlap_us(turn.begin_us, turn.end_us) for stay in there)
    ]
    begins_s += [
        utterance.begin_us / US_PER_S
        for utterance in said_by(timeline, visitor_id)
        if isinstance(utterance.event, Backchannel) and random.random() < MURMUR_NOD_SHARE
    ]
    apart_s: list[float] = []
    for begin_s in sorted(begins_s):
        if not apart_s or begin_s - apart_s[-1] > 1:
            apart_s.append(begin_s)
    return nods(time_s, apart_s, size_rad=NOD_RAD * temper.liveliness)


def _add_sounds(sheet: CurveSheet, timeline: Timeline, visitor_id: str, time_s: Curve) -> None:
    movers = {"cough": add_cough, "sneeze": add_sneeze, "laugh": add_laugh}
    for event, span in sounds(timeline, visitor_id):
        if event.sound in movers:
            movers[event.sound](sheet, time_s, *seconds(span))


def _add_hands(sheet: CurveSheet, timeline: Timeline, visitor_id: str, time_s: Curve) -> None:
    for event, span in actions(timeline, "wave", "show_ticket", "show_card", "show_object"):
        if event.visitor != visitor_id:
            continue
        begin_s, end_s = seconds(span)
        if event.action == "wave":
            sheet.add("hand_raise", raised(time_s, begin_s, end_s))
            sheet.add("hand_sway", waving(time_s, begin_s, end_s))
        else:
            sheet.add("item_raise", raised(time_s, begin_s, end_s))
