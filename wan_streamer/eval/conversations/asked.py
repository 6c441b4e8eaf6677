"""What the agent has to speak for: the turns to it and what it sees, and how long each may wait for an answer."""

from dataclasses import dataclass

from wan_streamer.train.data.events import AGENT, AgentTurn, UserTurn, VisitorAction
from wan_streamer.train.data.timeline import Happening, Timeline, Utterance


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A turn to the agent.

    Attributes:
        turn: what a visitor says; `event` is the same as an event of the script.
        answer: the script's.
        until_us: when the next reason to speak begins: what begins later does not answer this.
    """

    turn: Utterance
    event: UserTurn
    answer: Utterance
    until_us: int


@dataclass(frozen=True, kw_only=True)
class Seen:
    """An action that the agent answers; else as `Asked`."""

    action: Happening
    event: VisitorAction
    answer: Utterance
    until_us: int


def asked(timeline: Timeline) -> tuple[Asked, ...]:
    """All turns to the agent that it answers, in order."""
    answers = _answers(timeline)
    return tuple(
        Asked(turn=turn, event=turn.event, answer=answers[turn.event.id], until_us=_next_us(timeline, turn.begin_us))
        for turn in timeline.utterances
        if isinstance(turn.event, UserTurn) and turn.event.to == AGENT and turn.event.id in answers
    )


def seen(timeline: Timeline) -> tuple[Seen, ...]:
    """All actions that the agent answers, in order."""
    answers = _answers(timeline)
    return tuple(
        Seen(action=one, event=one.event, answer=answers[one.event.id], until_us=_next_us(timeline, one.begin_us))
        for one in timeline.happenings
        if isinstance(one.event, VisitorAction) and one.event.id in answers
    )


def _answers(timeline: Timeline) -> dict[str, Utterance]:
    return {turn.event.answers: turn for turn in timeline.agent_turns() if isinstance(turn.event, AgentTurn)}


def _next_us(timeline: Timeline, begin_us: int) -> int:
    """Begin of the first reason to speak after this one, or the end."""
    reasons = _answers(timeline).keys()
    spans: list[Utterance | Happening] = [*timeline.utterances, *timeline.happenings]
    begins = [span.begin_us for span in spans if span.event.id in reasons and span.begin_us > begin_us]
    return min(begins, default=timeline.duration_us)
