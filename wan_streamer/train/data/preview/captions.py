"""Who says what, page by page, with the word that is being said."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from wan_streamer.train.data.events import AGENT, AgentTurn
from wan_streamer.train.data.timeline import SpokenWord, Timeline, Utterance

# A page stays for a moment after its last word, unless something newer is said.
STAYS_US: Final = 700_000
CUT_SIGN: Final = "-"


@dataclass(frozen=True, kw_only=True)
class Caption:
    """Some words of one utterance that stand on the screen together.

    Attributes:
        speaker: `agent` or the visitor's id.
        is_agent: on whose side it stands.
        words: with their times.
        ends_cut: an interruption ends it.
    """

    speaker: str
    is_agent: bool
    words: tuple[SpokenWord, ...]
    begin_us: int
    end_us: int
    ends_cut: bool = False

    @property
    def text(self) -> str:
        """All of it."""
        text = " ".join(word.text for word in self.words)
        return text.rstrip(",;:.") + CUT_SIGN if self.ends_cut else text

    def said_word(self, at_us: int) -> int | None:
        """Index of the word that is being said at a time; None before the first and after the last."""
        for index, word in enumerate(self.words):
            if word.begin_us <= at_us < word.end_us:
                return index
        return None


def captions(timeline: Timeline, *, letter_count: int) -> tuple[Caption, ...]:
    """All pages, by begin; none is longer than `letter_count` unless it is one word."""
    return tuple(page for utterance in timeline.utterances for page in _pages(utterance, letter_count))


def caption_at(pages: tuple[Caption, ...], at_us: int, *, is_agent: bool) -> Caption | None:
    """The newest page of one side that is on the screen at a time."""
    shown = [p for p in pages if p.is_agent == is_agent and p.begin_us <= at_us < p.end_us + STAYS_US]
    return shown[-1] if shown else None


def _pages(utterance: Utterance, letter_count: int) -> Iterator[Caption]:
    event = utterance.event
    speaker = AGENT if isinstance(event, AgentTurn) else event.visitor
    groups = list(_groups(utterance.words, letter_count))
    for index, words in enumerate(groups):
        is_last = index == len(groups) - 1
        yield Caption(
            speaker=speaker,
            is_agent=isinstance(event, AgentTurn),
            words=words,
            begin_us=words[0].begin_us,
            end_us=utterance.end_us if is_last else groups[index + 1][0].begin_us,
            ends_cut=is_last and utterance.is_cut,
        )


def _groups(words: tuple[SpokenWord, ...], letter_count: int) -> Iterator[tuple[SpokenWord, ...]]:
    group: list[SpokenWord] = []
    for word in words:
        if group and sum(len(other.text) + 1 for other in group) + len(word.text) > letter_count:
            yield tuple(group)
            group = []
        group.append(word)
    if group:
        yield tuple(group)
