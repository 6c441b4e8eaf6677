"""A talk in words: what the visitors did, what the agent wrote, and what was heard of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from wan_streamer.eval.conversations.heard import US_PER_S, Heard
from wan_streamer.train.data.events import AgentGesture, AgentTurn, Backchannel, NoiseBed, Sound, UserTurn
from wan_streamer.train.data.timeline import Happening, Timeline, Utterance
from wan_streamer.unit import UNIT_US

# Words with fewer silent units between them are one line: a long word takes some units to say.
SILENT_UNITS: Final = 6


@dataclass(frozen=True, kw_only=True, order=True)
class Line:
    """One line of a transcript; `who` is a visitor's id, the room, or the agent."""

    at_us: int
    who: str
    what: str


def transcript(timeline: Timeline, words: Sequence[str], heard: Heard) -> list[Line]:
    """All lines in the order of their beginnings.

    Args:
        words: what the agent wrote, by unit.
    """
    lines = [*map(_said, timeline.utterances), *map(_happened, timeline.happenings), *_written(words)]
    lines += [
        Line(at_us=said.begin_us, who="agent, heard", what=said.text or "(no words)") for said in heard.utterances
    ]
    return sorted(line for line in lines if line is not None)


def markdown(lines: Sequence[Line]) -> str:
    """A table."""
    rows = (f"| {line.at_us / US_PER_S:.1f} | {line.who} | {line.what.replace('|', '/')} |" for line in lines)
    return "\n".join(["| s | who | what |", "|---|---|---|", *rows])


def _said(utterance: Utterance) -> Line:
    event, cut = utterance.event, " ..." if utterance.is_cut else ""
    text = " ".join(word.text for word in utterance.words) + cut
    match event:
        case AgentTurn():
            return Line(at_us=utterance.begin_us, who="agent, wanted", what=f"*{text}*")
        case Backchannel(visitor=visitor):
            return Line(at_us=utterance.begin_us, who=visitor, what=f"{text} (in passing)")
        case UserTurn(visitor=visitor, interrupts=interrupts, to=to):
            aside = " (interrupts)" if interrupts else f" (to {to})" if to != "agent" else ""
            return Line(at_us=utterance.begin_us, who=visitor, what=f"**{text}**{aside}")


def _happened(happening: Happening) -> Line | None:
    match happening.event:
        case AgentGesture():
            return None
        case Sound(sound=sound):
            return Line(at_us=happening.begin_us, who="room", what=f"({sound})")
        case NoiseBed(noise=noise):
            return Line(at_us=happening.begin_us, who="room", what=f"({noise} until {happening.end_us / US_PER_S:.1f})")
        case event:
            item = f" {event.item}" if event.item else ""
            return Line(at_us=happening.begin_us, who=event.visitor, what=f"({event.action.replace('_', ' ')}{item})")


def _written(words: Sequence[str]) -> Iterator[Line]:
    begin, last, text = 0, -SILENT_UNITS, ""
    for unit, word in enumerate(words):
        if not word.strip():
            continue
        if text and unit - last > SILENT_UNITS:
            yield _line(begin, text)
            text = ""
        begin, last, text = (begin if text else unit), unit, text + word
    if text:
        yield _line(begin, text)


def _line(unit: int, text: str) -> Line:
    return Line(at_us=unit * UNIT_US, who="agent, written", what=" ".join(text.split()))
