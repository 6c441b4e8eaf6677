"""Puts a script on one clock once the lengths of its words are known."""

import dataclasses
from collections import defaultdict
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

from wan_streamer.errors import InvalidInput
from wan_streamer.train.data.contradictions import check_contradictions
from wan_streamer.train.data.events import (
    SPEECH,
    START,
    AgentGesture,
    AgentTurn,
    AnyEvent,
    Interruption,
    Moment,
    NoiseBed,
    Silence,
    Sound,
    Speech,
    UserTurn,
    words_of,
)
from wan_streamer.train.data.script import Script
from wan_streamer.train.data.speech_layout import SpeechLayout
from wan_streamer.train.data.timeline import Durations, Happening, Span, Spoken, Timeline, Utterance
from wan_streamer.train.data.unit_labels import label_units
from wan_streamer.unit import UNIT_US

_Point = tuple[str, str]
_Cuts = dict[str, tuple[UserTurn, Interruption]]


def schedule(script: Script, durations: Durations) -> Timeline:
    """Resolves every moment of a script.

    Pure: the same script and durations give the same timeline.

    Raises:
        InvalidInput: a duration is missing or does not fit its text; or the script contradicts itself: events wait for
            each other, something happens before the beginning, an interruption comes after the end of what it
            interrupts, somebody speaks who is away, ... (see `contradictions.py`).
    """
    clock = _Clock(script, durations)
    clock.run()
    check_contradictions(script, clock.spans, clock.uncut_ends_us)
    utterances = tuple(sorted(clock.utterances(), key=lambda span: span.begin_us))
    happenings = tuple(sorted(clock.happenings(), key=lambda span: span.begin_us))
    unit_count = _whole_units_us(clock.end_us) // UNIT_US
    units = label_units(script, clock.spans, utterances, happenings, unit_count)
    return Timeline(script=script, utterances=utterances, happenings=happenings, units=units)


class _Clock:
    """Resolves begins and ends in the order in which they depend on each other."""

    def __init__(self, script: Script, durations: Durations) -> None:
        self._script = script
        self._durations = durations
        self._cuts = _find_cuts(script)
        self._begins_us: dict[str, int] = {}
        self._ends_us: dict[str, int] = {}
        self._layouts: dict[str, SpeechLayout] = {}
        self.spans: dict[str, Span] = {}
        self.uncut_ends_us: dict[str, int] = {}
        self.end_us = 0

    def run(self) -> None:
        """Resolves everything.

        Raises:
            InvalidInput: see `schedule`.
        """
        open_beds = [event for event in self._script.events if isinstance(event, NoiseBed) and event.ends is None]
        for name, edge in self._order():
            event = self._script.by_id[name]
            if edge == "begin":
                self._begin(event)
            elif event not in open_beds:
                self._end(event)
        self._check_cut_words()
        last_us = max([*self._ends_us.values(), *self._begins_us.values()], default=0)
        self.end_us = max(last_us + self._script.tail_ms * 1000, 1)
        for bed in open_beds:
            self._ends_us[bed.id] = _whole_units_us(self.end_us)
        self.spans = {
            name: Span(begin_us=begin_us, end_us=self._ends_us[name]) for name, begin_us in self._begins_us.items()
        }

    def utterances(self) -> Iterator[Utterance]:
        """The speech, in the script's order."""
        for event in self._script.events:
            if isinstance(event, SPEECH):
                span = self.spans[event.id]
                is_cut = event.id in self._cuts and span.end_us < self.uncut_ends_us[event.id]
                yield self._layouts[event.id].until(event, span, is_cut=is_cut)

    def happenings(self) -> Iterator[Happening]:
        """All that is neither speech nor a promise of silence, in the script's order."""
        for event in self._script.events:
            if not isinstance(event, (*SPEECH, Silence)):
                span = self.spans[event.id]
                yield Happening(event=event, begin_us=span.begin_us, end_us=span.end_us)

    def _order(self) -> tuple[_Point, ...]:
        graph: dict[_Point, set[_Point]] = defaultdict(set)
        for event in self._script.events:
            graph[event.id, "begin"] |= _point_of(event.begins)
            graph[event.id, "end"] |= {(event.id, "begin")}
            if isinstance(event, NoiseBed) and event.ends is not None:
                graph[event.id, "end"] |= _point_of(event.ends)
            if event.id in self._cuts:
                graph[event.id, "end"] |= {(self._cuts[event.id][0].id, "begin")}
        try:
            return tuple(TopologicalSorter(graph).static_order())
        except CycleError as error:
            circle = " after ".join(f"{name}'s {edge}" for name, edge in reversed(error.args[1]))
            raise InvalidInput(
                f"got events that wait for each other ({circle}), expected a way back to 'start'; change one `begins`",
                reason="SCRIPT",
            ) from error

    def _begin(self, event: AnyEvent) -> None:
        begin_us = self._time_us(event.begins)
        if begin_us < 0:
            raise InvalidInput(
                f"got {event.id!r} beginning {-begin_us / 1000:g} ms before the conversation, expected 0 or later",
                reason="SCRIPT",
            )
        pauses = event.pauses if isinstance(event, UserTurn | AgentTurn) else ()
        if isinstance(event, AgentTurn):
            # The agent makes its speech unit by unit: the same words are the same units wherever they are said.
            begin_us = _whole_units_us(begin_us)
            pauses = tuple(
                dataclasses.replace(pause, duration_ms=_whole_units_us(pause.duration_ms * 1000) // 1000)
                for pause in pauses
            )
        self._begins_us[event.id] = begin_us
        if isinstance(event, SPEECH):
            layout = SpeechLayout(self._spoken(event), pauses, begin_us)
            self._layouts[event.id] = layout
            self.uncut_ends_us[event.id] = layout.end_us

    def _end(self, event: AnyEvent) -> None:
        begin_us = self._begins_us[event.id]
        if isinstance(event, SPEECH):
            end_us = self.uncut_ends_us[event.id]
            if event.id in self._cuts:
                interrupter, interruption = self._cuts[event.id]
                end_us = min(end_us, self._begins_us[interrupter.id] + interruption.yields_after_ms * 1000)
        elif isinstance(event, Sound):
            end_us = begin_us + self._sound_us(event)
        elif isinstance(event, NoiseBed):
            assert event.ends is not None
            end_us = self._time_us(event.ends)
        elif isinstance(event, AgentGesture):
            end_us = begin_us
        else:
            end_us = begin_us + event.duration_ms * 1000
        self._ends_us[event.id] = end_us

    def _time_us(self, moment: Moment) -> int:
        offset_us = moment.offset_ms * 1000
        if moment.of == START:
            return offset_us
        if moment.word_index is not None:
            word = self._layouts[moment.of].words[moment.word_index]
            return offset_us + (word.begin_us if moment.edge == "begin" else word.end_us)
        return offset_us + (self._begins_us if moment.edge == "begin" else self._ends_us)[moment.of]

    def _spoken(self, event: Speech) -> Spoken:
        spoken = self._durations.speech.get(event.id)
        if spoken is None:
            raise InvalidInput(f"got no duration of {event.id!r}, expected one for each turn", reason="DURATIONS")
        count = len(words_of(event.text))
        if len(spoken.words) != count:
            raise InvalidInput(
                f"got {len(spoken.words)} word times for {event.id!r}, expected {count}: {event.text!r}",
                reason="DURATIONS",
            )
        edges = [0, *(edge for word in spoken.words for edge in word), spoken.duration_us]
        if any(later < earlier for earlier, later in pairwise(edges)):
            raise InvalidInput(
                f"got word times of {event.id!r} that go backwards or leave the clip of "
                f"{spoken.duration_us} us: {spoken.words}, expected them in order",
                reason="DURATIONS",
            )
        return spoken

    def _sound_us(self, event: Sound) -> int:
        duration_us = self._durations.sounds_us.get(event.id)
        if duration_us is None or duration_us <= 0:
            raise InvalidInput(
                f"got the duration {duration_us} of {event.id!r}, expected one above 0 us for each sound",
                reason="DURATIONS",
            )
        return duration_us

    def _check_cut_words(self) -> None:
        for event in self._script.events:
            moment = event.begins
            if moment.word_index is None or moment.of not in self._cuts:
                continue
            word = self._layouts[moment.of].words[moment.word_index]
            if word.begin_us >= self._ends_us[moment.of]:
                raise InvalidInput(
                    f"got {event.id!r} at word {moment.word_index} of {moment.of!r}, which is interrupted before it; "
                    "expected a word that is said",
                    reason="SCRIPT",
                )


def _whole_units_us(time_us: int) -> int:
    """Up to the next border of units."""
    return -(-time_us // UNIT_US) * UNIT_US


def _point_of(moment: Moment) -> set[_Point]:
    if moment.of == START:
        return set()
    return {(moment.of, "begin" if moment.word_index is not None else moment.edge)}


def _find_cuts(script: Script) -> _Cuts:
    cuts: _Cuts = {}
    for event in script.events:
        if not isinstance(event, UserTurn) or event.interrupts is None:
            continue
        turn = event.interrupts.turn
        if turn in cuts:
            raise InvalidInput(
                f"got {turn!r} interrupted by {cuts[turn][0].id!r} and by {event.id!r}, expected once", reason="SCRIPT"
            )
        if event.begins.of == turn and event.begins.edge == "end" and event.begins.word_index is None:
            raise InvalidInput(
                f"got the interruption {event.id!r} beginning at the end of {turn!r}, which it causes itself; "
                "expected it at a word of that turn",
                reason="SCRIPT",
            )
        cuts[turn] = (event, event.interrupts)
    return cuts
