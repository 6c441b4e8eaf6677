"""What is heard of the agent in a talk: when it speaks, and what."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from wan_streamer.train.data.timeline import Span

US_PER_S: Final = 1_000_000
# What is transcribed at once ends at a pause of this: after "Stop." the next answer may begin 0.4 s after the one that
# broke off.
UTTERANCE_GAP_US: Final = 350_000
# Pauses inside an answer are shorter: between sentences the agent's voice pauses 0.6 to 0.84 s, and scripts add up to
# 0.5 s; the longest of 448 in 200 conversations of training was 1.27 s.
PAUSE_US: Final = 1_300_000


@dataclass(frozen=True, kw_only=True)
class Said(Span):
    """Some words without a long pause; `text` is as Whisper writes it, None when it could not be asked."""

    text: str | None = None


@dataclass(frozen=True, kw_only=True)
class Stretch(Span):
    """Speech up to a pause that is too long for one inside an answer.

    Attributes:
        quality: DNSMOS overall, None for a short one and when it could not be asked.
    """

    quality: float | None = None


@dataclass(frozen=True, kw_only=True)
class Heard:
    """The agent's speech in a talk.

    Attributes:
        spans: when it speaks; a pause of 0.2 s ends a span.
        utterances: the same, up to pauses of UTTERANCE_GAP_US, with words.
        stretches: the same, up to pauses of PAUSE_US.
        other_sound_us: how long it makes loud sound that is no speech.
    """

    spans: tuple[Span, ...]
    utterances: tuple[Said, ...]
    stretches: tuple[Stretch, ...]
    other_sound_us: int = 0

    def begun_in(self, begin_us: int, end_us: int) -> tuple[Said, ...]:
        """The utterances that begin from `begin_us` up to `end_us`."""
        return tuple(said for said in self.utterances if begin_us <= said.begin_us < end_us)

    def speaks_at(self, at_us: int) -> bool:
        """Whether it speaks at a time, or pauses inside its speech."""
        return any(stretch.begin_us <= at_us < stretch.end_us for stretch in self.stretches)

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "spans": [[span.begin_us, span.end_us] for span in self.spans],
            "utterances": [[said.begin_us, said.end_us, said.text] for said in self.utterances],
            "stretches": [[one.begin_us, one.end_us, one.quality] for one in self.stretches],
            "other_sound_us": self.other_sound_us,
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "Heard":
        """What `to_json` gave."""
        return cls(
            spans=tuple(Span(begin_us=begin_us, end_us=end_us) for begin_us, end_us in content["spans"]),
            utterances=tuple(Said(begin_us=b, end_us=e, text=t) for b, e, t in content["utterances"]),
            stretches=tuple(Stretch(begin_us=b, end_us=e, quality=q) for b, e, q in content["stretches"]),
            other_sound_us=content["other_sound_us"],
        )


def join_spans(spans: Sequence[Span], gap_us: int) -> tuple[Span, ...]:
    """Spans with shorter gaps than `gap_us` between them as one."""
    joined: list[Span] = []
    for span in spans:
        if joined and span.begin_us - joined[-1].end_us < gap_us:
            joined[-1] = Span(begin_us=joined[-1].begin_us, end_us=span.end_us)
        else:
            joined.append(span)
    return tuple(joined)


def text_of(utterances: Sequence[Said]) -> str:
    """All that is heard in utterances."""
    return " ".join(said.text for said in utterances if said.text)
