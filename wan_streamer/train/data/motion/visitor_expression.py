"""A visitor's face besides lips and lids."""

from typing import Final

import numpy as np

from wan_streamer.train.data.events import UserTurn
from wan_streamer.train.data.motion.chance import unrest
from wan_streamer.train.data.motion.curve_sheet import CurveSheet
from wan_streamer.train.data.motion.easing import Curve, follow, hold
from wan_streamer.train.data.motion.scene import actions, said_by, seconds
from wan_streamer.train.data.motion.smile import add_smile
from wan_streamer.train.data.motion.temper import Temper
from wan_streamer.train.data.timeline import Timeline

GREETING_SMILE: Final = 0.4
SIDE_TALK_SMILE: Final = 0.15
QUESTION_BROWS: Final = 0.28
STRESS_BROWS: Final = 0.5
# Who interrupts wants something.
URGENT_BROWS: Final = 0.3


def add_visitor_expression(
    sheet: CurveSheet,
    timeline: Timeline,
    visitor_id: str,
    time_s: Curve,
    level: Curve,
    temper: Temper,
    random: np.random.Generator,
) -> None:
    """Adds brows, smiles, cheeks; lips must be there already. `level` is the loudness of the visitor."""
    smile = _smile(timeline, visitor_id, time_s, temper, random)
    add_smile(sheet, smile)
    brows = STRESS_BROWS * np.maximum(follow(level, 0.06) - follow(level, 0.5) - 0.12, 0)
    brows += 0.05 * unrest(time_s, random, period_s=6.0)
    for utterance in said_by(timeline, visitor_id):
        begin_s, end_s = seconds(utterance)
        if isinstance(utterance.event, UserTurn) and utterance.event.text.endswith("?"):
            brows += QUESTION_BROWS * hold(time_s, end_s - 0.6, end_s + 0.4, rise_s=0.3, fall_s=0.5)
        if isinstance(utterance.event, UserTurn) and utterance.event.interrupts is not None:
            brows += URGENT_BROWS * hold(time_s, begin_s - 0.15, begin_s + 0.8, rise_s=0.25, fall_s=0.5)
    sheet.add("browInnerUp", temper.liveliness * brows)
    sheet.add_sides("browOuterUp", 0.8 * temper.liveliness * brows)


def _smile(timeline: Timeline, visitor_id: str, time_s: Curve, temper: Temper, random: np.random.Generator) -> Curve:
    smile = temper.friendliness * (1 + 0.3 * unrest(time_s, random, period_s=8.0))
    more = np.zeros(len(time_s))
    for event, span in actions(timeline, "arrive", "come_back", "wave"):
        begin_s, end_s = seconds(span)
        if event.visitor == visitor_id:
            smiles = hold(time_s, begin_s, end_s + 0.8, rise_s=0.5 * (end_s - begin_s), fall_s=0.9)
            more = np.maximum(more, random.uniform(0.4, 1) * GREETING_SMILE * smiles)
    for utterance in timeline.utterances:
        if isinstance(utterance.event, UserTurn) and visitor_id in (utterance.event.to, utterance.event.visitor):
            begin_s, end_s = seconds(utterance)
            weight = SIDE_TALK_SMILE if utterance.event.intent == "side_talk" else 0.0
            more = np.maximum(more, weight * hold(time_s, begin_s, end_s, rise_s=0.4, fall_s=0.8))
    return smile + more
