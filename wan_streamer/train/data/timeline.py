"""A conversation on one clock: microseconds from its beginning, and a label for each unit of 160 ms.

Everything that `schedule.py` finds out about a script once it is known how long the words are.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from wan_streamer.train.data.events import AgentGesture, AgentTurn, NoiseBed, Sound, Speech, VisitorAction
from wan_streamer.train.data.script import Script
from wan_streamer.unit import UNIT_US

AgentDoes = Literal["listen", "speak", "yield", "idle"]


@dataclass(frozen=True, kw_only=True)
class Spoken:
    """How long a synthesised or recorded text is.

    Attributes:
        duration_us: length of the clip.
        words: begin and end of each word in the clip, in microseconds, in order.
    """

    duration_us: int
    words: tuple[tuple[int, int], ...]


@dataclass(frozen=True, kw_only=True)
class Durations:
    """What is known after synthesis, by the ids of the events.

    Attributes:
        speech: for each user turn, agent turn and backchannel.
        sounds_us: length of each sound.
    """

    speech: Mapping[str, Spoken]
    sounds_us: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Span:
    """From `begin_us` up to, and without, `end_us`."""

    begin_us: int
    end_us: int

    def overlap_us(self, begin_us: int, end_us: int) -> int:
        """How much of the span lies between two times."""
        return max(0, min(self.end_us, end_us) - max(self.begin_us, begin_us))


@dataclass(frozen=True, kw_only=True)
class SpokenWord(Span):
    """A word on the clock; `is_cut` when the speaker falls silent inside it."""

    text: str
    is_cut: bool = False


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Where a piece of a clip goes: pauses cut a clip into several.

    Attributes:
        clip_begin_us, clip_end_us: the piece of the clip.
        at_us: when it begins in the conversation.
    """

    clip_begin_us: int
    clip_end_us: int
    at_us: int


@dataclass(frozen=True, kw_only=True)
class Utterance(Span):
    """Speech on the clock.

    Attributes:
        event: the turn or backchannel.
        words: those that are said at all.
        pieces: which part of the clip goes where.
        is_cut: an interruption has ended it.
    """

    event: Speech
    words: tuple[SpokenWord, ...]
    pieces: tuple[Piece, ...]
    is_cut: bool = False


@dataclass(frozen=True, kw_only=True)
class Happening(Span):
    """Anything but speech on the clock; a gesture is an instant."""

    event: Sound | NoiseBed | VisitorAction | AgentGesture


@dataclass(frozen=True, kw_only=True)
class UnitLabel:
    """What is true in one unit. Something counts that fills at least a frame (40 ms) of it; an onset counts always."""

    unit_index: int
    agent: AgentDoes
    """`yield` from an interruption to its silence; `listen` while a visitor speaks to it and until it answers."""
    agent_words: tuple[str, ...] = ()
    """The agent's words that begin in it."""
    user_speaks: bool = False
    """Somebody speaks to the agent."""
    side_talk: bool = False
    """Visitors speak to each other."""
    voices: tuple[str, ...] = ()
    """Ids of the visitors who are heard speaking, backchannels included."""
    intent: str | None = None
    """Of the turn that is being said to the agent, or that waits for its answer, or that it answers."""
    interruption: bool = False
    """An interruption begins in it."""
    backchannel: bool = False
    sound: str | None = None
    noise: str | None = None
    event: str | None = None
    """What a visitor does, `action` or `action.item`."""
    present: tuple[str, ...] = ()
    """Ids of the visitors who are there."""


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """A script on the clock.

    Attributes:
        script: what it was made from.
        utterances, happenings: by begin, then in the script's order.
        units: a label for each unit; their number is the length of the conversation.
    """

    script: Script
    utterances: tuple[Utterance, ...]
    happenings: tuple[Happening, ...]
    units: tuple[UnitLabel, ...]

    @property
    def duration_us(self) -> int:
        """Length of the conversation, a whole number of units."""
        return len(self.units) * UNIT_US

    def agent_turns(self) -> tuple[Utterance, ...]:
        """What the agent says."""
        return tuple(utterance for utterance in self.utterances if isinstance(utterance.event, AgentTurn))
