"""What talkers without a model say in a conversation: the truth, nothing, or the same all the time."""

import itertools
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from wan_streamer.eval.sound import at_rate
from wan_streamer.train.data.conversation import AGENT_RATE_HZ, Conversation
from wan_streamer.train.data.events import AGENT, UserTurn
from wan_streamer.train.data.spoken_clip import SpokenClip
from wan_streamer.unit import UNIT_US

Samples = NDArray[np.float32]
COMMON_DELAY_US: Final = 600_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """What the agent says in a conversation: samples at AGENT_RATE_HZ, [S], whole units, and words by unit."""

    samples: Samples
    words: tuple[str, ...]


class Says(Protocol):
    """Decides what the agent says in a conversation."""

    def __call__(self, conversation: Conversation) -> Part:
        """All of it."""


def say_the_truth(conversation: Conversation) -> Part:
    """What the script's agent says; a word stands in the unit in which it begins."""
    words = tuple("".join(f"{word} " for word in label.agent_words) for label in conversation.timeline.units)
    return Part(samples=conversation.agent_audio, words=words)


def say_nothing(conversation: Conversation) -> Part:
    """Digital silence."""
    return Part(samples=np.zeros_like(conversation.agent_audio), words=("",) * conversation.unit_count)


class SayTheCommon:
    """The same answer 0.6 s after every turn to the agent; it breaks off when the visitor has ended another turn.

    Args:
        clip: the answer in the agent's voice.
    """

    def __init__(self, clip: SpokenClip) -> None:
        self._text = clip.text.split()
        self._words = clip.words
        self._samples = at_rate(clip.samples, clip.sample_rate_hz, AGENT_RATE_HZ)

    def __call__(self, conversation: Conversation) -> Part:
        samples = np.zeros_like(conversation.agent_audio)
        words = [""] * conversation.unit_count
        turns = [u for u in conversation.timeline.utterances if isinstance(u.event, UserTurn) and u.event.to == AGENT]
        ends_us = [turn.end_us for turn in turns]
        for end_us, stop_us in itertools.zip_longest(ends_us, ends_us[1:], fillvalue=conversation.unit_count * UNIT_US):
            self._say(samples, words, end_us + COMMON_DELAY_US, stop_us)
        return Part(samples=samples, words=tuple(words))

    def _say(self, samples: Samples, words: list[str], begin_us: int, stop_us: int) -> None:
        first, stop = (us * AGENT_RATE_HZ // 1_000_000 for us in (begin_us, stop_us))
        said = self._samples[: max(0, min(stop, len(samples)) - first)]
        samples[first : first + len(said)] = said
        for text, (word_begin_us, _) in zip(self._text, self._words, strict=True):
            at_us = begin_us + word_begin_us
            if at_us < min(stop_us, len(words) * UNIT_US):
                words[at_us // UNIT_US] += f"{text} "
