"""What is true in each unit of a conversation."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from wan_streamer.train.data.events import (
    AGENT,
    AgentTurn,
    Backchannel,
    NoiseBed,
    Sound,
    UserTurn,
    VisitorAction,
)
from wan_streamer.train.data.presence import presence
from wan_streamer.train.data.script import Script
from wan_streamer.train.data.timeline import AgentDoes, Happening, Span, UnitLabel, Utterance
from wan_streamer.unit import FRAME_US, UNIT_US, unit_end_us, unit_start_us

# What fills less of a unit than one frame is not seen in it.
LEAST_US: Final = FRAME_US


class _Layer:
    """Names on spans of the clock, and which of them a unit has."""

    def __init__(self) -> None:
        self._names: dict[int, list[str]] = defaultdict(list)

    def add(self, span: Span, name: str) -> None:
        for unit_index in _units_of(span):
            if name not in self._names[unit_index]:
                self._names[unit_index].append(name)

    def all(self, unit_index: int) -> tuple[str, ...]:
        return tuple(self._names.get(unit_index, ()))

    def last(self, unit_index: int) -> str | None:
        names = self._names.get(unit_index)
        return names[-1] if names else None

    def has(self, unit_index: int) -> bool:
        return unit_index in self._names


class _Layers:
    def __init__(self) -> None:
        self.speak, self.yielding, self.listen = _Layer(), _Layer(), _Layer()
        self.user, self.side_talk, self.voices, self.intent = _Layer(), _Layer(), _Layer(), _Layer()
        self.backchannel, self.sound, self.noise, self.event, self.present = (_Layer() for _ in range(5))
        self.interruptions: set[int] = set()
        self.agent_words: dict[int, list[str]] = defaultdict(list)

    def label(self, unit_index: int) -> UnitLabel:
        return UnitLabel(
            unit_index=unit_index,
            agent=self._agent_does(unit_index),
            agent_words=tuple(self.agent_words.get(unit_index, ())),
            user_speaks=self.user.has(unit_index),
            side_talk=self.side_talk.has(unit_index),
            voices=self.voices.all(unit_index),
            intent=self.intent.last(unit_index),
            interruption=unit_index in self.interruptions,
            backchannel=self.backchannel.has(unit_index),
            sound=self.sound.last(unit_index),
            noise=self.noise.last(unit_index),
            event=self.event.last(unit_index),
            present=self.present.all(unit_index),
        )

    def _agent_does(self, unit_index: int) -> AgentDoes:
        if self.yielding.has(unit_index):
            return "yield"
        if self.speak.has(unit_index):
            return "speak"
        return "listen" if self.listen.has(unit_index) else "idle"


def label_units(
    script: Script,
    spans: Mapping[str, Span],
    utterances: Iterable[Utterance],
    happenings: Iterable[Happening],
    unit_count: int,
) -> tuple[UnitLabel, ...]:
    """Labels all units, in order of time, so that of two intents in one unit the later one counts.

    Args:
        spans: when each event of the script happens.
        utterances, happenings: the same, in order of time.
    """
    layers = _Layers()
    for utterance in utterances:
        _add_utterance(layers, script, spans, utterance)
    for happening in happenings:
        _add_happening(layers, happening)
    conversation = Span(begin_us=0, end_us=unit_end_us(unit_count - 1))
    for visitor, stays in presence(script, spans).items():
        for stay in stays:
            layers.present.add(_clip(stay, conversation), visitor)
    return tuple(layers.label(unit_index) for unit_index in range(unit_count))


def _add_utterance(layers: _Layers, script: Script, spans: Mapping[str, Span], utterance: Utterance) -> None:
    event = utterance.event
    if isinstance(event, AgentTurn):
        reason = spans[event.answers]
        wait = Span(begin_us=reason.begin_us, end_us=utterance.begin_us)
        layers.speak.add(utterance, AGENT)
        layers.listen.add(wait, AGENT)
        layers.intent.add(Span(begin_us=reason.begin_us, end_us=utterance.end_us), event.intent)
        for word in utterance.words:
            layers.agent_words[word.begin_us // UNIT_US].append(word.text)
        return
    layers.voices.add(utterance, event.visitor)
    if isinstance(event, Backchannel):
        layers.backchannel.add(utterance, event.visitor)
    elif event.to != AGENT:
        layers.side_talk.add(utterance, event.visitor)
    else:
        _add_turn_to_agent(layers, spans, utterance, event)


def _add_turn_to_agent(layers: _Layers, spans: Mapping[str, Span], utterance: Utterance, event: UserTurn) -> None:
    layers.user.add(utterance, event.visitor)
    layers.listen.add(utterance, event.visitor)
    layers.intent.add(utterance, event.intent)
    if event.interrupts is not None:
        layers.interruptions.add(utterance.begin_us // UNIT_US)
        layers.yielding.add(Span(begin_us=utterance.begin_us, end_us=spans[event.interrupts.turn].end_us), AGENT)


def _add_happening(layers: _Layers, happening: Happening) -> None:
    event = happening.event
    if isinstance(event, Sound):
        layers.sound.add(happening, event.sound)
    elif isinstance(event, NoiseBed):
        layers.noise.add(happening, event.noise)
    elif isinstance(event, VisitorAction):
        layers.event.add(happening, event.action if event.item is None else f"{event.action}.{event.item}")


def _units_of(span: Span) -> Iterable[int]:
    """The units of which a span fills LEAST_US; one too short for that counts where it begins."""
    if span.end_us <= span.begin_us:
        return ()
    first, last = span.begin_us // UNIT_US, (span.end_us - 1) // UNIT_US
    found = [k for k in range(first, last + 1) if span.overlap_us(unit_start_us(k), unit_end_us(k)) >= LEAST_US]
    return found or (first,)


def _clip(span: Span, to: Span) -> Span:
    return Span(begin_us=max(span.begin_us, to.begin_us), end_us=min(span.end_us, to.end_us))
