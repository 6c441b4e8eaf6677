"""What cannot be true of a conversation, found when its times are known."""

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Final

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.events import (
    AGENT,
    AgentTurn,
    AnyEvent,
    Backchannel,
    NoiseBed,
    Silence,
    Sound,
    UserTurn,
    VisitorAction,
)
from wan_streamer.train.data.presence import is_inside, presence
from wan_streamer.train.data.script import Script
from wan_streamer.train.data.timeline import Span

Spans = Mapping[str, Span]

# Longer than this, whoever speaks into the agent's turn interrupts it.
MAX_OVERLAP_MS: Final = 600


def check_contradictions(script: Script, spans: Spans, uncut_ends_us: Mapping[str, int]) -> None:
    """Looks at a script whose times are known.

    Args:
        spans: when each event happens.
        uncut_ends_us: when each turn and backchannel would end without interruption.

    Raises:
        InvalidInput: an interruption after the end, a backchannel outside its turn, somebody who speaks while away or
            says two things at once, the agent speaking into a question or before its reason, a sound in a silence.
    """
    for event in script.events:
        if isinstance(event, UserTurn):
            _check_interruption(event, spans, uncut_ends_us)
            _check_need(event, spans)
        elif isinstance(event, Backchannel):
            _check_backchannel(event, spans)
        elif isinstance(event, AgentTurn):
            _check_reason(script, event, spans)
        elif isinstance(event, NoiseBed) and spans[event.id].end_us <= spans[event.id].begin_us:
            raise _wrong(f"the noise {event.id!r} ending before it begins", "an end after its begin")
    _check_presence(script, spans)
    _check_one_at_a_time(script, spans)
    _check_floor(script, spans)
    _check_silences(script, spans)


def _check_interruption(event: UserTurn, spans: Spans, uncut_ends_us: Mapping[str, int]) -> None:
    if event.interrupts is None:
        return
    turn = event.interrupts.turn
    begin_us, turn_begin_us, turn_end_us = spans[event.id].begin_us, spans[turn].begin_us, uncut_ends_us[turn]
    if not turn_begin_us < begin_us < turn_end_us:
        raise _wrong(
            f"the interruption {event.id!r} at {_ms(begin_us)}, while {turn!r} lasts from {_ms(turn_begin_us)} to "
            f"{_ms(turn_end_us)}",
            "it inside that turn; begin it at a word of the turn",
        )
    if event.to != AGENT:
        raise _wrong(f"the interruption {event.id!r} spoken to {event.to!r}", "to: agent")


def _check_need(event: UserTurn, spans: Spans) -> None:
    if event.needs is not None and spans[event.needs].begin_us >= spans[event.id].begin_us:
        raise _wrong(f"{event.id!r} before {event.needs!r}, which it needs", "it later")


def _check_backchannel(event: Backchannel, spans: Spans) -> None:
    turn = spans[event.during]
    if not turn.begin_us <= spans[event.id].begin_us < turn.end_us:
        raise _wrong(
            f"the backchannel {event.id!r} at {_ms(spans[event.id].begin_us)}, while {event.during!r} lasts from "
            f"{_ms(turn.begin_us)} to {_ms(turn.end_us)}",
            "it inside that turn",
        )


def _check_reason(script: Script, event: AgentTurn, spans: Spans) -> None:
    reason = script.by_id[event.answers]
    earliest_us = spans[reason.id].end_us if isinstance(reason, UserTurn) else spans[reason.id].begin_us + 1
    if spans[event.id].begin_us < earliest_us:
        raise _wrong(
            f"{event.id!r} at {_ms(spans[event.id].begin_us)}, but {reason.id!r}, which it answers, "
            f"{'ends' if isinstance(reason, UserTurn) else 'begins'} at {_ms(earliest_us)}",
            "the answer after it",
        )


def _check_presence(script: Script, spans: Spans) -> None:
    there = presence(script, spans)
    for event in script.events:
        if not isinstance(event, UserTurn | Backchannel | Sound | VisitorAction) or event.visitor is None:
            continue
        if not is_inside(spans[event.id], there[event.visitor]):
            raise _wrong(
                f"{event.id!r} of visitor {event.visitor!r} from {_ms(spans[event.id].begin_us)} to "
                f"{_ms(spans[event.id].end_us)}, who is away then",
                "them there; let them arrive before, or leave after it",
            )
        if isinstance(event, UserTurn) and event.to != AGENT and not is_inside(spans[event.id], there[event.to]):
            raise _wrong(f"{event.id!r} spoken to visitor {event.to!r}, who is away then", "them there")


def _check_one_at_a_time(script: Script, spans: Spans) -> None:
    voices: dict[str, list[AnyEvent]] = {}
    hands: dict[str, list[AnyEvent]] = {}
    for event in script.events:
        if isinstance(event, AgentTurn):
            voices.setdefault(AGENT, []).append(event)
        elif isinstance(event, UserTurn | Backchannel | Sound) and event.visitor is not None:
            voices.setdefault(event.visitor, []).append(event)
        elif isinstance(event, VisitorAction):
            hands.setdefault(event.visitor, []).append(event)
    for who, events in (*voices.items(), *hands.items()):
        for earlier, later in pairwise(sorted(events, key=lambda event: spans[event.id].begin_us)):
            if spans[later.id].begin_us < spans[earlier.id].end_us:
                raise _wrong(
                    f"{later.id!r} of {who!r} at {_ms(spans[later.id].begin_us)}, before {earlier.id!r} ends at "
                    f"{_ms(spans[earlier.id].end_us)}",
                    "one at a time from one person",
                )


def _check_floor(script: Script, spans: Spans) -> None:
    """The agent never speaks into a question; a question runs into the agent's turn a little, or interrupts it."""
    agent_turns = [event for event in script.events if isinstance(event, AgentTurn)]
    for user in _turns_to_agent(script):
        for agent in agent_turns:
            user_span, agent_span = spans[user.id], spans[agent.id]
            overlap_us = user_span.overlap_us(agent_span.begin_us, agent_span.end_us)
            if not overlap_us or (user.interrupts is not None and user.interrupts.turn == agent.id):
                continue
            if agent_span.begin_us >= user_span.begin_us:
                raise _wrong(f"{agent.id!r} speaking into {user.id!r}", "it after that turn's end")
            if overlap_us > MAX_OVERLAP_MS * 1000:
                raise _wrong(
                    f"{user.id!r} over the last {_ms(overlap_us)} of {agent.id!r}",
                    f"at most {MAX_OVERLAP_MS} ms, or `interrupts: {{turn: {agent.id}, ...}}`",
                )


def _check_silences(script: Script, spans: Spans) -> None:
    audible = [e for e in script.events if isinstance(e, UserTurn | AgentTurn | Backchannel | Sound)]
    for silence in script.events:
        if not isinstance(silence, Silence):
            continue
        span = spans[silence.id]
        for event in audible:
            if spans[event.id].overlap_us(span.begin_us, span.end_us):
                raise _wrong(
                    f"{event.id!r} inside the silence {silence.id!r} from {_ms(span.begin_us)} to {_ms(span.end_us)}",
                    "nothing to be heard then",
                )


def _turns_to_agent(script: Script) -> Iterable[UserTurn]:
    return (event for event in script.events if isinstance(event, UserTurn) and event.to == AGENT)


def _ms(time_us: int) -> str:
    return f"{time_us / 1000:g} ms"


def _wrong(got: str, expected: str) -> InvalidInput:
    return InvalidInput(f"got {got}; expected {expected}", reason="SCRIPT")
