"""What a mover asks about a timeline: who speaks to whom, who does what, and the middles of the frames."""

from typing import Final

import numpy as np

from wan_streamer.train.data.events import AGENT, AgentGesture, Backchannel, Sound, UserTurn, VisitorAction
from wan_streamer.train.data.motion.easing import Curve
from wan_streamer.train.data.presence import presence
from wan_streamer.train.data.timeline import Span, Timeline, Utterance
from wan_streamer.unit import FRAME_US

US_PER_S: Final = 1_000_000


def frame_middles_s(timeline: Timeline) -> Curve:
    """The time that each frame shows, [frames]."""
    frames = np.arange(timeline.duration_us // FRAME_US, dtype=np.float64)
    return (frames + 0.5) * (FRAME_US / US_PER_S)


def seconds(span: Span) -> tuple[float, float]:
    """Begin and end of a span in seconds."""
    return span.begin_us / US_PER_S, span.end_us / US_PER_S


def turns_to_agent(timeline: Timeline) -> tuple[Utterance, ...]:
    """What visitors say to the agent."""
    return tuple(u for u in timeline.utterances if isinstance(u.event, UserTurn) and u.event.to == AGENT)


def interruptions(timeline: Timeline) -> tuple[Utterance, ...]:
    """The turns that silence the agent."""
    return tuple(u for u in timeline.utterances if isinstance(u.event, UserTurn) and u.event.interrupts is not None)


def side_talk(timeline: Timeline) -> tuple[Utterance, ...]:
    """What visitors say to each other."""
    return tuple(u for u in timeline.utterances if isinstance(u.event, UserTurn) and u.event.to != AGENT)


def said_by(timeline: Timeline, visitor_id: str) -> tuple[Utterance, ...]:
    """What a visitor says, murmurs included."""
    return tuple(
        u for u in timeline.utterances if isinstance(u.event, UserTurn | Backchannel) and u.event.visitor == visitor_id
    )


def actions(timeline: Timeline, *names: str) -> tuple[tuple[VisitorAction, Span], ...]:
    """What visitors do, by the names of the actions."""
    return tuple(
        (h.event, h) for h in timeline.happenings if isinstance(h.event, VisitorAction) and h.event.action in names
    )


def sounds(timeline: Timeline, visitor_id: str | None) -> tuple[tuple[Sound, Span], ...]:
    """The coughs, laughs, ... of a visitor, or what sounds in the room."""
    return tuple(
        (h.event, h) for h in timeline.happenings if isinstance(h.event, Sound) and h.event.visitor == visitor_id
    )


def gestures(timeline: Timeline, name: str) -> tuple[float, ...]:
    """When the agent nods or smiles, in seconds."""
    return tuple(
        h.begin_us / US_PER_S
        for h in timeline.happenings
        if isinstance(h.event, AgentGesture) and h.event.gesture == name
    )


def stays(timeline: Timeline) -> dict[str, tuple[Span, ...]]:
    """For each visitor, when they are there (walking in and out included)."""
    return presence(timeline.script, {happening.event.id: happening for happening in timeline.happenings})


def phrase_ends_s(utterance: Utterance) -> tuple[float, ...]:
    """Where a listener hears a phrase end: after words with a sign, and at the end; in seconds."""
    ends_us = [word.end_us for word in utterance.words if word.text[-1] in ",.;:?!" and not word.is_cut]
    return tuple(end_us / US_PER_S for end_us in dict.fromkeys((*ends_us, utterance.end_us)))
