"""How the agent moves in a conversation."""

from collections.abc import Mapping
from typing import Final

import numpy as np

from wan_streamer.train.data.curves import Curves
from wan_streamer.train.data.motion.agent_attention import agent_target
from wan_streamer.train.data.motion.agent_expression import add_agent_expression, add_sympathetic_tilt
from wan_streamer.train.data.motion.blinks import draw_blinks, lids
from wan_streamer.train.data.motion.breathing import breath
from wan_streamer.train.data.motion.chance import draw_moments, random_for, unrest
from wan_streamer.train.data.motion.curve_sheet import CurveSheet
from wan_streamer.train.data.motion.easing import Curve, follow, hold
from wan_streamer.train.data.motion.gaze import add_head_and_eyes
from wan_streamer.train.data.motion.head import apart, nods, stress_nods, sway
from wan_streamer.train.data.motion.lips import ARTICULATION, mouth_curves
from wan_streamer.train.data.motion.placed_speech import PlacedSpeech, loudness, place_speech
from wan_streamer.train.data.motion.scene import (
    US_PER_S,
    frame_middles_s,
    gestures,
    phrase_ends_s,
    seconds,
    turns_to_agent,
)
from wan_streamer.train.data.spoken_clip import SpokenClip
from wan_streamer.train.data.timeline import Timeline

# Somebody who faces a screen turns the head about half of the way.
HEAD_SHARE: Final = 0.55
# The small nods of a listener; those of the script stay alone.
LISTENING_NOD_RATE_HZ: Final = 0.25
LISTENING_NOD_GAP_S: Final = 1.5
LISTENING_NOD_RAD: Final = 0.06
# A listener comes closer, and nobody stands quite still.
LEAN_M: Final = 0.02
SWAY_M: Final = 0.004
# From the visitor's first sound to the signs of listening.
NOTICES_AFTER_S: Final = 0.25


def agent_motion(timeline: Timeline, clips: Mapping[str, SpokenClip], seed: int) -> Curves:
    """The agent's curves, as long as the conversation.

    Pure: the same arguments give the same curves. It never reacts to what has not happened yet, except that it knows
    what it will say itself.

    Args:
        clips: of its turns at least, by the ids of the events.

    Raises:
        InvalidInput: a clip is missing, or a phone is not ARPAbet.
    """
    time_s = frame_middles_s(timeline)
    speech = place_speech(timeline.agent_turns(), clips)
    listening, level = _listening(timeline, time_s), loudness(speech, len(time_s))
    sheet = CurveSheet(len(time_s))
    sheet.add_all(_lips(speech, level))
    add_agent_expression(sheet, timeline, time_s, listening, level, random_for(seed, "agent", "face"))
    target_F2 = agent_target(timeline, time_s, listening, random_for(seed, "agent", "target"))
    pose_F3 = _pose(timeline, time_s, listening, level, seed)
    add_head_and_eyes(sheet, time_s, pose_F3, target_F2, HEAD_SHARE, random_for(seed, "agent", "eyes"))
    ends_s = [phrase.end_us / US_PER_S for placed in speech for phrase in placed.phrases]
    ends_s += [turn.end_us / US_PER_S for turn in turns_to_agent(timeline)]
    blinks_s = draw_blinks(time_s, target_F2, ends_s, random_for(seed, "agent", "blinks"))
    for name, values in lids(time_s, blinks_s, sheet["gaze_pitch"]).items():
        sheet.add_sides(name, values)
    _add_body(sheet, speech, time_s, listening, seed)
    return sheet.curves()


def _lips(speech: tuple[PlacedSpeech, ...], level: Curve) -> dict[str, Curve]:
    """Louder syllables open the mouth further."""
    phones = [phone for placed in speech for phone in placed.phones]
    articulation = ARTICULATION * (0.85 + 0.25 * follow(level, 0.03))
    return mouth_curves(phones, len(level), articulation=articulation)


def _listening(timeline: Timeline, time_s: Curve) -> Curve:
    """1 while somebody speaks to the agent and until it answers."""
    answers_s = {getattr(turn.event, "answers", ""): turn.begin_us / US_PER_S for turn in timeline.agent_turns()}
    listening = np.zeros(len(time_s))
    for turn in turns_to_agent(timeline):
        begin_s, end_s = seconds(turn)
        until_s = min(max(answers_s.get(turn.event.id, end_s), end_s), end_s + 1.0)
        listening = np.maximum(listening, hold(time_s, begin_s + NOTICES_AFTER_S, until_s, rise_s=0.4, fall_s=0.5))
    return listening


def _pose(timeline: Timeline, time_s: Curve, listening: Curve, level: Curve, seed: int) -> Curve:
    """Pitch, yaw and roll of the head, [frames, 3], without the turn to what it looks at."""
    random = random_for(seed, "agent", "head")
    pose_F3 = sway(time_s, follow(np.minimum(level * 2, 1), 0.3), random)
    scripted_s = gestures(timeline, "nod")
    phrases_s = [(end_s, turn) for turn in turns_to_agent(timeline) for end_s in phrase_ends_s(turn)]
    drawn_s = draw_moments(
        time_s, np.where(listening > 0.9, LISTENING_NOD_RATE_HZ, 0.0), random, least_gap_s=LISTENING_NOD_GAP_S
    )
    after_phrases_s = tuple(end_s + random.uniform(0.1, 0.25) for end_s, _ in phrases_s if random.random() < 0.3)
    small_s = apart(drawn_s, (*scripted_s, *after_phrases_s), 0.9) + apart(after_phrases_s, scripted_s, 0.9)
    pose_F3[:, 0] += stress_nods(level) + nods(time_s, scripted_s)
    pose_F3[:, 0] += nods(time_s, small_s, size_rad=LISTENING_NOD_RAD, echo=False)
    return add_sympathetic_tilt(pose_F3, timeline, time_s, float(random.choice([-1, 1])))


def _add_body(sheet: CurveSheet, speech: tuple[PlacedSpeech, ...], time_s: Curve, listening: Curve, seed: int) -> None:
    random = random_for(seed, "agent", "body")
    phrases = [phrase for placed in speech for phrase in placed.phrases]
    sheet.add("breath", breath(time_s, phrases, random))
    sheet.add("body_x", SWAY_M * unrest(time_s, random, period_s=6.1))
    sheet.add("body_z", SWAY_M * unrest(time_s, random, period_s=7.3) + LEAN_M * follow(listening, 0.3))
