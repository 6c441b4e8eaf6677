"""The agent's face besides lips and lids: a friendly rest, smiles, attentive brows, sympathy when interrupted."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from wan_streamer.train.data.motion.chance import unrest
from wan_streamer.train.data.motion.curve_sheet import CurveSheet
from wan_streamer.train.data.motion.easing import Curve, follow, hold
from wan_streamer.train.data.motion.scene import actions, gestures, interruptions, seconds, turns_to_agent
from wan_streamer.train.data.motion.smile import add_smile
from wan_streamer.train.data.timeline import Timeline

# At 0 the head of MakeHuman looks stern; at 0.8 it beams.
FRIENDLY_SMILE: Final = 0.35
GREETING_SMILE: Final = 0.42
# An answer that is over ends in a small smile.
CLOSING_SMILE: Final = 0.22
ARRIVAL_SMILE: Final = 0.25
LISTENING_BROWS: Final = 0.16
# Once a question has ended.
QUESTION_BROWS: Final = 0.2
STRESS_BROWS: Final = 0.55
# Begins when a person has noticed that somebody speaks into her words.
REACTION_S: Final = 0.22
SYMPATHY_S: Final = 1.0


def add_agent_expression(
    sheet: CurveSheet, timeline: Timeline, time_s: Curve, listening: Curve, level: Curve, random: np.random.Generator
) -> None:
    """Adds brows, smiles, cheeks; lips must be there already.

    Args:
        listening: [frames], 1 while somebody speaks to the agent.
        level: [frames], loudness of the agent.
    """
    sympathy = _sympathy(timeline, time_s)
    smile = _smile(timeline, time_s, random) * (1 - 0.6 * sympathy)
    add_smile(sheet, smile)
    stress = STRESS_BROWS * np.maximum(follow(level, 0.06) - follow(level, 0.5) - 0.12, 0)
    brows = LISTENING_BROWS * listening + QUESTION_BROWS * _question_ends(timeline, time_s) + stress
    brows += 0.03 * unrest(time_s, random, period_s=7.0)
    sheet.add("browInnerUp", brows + 0.42 * sympathy)
    sheet.add_sides("browOuterUp", 0.8 * brows)
    sheet.add_sides("mouthPress", 0.15 * sympathy)


def add_sympathetic_tilt(pose_F3: Curve, timeline: Timeline, time_s: Curve, side: float) -> Curve:
    """Pitch, yaw and roll with the head drawn back and tilted after an interruption."""
    return pose_F3 + _sympathy(timeline, time_s)[:, None] * np.array([-0.03, 0.0, 0.06 * side])


def _sympathy(timeline: Timeline, time_s: Curve) -> Curve:
    begins_s = [seconds(turn)[0] + REACTION_S for turn in interruptions(timeline)]
    return _largest(time_s, [hold(time_s, s, s + SYMPATHY_S, rise_s=0.3, fall_s=0.7) for s in begins_s])


def _question_ends(timeline: Timeline, time_s: Curve) -> Curve:
    ends_s = [seconds(turn)[1] for turn in turns_to_agent(timeline)]
    return _largest(time_s, [hold(time_s, s + 0.1, s + 0.5, rise_s=0.25, fall_s=0.5) for s in ends_s])


def _smile(timeline: Timeline, time_s: Curve, random: np.random.Generator) -> Curve:
    smile = FRIENDLY_SMILE * (1 + 0.15 * unrest(time_s, random, period_s=9.0))
    greetings = [hold(time_s, s, s + 1.4, rise_s=0.35, fall_s=0.9) for s in gestures(timeline, "smile")]
    ends_s = [seconds(turn)[1] for turn in timeline.agent_turns() if not turn.is_cut]
    closings = [hold(time_s, s - 0.1, s + 0.7, rise_s=0.4, fall_s=0.9) for s in ends_s]
    walks = [seconds(span) for _, span in actions(timeline, "arrive", "come_back")]
    arrivals = [hold(time_s, b + 0.5, e + 1.0, rise_s=0.5, fall_s=1.0) for b, e in walks]
    more = [
        GREETING_SMILE * _largest(time_s, greetings),
        CLOSING_SMILE * _largest(time_s, closings),
        ARRIVAL_SMILE * _largest(time_s, arrivals),
    ]
    return smile + np.max(more, axis=0)


def _largest(time_s: Curve, curves: Sequence[Curve]) -> Curve:
    return np.max([np.zeros(len(time_s)), *curves], axis=0)
