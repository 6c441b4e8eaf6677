"""What happens in a conversation, before anybody knows how long a word lasts.

A script says who says what and when, relative to other things that happen: a question begins 400 ms after the answer
before it ends, an interruption at word 7 of it. `schedule.py` puts it on one clock when the lengths are known;
`script_yaml.py` reads and writes it. What the agent does here is the ground truth of training and evaluation: when it
speaks, what it says, when it falls silent.

    Script
    |-- visitors    Visitor: a voice and a face
    `-- events      each begins at a Moment
        |-- UserTurn        a visitor speaks, to the agent or to another visitor; may interrupt
        |-- AgentTurn       the agent speaks, in answer to a turn or to something that it sees
        |-- Backchannel     "mhm" while the agent speaks
        |-- Sound           a cough, a door
        |-- VisitorAction   arrives, leaves, waves, shows something
        |-- AgentGesture    the agent nods or smiles
        |-- NoiseBed        noise from here to there
        `-- Silence         nobody makes a sound (a promise that is checked)
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.events import (
    AGENT,
    SPEECH,
    START,
    AgentGesture,
    AgentTurn,
    AnyEvent,
    Backchannel,
    Interruption,
    Moment,
    NoiseBed,
    Pause,
    Silence,
    Sound,
    UserTurn,
    Visitor,
    VisitorAction,
    words_of,
)

__all__ = [
    "AgentGesture",
    "AgentTurn",
    "AnyEvent",
    "Backchannel",
    "Interruption",
    "Moment",
    "NoiseBed",
    "Pause",
    "Script",
    "Silence",
    "Sound",
    "UserTurn",
    "Visitor",
    "VisitorAction",
]


@dataclass(frozen=True, kw_only=True)
class Script:
    """A conversation.

    Raises:
        InvalidInput: an id is there twice, or names nothing or something of the wrong kind. What depends on lengths is
            found by `schedule`.
    """

    name: str
    domain: str
    family: str
    """The set of situations in it; the family splits go by it."""
    visitors: tuple[Visitor, ...]
    events: tuple[AnyEvent, ...]
    situations: tuple[str, ...] = ()
    """What was drawn, in order."""
    tail_ms: int = 1000
    """How long it goes on after the last event has ended."""

    def __post_init__(self) -> None:
        if self.tail_ms < 0:
            raise InvalidInput(f"got tail_ms {self.tail_ms}, expected 0 or more", reason="SCRIPT")
        _check_unique([visitor.id for visitor in self.visitors] + [event.id for event in self.events])
        visitors = {visitor.id for visitor in self.visitors}
        for event in self.events:
            for moment in _moments(event):
                _check_moment(self, event, moment)
            _check_visitors(event, visitors)
            _check_turns(self, event)

    @cached_property
    def by_id(self) -> dict[str, AnyEvent]:
        """The events by their ids."""
        return {event.id: event for event in self.events}


def _moments(event: AnyEvent) -> Iterable[Moment]:
    yield event.begins
    if isinstance(event, NoiseBed) and event.ends is not None:
        yield event.ends


def _check_unique(ids: list[str]) -> None:
    seen: set[str] = set()
    for name in ids:
        if name in seen:
            raise InvalidInput(f"got the id {name!r} twice, expected each once; rename one", reason="SCRIPT")
        seen.add(name)


def _check_moment(script: Script, event: AnyEvent, moment: Moment) -> None:
    if moment.of == START:
        return
    target = script.by_id.get(moment.of)
    if target is None:
        raise _wrong(event, f"a moment of {moment.of!r}", "the id of an event or 'start'")
    if moment.word_index is None:
        return
    if not isinstance(target, SPEECH):
        raise _wrong(event, f"word {moment.word_index} of {moment.of!r}, which is no speech", "a turn or a backchannel")
    count = len(words_of(target.text))
    if moment.word_index >= count:
        raise _wrong(event, f"word {moment.word_index} of {moment.of!r}, which has {count} words", f"0 to {count - 1}")


def _check_visitors(event: AnyEvent, visitors: set[str]) -> None:
    if isinstance(event, UserTurn | Backchannel | Sound | VisitorAction):
        who = event.visitor
        if who not in visitors and not (who is None and isinstance(event, Sound)):
            raise _wrong(event, f"the visitor {who!r}", f"one of {', '.join(sorted(visitors)) or 'the visitors'}")
    if isinstance(event, UserTurn) and event.to not in visitors - {event.visitor} | {AGENT}:
        raise _wrong(event, f"to: {event.to!r}", "'agent' or another visitor")


def _check_turns(script: Script, event: AnyEvent) -> None:
    if isinstance(event, AgentTurn):
        _check_kind(script, event, event.answers, (UserTurn, VisitorAction), "a user turn or an action")
    if isinstance(event, Backchannel):
        _check_kind(script, event, event.during, (AgentTurn,), "an agent turn")
    if isinstance(event, UserTurn):
        if event.needs is not None:
            _check_kind(script, event, event.needs, (UserTurn, AgentTurn), "a turn")
        if event.interrupts is not None:
            _check_kind(script, event, event.interrupts.turn, (AgentTurn,), "an agent turn")


def _check_kind(script: Script, event: AnyEvent, name: str, kinds: tuple[type, ...], words: str) -> None:
    if not isinstance(script.by_id.get(name), kinds):
        raise _wrong(event, f"{name!r}", f"the id of {words}")


def _wrong(event: AnyEvent, got: str, expected: str) -> InvalidInput:
    return InvalidInput(f"got {got} in {event.id!r}, expected {expected}", reason="SCRIPT")
